import { describe, expect, it } from "vitest";
import { type AirBounds, AirLog } from "./air-log.js";

const NONE: AirBounds = {
  airtimeMsPerHourMax: null,
  drainBytesPerS: null,
  creditsPerDay: null,
  parcelBytesMax: 100,
};
const HOUR_MS = 3_600_000;

function log(
  bounds: Partial<AirBounds>,
  sent: readonly [endMs: number, airtimeMs: number, bytes?: number][],
) {
  const air = new AirLog("air", { ...NONE, ...bounds });
  for (const [endMs, airtimeMs, byteCount = 1] of sent)
    air.add({ station: "a", endMs, airtimeMs, byteCount });
  return air;
}

describe("the log of a medium", () => {
  it("sees an hour with too much airtime, parts of transmissions included", () => {
    const bounds = { airtimeMsPerHourMax: 1_000 };
    expect(
      log(bounds, [
        [600, 600],
        [HOUR_MS + 100, 500],
      ]).violations(),
    ).toEqual([]);
    expect(
      log(bounds, [
        [600, 600],
        [HOUR_MS + 99, 500],
      ]).violations(),
    ).toHaveLength(1);
    expect(
      log(bounds, [
        [600, 600],
        [HOUR_MS + 499, 400],
        [HOUR_MS + 600, 101],
      ]).violations(),
    ).toEqual([]);
    expect(log(bounds, [[1_001, 1_001]]).violations()).toHaveLength(1);
  });

  it("sees a day with too many credits", () => {
    const bounds = { creditsPerDay: 0.15 };
    expect(
      log(bounds, [
        [10, 10, 100],
        [24 * HOUR_MS + 10, 10, 100],
      ]).violations(),
    ).toEqual([]);
    expect(
      log(bounds, [
        [10, 10, 100],
        [24 * HOUR_MS + 9, 10, 100],
      ]).violations(),
    ).toHaveLength(1);
  });

  it("sees ten seconds with more than the drain rate and one parcel", () => {
    const bounds = { drainBytesPerS: 10 };
    const even = Array.from({ length: 50 }, (_, i) => [i * 10_000, 0, 100] as [number, number, number]);
    expect(log(bounds, even).violations()).toEqual([]);
    expect(
      log(bounds, [...even.slice(0, 20), [194_000, 0, 100], [199_000, 0, 100]]).violations(),
    ).toHaveLength(1);
  });

  it("judges each station by itself", () => {
    const air = log({ airtimeMsPerHourMax: 1_000 }, [[1_000, 900]]);
    air.add({ station: "b", endMs: 2_000, airtimeMs: 900, byteCount: 1 });
    expect(air.violations()).toEqual([]);
    expect(air.count).toBe(2);
  });
});
