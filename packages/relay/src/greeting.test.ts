import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeGreeting, encodeGreeting } from "./greeting.js";

const u16 = fc.integer({ min: 0, max: 0xffff });
const held = fc.option(fc.record({ templatesDigest: u16, contextsMask: u16 }));
const rate = fc.option(fc.integer({ min: 1, max: 0xffff_ffff }));

describe("greeting", () => {
  it("survives the wire", () => {
    fc.assert(
      fc.property(rate, held, (drainBytesPerS, held) => {
        const { codecs, ...told } = decodeGreeting(encodeGreeting({ drainBytesPerS, held }));
        expect(told).toEqual({ drainBytesPerS, held });
        expect(codecs.length).toBeGreaterThan(5);
      }),
    );
  });

  it("takes two bytes where nothing is held, six where something is", () => {
    const nothing = { templatesDigest: 0, contextsMask: 0 };
    expect(encodeGreeting({ drainBytesPerS: null, held: null })).toEqual(Uint8Array.of(0x01, 0));
    expect(encodeGreeting({ drainBytesPerS: null, held: nothing })).toEqual(Uint8Array.of(0x41, 0));
    const something = { templatesDigest: 0x1234, contextsMask: 3 };
    expect(encodeGreeting({ drainBytesPerS: 100, held: something })).toEqual(
      Uint8Array.of(0x81, 100, 0x12, 0x34, 0, 3),
    );
  });

  it("says nothing when it is empty: then the codecs every node opens are assumed", () => {
    const { codecs, drainBytesPerS, held } = decodeGreeting(new Uint8Array(0));
    expect([codecs.includes(2), drainBytesPerS, held]).toEqual([true, null, null]);
  });

  it("is read or refused, whatever it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        try {
          decodeGreeting(bytes);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }),
      { numRuns: Number(process.env.FUZZ_CASES ?? 2000) },
    );
  });
});
