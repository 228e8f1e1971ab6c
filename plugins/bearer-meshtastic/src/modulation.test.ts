import { describe, expect, it } from "vitest";
import type { LoraSettings } from "./from-radio.js";
import {
  bitsPerSecond,
  dutyMsPerHourMax,
  LONG_FAST,
  modulationOf,
  slotMs,
  timeOnAirMs,
} from "./modulation.js";
import { packetBytes } from "./packet-size.js";

const settings = (given: Partial<LoraSettings>): LoraSettings => ({
  ...{ usesPreset: true, preset: 0, bandwidthKhz: 0, spreadingFactor: 0, codingRate: 0, region: 3 },
  ...given,
});

describe("modulation", () => {
  it("takes as long, and carries as much, as the published table says", () => {
    const table: [preset: number, bps: number, times: number[]][] = [
      [8, 21_875, [21, 35, 53, 102]],
      [6, 10_938, [43, 71, 107, 204]],
      [5, 6_250, [75, 126, 193, 362]],
      [4, 3_516, [140, 232, 345, 642]],
      [3, 1_953, [259, 423, 628, 1_181]],
      [9, 1_343, [345, 574, 869, 1_656]],
      [0, 1_074, [518, 805, 1_174, 2_157]],
      [7, 336, [1_511, 2_691, 4_133, 7_934]],
      [1, 183, [2_761, 4_858, 7_479, 14_295]],
    ];
    for (const [preset, bps, times] of table) {
      const modulation = modulationOf(settings({ preset }));
      expect(Math.round(bitsPerSecond(modulation))).toBe(bps);
      // Payloads of 10, 50, 100 and 231 bytes, 24 bytes around each.
      expect([34, 74, 124, 255].map((bytes) => Math.round(timeOnAirMs(modulation, bytes)))).toEqual(times);
    }
    expect(Math.round(slotMs(LONG_FAST))).toBe(28);
  });

  it("of a preset younger than the table, or of nonsense, counts as the slowest", () => {
    const slowest = modulationOf(settings({ preset: 2 }));
    expect(modulationOf(settings({ preset: 77 }))).toEqual(slowest);
    expect(modulationOf(settings({ usesPreset: false, spreadingFactor: 99 }))).toEqual(slowest);
  });

  it("of one's own is taken as it is, wider at 2.4 GHz", () => {
    const own = settings({ usesPreset: false, bandwidthKhz: 62, spreadingFactor: 9, codingRate: 6 });
    expect(modulationOf(own)).toEqual({ spreadingFactor: 9, bandwidthKhz: 62.5, codingRate: 6 });
    expect(modulationOf(settings({ region: 13 })).bandwidthKhz).toBe(812.5);
  });

  it("may fill a tenth of the hour in Europe, all of it in America, little where we know nothing", () => {
    expect([3, 2, 15, 1, 99].map(dutyMsPerHourMax)).toEqual([360_000, 360_000, 36_000, 3_600_000, 36_000]);
  });
});

describe("a packet on the air", () => {
  it("is 255 bytes at the largest payloads", () => {
    expect(packetBytes(219, "direct", true)).toBe(255);
    expect(packetBytes(231, "channel", true)).toBe(255);
    expect(packetBytes(100, "channel", false)).toBe(123);
  });

  it("to all is 66 bytes longer while the signature fits, and counts no less beyond", () => {
    expect(packetBytes(165, "channel", true)).toBe(255);
    expect(packetBytes(166, "channel", true)).toBe(255);
    expect(packetBytes(20, "channel", true) - packetBytes(20, "channel", false)).toBe(66);
  });
});
