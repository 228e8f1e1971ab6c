import { describe, expect, it } from "vitest";
import { type AirBounds, AirLog } from "./air-log.js";

const NONE: AirBounds = {
  airtimeMsPerHourMax: null,
  airtimeMsPerDayMax: null,
  drainBytesPerS: null,
  credits: null,
  window: null,
  parcelBytesMax: 100,
  urgentShare: 0,
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
    const bounds = { credits: { perContact: 0, perKilobyte: 1, perDay: 0.15 } };
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

  it("counts contacts among the credits", () => {
    const air = log({ credits: { perContact: 2, perKilobyte: 10, perDay: 5 } }, [[1_000, 10, 100]]);
    air.addContact("a", 900);
    expect(air.violations()).toEqual([]);
    air.addContact("a", 24 * HOUR_MS + 899);
    air.addContact("a", 24 * HOUR_MS + 900);
    expect(air.violations()).toEqual([]);
    air.addContact("a", 24 * HOUR_MS + 898);
    expect(air.violations()).toEqual(["a used 7 of 5 credits in a day on air"]);
  });

  it("sees a day with too much airtime, though no hour has", () => {
    const bounds = { airtimeMsPerHourMax: 1_000, airtimeMsPerDayMax: 2_000 };
    const hourly = (count: number) =>
      Array.from({ length: count }, (_, i) => [(i + 1) * 2 * HOUR_MS, 900] as [number, number]);
    expect(log(bounds, hourly(2)).violations()).toEqual([]);
    expect(log(bounds, hourly(3)).violations()).toEqual([
      "a used 2700 of 2000 ms of airtime in a day on air",
    ]);
  });

  it("sees what is sent outside a window, where the clock could be believed", () => {
    const window = { everyMinutes: 30, openMinutes: 10 };
    const air = new AirLog("air", { ...NONE, window });
    const sentAt = (endUnixMs: number | null) =>
      air.add({ station: "a", endMs: 5_000, airtimeMs: 1_000, byteCount: 1, endUnixMs });
    sentAt(HOUR_MS / 2 + 1_000);
    sentAt(HOUR_MS / 6);
    sentAt(null);
    expect(air.violations()).toEqual([]);
    sentAt(HOUR_MS / 2);
    expect(air.violations()).toEqual(["a sent 1 times outside its windows on air"]);
  });

  it("knows which bounds were reached", () => {
    const airtime = { airtimeMsPerHourMax: 1_000, urgentShare: 0.2 };
    const some = (airtimeMs: number) => log(airtime, [[1_000, airtimeMs]]).reached();
    expect(some(390)).toEqual([]);
    expect(some(410)).toEqual(["a: ms of airtime in an hour"]);
    const drain = { drainBytesPerS: 10 };
    const each = (everyMs: number) => Array.from({ length: 5 }, (_, i) => [i * everyMs, 0, 100] as const);
    expect(
      log(
        drain,
        each(10_000).map((one) => [...one]),
      ).reached(),
    ).toEqual(["a: drain rate"]);
    expect(
      log(
        drain,
        each(12_000).map((one) => [...one]),
      ).reached(),
    ).toEqual([]);
    const credits = { credits: { perContact: 1, perKilobyte: 1, perDay: 2 } };
    expect(log(credits, [[1_000, 0, 600]]).reached()).toEqual(["a: credits in a day"]);
    expect(log(credits, [[1_000, 0, 100]]).reached()).toEqual([]);
  });

  it("judges each station by itself", () => {
    const air = log({ airtimeMsPerHourMax: 1_000 }, [[1_000, 900]]);
    air.add({ station: "b", endMs: 2_000, airtimeMs: 900, byteCount: 1 });
    expect(air.violations()).toEqual([]);
    expect(air.count).toBe(2);
  });
});
