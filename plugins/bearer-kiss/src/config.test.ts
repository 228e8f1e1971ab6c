import { ConfigError } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { accessMs, parseKissConfig, uiAirtimeMs } from "./config.js";

const GOOD = { connect: "127.0.0.1:8001", stationId: "n0call-1" };

describe("configuration", () => {
  it("needs a TNC and a call sign, and has defaults for the rest", () => {
    expect(parseKissConfig(GOOD)).toEqual({
      url: "tcp:127.0.0.1:8001",
      stationId: { call: "N0CALL", ssid: 1 },
      stations: [],
      via: [],
      tncPort: 0,
      parcelBytesMax: 256,
      bitsPerSecond: 1_200,
      txDelayMs: 300,
      txTailMs: 100,
      slotTimeMs: 100,
      persistence: 63,
      answerMs: 500,
      airtimeMsPerHourMax: null,
      idIntervalMs: null,
    });
    const serial = { port: "/dev/tnc", baud: 19_200, rtscts: true, stationId: "N0CALL" };
    expect(parseKissConfig(serial).url).toBe("serial:/dev/tnc?baud=19200&flow=hardware");
  });

  it("knows what a frame and its turn cost at 1200 Bd", () => {
    const config = parseKissConfig(GOOD);
    expect(uiAirtimeMs(config, 100)).toBeCloseTo(300 + ((100 + 16 + 4) * 8 * 1.02 * 1_000) / 1_200 + 100, 6);
    expect(accessMs(config)).toBe(300);
    expect(accessMs({ ...config, persistence: 255 })).toBe(0);
  });

  it.each([
    [undefined, "", /station_id/],
    [{ stationId: "N0CALL" }, "connect", /add connect/],
    [{ ...GOOD, port: "/dev/tnc" }, "port", /one of them/],
    [{ ...GOOD, baud: 9_600 }, "baud", /belongs to port/],
    [{ ...GOOD, connect: "localhost" }, "connect", /host:port/],
    [{ ...GOOD, connect: "host:0" }, "connect", /1 to 65535/],
    [{ port: "tnc", stationId: "N0CALL" }, "port", /absolute/],
    [{ port: "/dev/tnc", stationId: "N0CALL", rtscts: "yes" }, "rtscts", /true or false/],
    [{ connect: GOOD.connect }, "stationId", /your call sign/],
    [{ ...GOOD, stationId: "N0CALL-16" }, "stationId", /-1 to -15/],
    [{ ...GOOD, stations: "N0BBB" }, "stations", /a list/],
    [{ ...GOOD, stations: ["N0BBB", "n0bbb-0"] }, "stations", /once/],
    [{ ...GOOD, stations: ["N0CALL-1"] }, "stations", /this station/],
    [{ ...GOOD, via: Array(9).fill("N0BBB") }, "via", /at most 8/],
    [{ ...GOOD, tncPort: 16 }, "tncPort", /0 to 15/],
    [{ ...GOOD, parcelBytesMax: 2_049 }, "parcelBytesMax", /48 to 2048/],
    [{ ...GOOD, txDelayMs: 305 }, "txDelayMs", /multiple of 10/],
    [{ ...GOOD, idIntervalMs: 1_000 }, "idIntervalMs", /60000/],
    [{ ...GOOD, airtimeMsPerHourMax: 1_000 }, "airtimeMsPerHourMax", /one full parcel/],
    [{ ...GOOD, speed: 1 }, "speed", /known keys/],
  ])("refuses %j and names the key and the fix", (raw, key, fix) => {
    const refused = (() => {
      try {
        parseKissConfig(raw);
      } catch (error) {
        return error;
      }
      return null;
    })();
    expect(refused).toBeInstanceOf(ConfigError);
    expect((refused as ConfigError).place.key).toBe(key);
    expect((refused as ConfigError).message).toMatch(fix);
  });
});
