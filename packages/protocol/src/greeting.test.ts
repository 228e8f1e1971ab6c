import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "./bytes.js";
import { decodeGreeting, encodeGreeting } from "./greeting.js";
import { codeOf } from "./samples.js";

const u16 = fc.integer({ min: 0, max: 0xffff });
const held = fc.option(fc.record({ templatesDigest: u16, contextsMask: u16 }));
const drainBytesPerS = fc.option(fc.integer({ min: 1, max: 0xffff_ffff }));
const greeting = fc.record({ edition: fc.integer({ min: 0, max: 63 }), drainBytesPerS, held });

describe("greeting", () => {
  it("survives the wire", () => {
    fc.assert(
      fc.property(greeting, (told) => {
        expect(decodeGreeting(encodeGreeting(told))).toEqual(told);
      }),
    );
  });

  it("takes two bytes where nothing is held, six where something is", () => {
    const nothing = { templatesDigest: 0, contextsMask: 0 };
    const something = { templatesDigest: 0x1234, contextsMask: 3 };
    const told = { edition: 1, drainBytesPerS: null };
    expect(toHex(encodeGreeting({ ...told, held: null }))).toBe("0100");
    expect(toHex(encodeGreeting({ ...told, held: nothing }))).toBe("4100");
    expect(toHex(encodeGreeting({ ...told, drainBytesPerS: 100, held: something }))).toBe("816412340003");
  });

  it("says nothing when it is empty", () => {
    expect(decodeGreeting(new Uint8Array(0))).toEqual({ edition: 1, drainBytesPerS: null, held: null });
  });

  it("is told in one way only", () => {
    const codeFor = (hex: string) => codeOf(() => decodeGreeting(fromHex(hex)));
    expect(codeFor("41e400")).toBe("EST_PROTOCOL_ENCODING");
    expect(codeFor("4180808080808000")).toBe("EST_PROTOCOL_ENCODING");
    expect(codeFor("41ffffffff1f")).toBe("EST_PROTOCOL_RANGE");
    expect(codeFor("41ffffffff0f")).toBe("none");
    expect(codeFor("8100000000")).toBe("EST_PROTOCOL_TRUNCATED");
    expect(codeFor("810000000000")).toBe("EST_PROTOCOL_ENCODING");
    expect(codeFor("c10012340003")).toBe("EST_PROTOCOL_ENCODING");
    expect(codeFor("4100ff")).toBe("EST_PROTOCOL_TRAILING");
  });

  it("is read or refused, whatever it is, and what is read says the same again", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 24 }), (bytes) => {
        try {
          expect(toHex(encodeGreeting(decodeGreeting(bytes)))).toBe(toHex(bytes));
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }),
      { numRuns: Number(process.env.FUZZ_CASES ?? 2000) },
    );
  });
});
