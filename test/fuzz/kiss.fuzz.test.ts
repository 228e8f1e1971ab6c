import { type Ax25Frame, decodeAx25, encodeUi } from "@estafette/bearer-kiss";
import { ProtocolError } from "@estafette/contract";
import { KissReader, kissEncode } from "@estafette/framing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Cases for each parser; CI takes the default, `npm run fuzz` a million. */
const CASES = Number(process.env.FUZZ_CASES ?? 2_000);
const TIME = { timeout: Math.max(60_000, CASES * 2) };

const callSign = fc.record({
  call: fc.string({ unit: fc.constantFrom(..."ABCXYZ019"), minLength: 1, maxLength: 6 }),
  ssid: fc.integer({ min: 0, max: 15 }),
});

const frame = fc
  .record({
    destination: callSign,
    source: callSign,
    via: fc.array(callSign, { maxLength: 8 }),
    info: fc.uint8Array({ maxLength: 80 }),
  })
  .map(encodeUi);

/** A frame with a few bytes changed, added or cut off; or noise. */
const nearlyFrame = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc
    .tuple(frame, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 5 }), fc.nat(120))
    .map(([bytes, changes, length]) => {
      const changed = bytes.slice(0, Math.max(1, length));
      for (const [at, value] of changes) changed[at % changed.length] = value;
      return changed;
    }),
);

function decoded(bytes: Uint8Array): Ax25Frame | null {
  try {
    return decodeAx25(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

describe(`${CASES} cases for each parser of packet radio`, () => {
  it("AX.25: a frame whose parts are in their bounds, or a ProtocolError", TIME, () => {
    let accepted = 0;
    fc.assert(
      fc.property(nearlyFrame, (bytes) => {
        const given = bytes.slice();
        const found = decoded(bytes);
        expect(Buffer.compare(bytes, given), "the input is not changed").toBe(0);
        if (!found) return;
        accepted++;
        const stations = [found.destination, found.source, ...found.via.map(({ station }) => station)];
        for (const { call, ssid } of stations) {
          expect(call).toMatch(/^[A-Z0-9]{1,6}$/);
          expect(ssid >= 0 && ssid <= 15).toBe(true);
        }
        expect(found.via.length).toBeLessThanOrEqual(8);
        expect(found.info.length).toBeLessThanOrEqual(Math.max(0, bytes.length - 16));
      }),
      { numRuns: CASES },
    );
    expect(accepted, "the cases reach behind the addresses").toBeGreaterThan(CASES / 20);
  });

  it("KISS: never throws, cut anywhere gives the same, and finds the next frame", TIME, () => {
    const wire = fc.array(fc.oneof(fc.constantFrom(0xc0, 0xdb, 0xdc, 0xdd, 0x00, 0x10, 0xff), fc.nat(255)), {
      maxLength: 300,
    });
    const intact = kissEncode({ port: 0, command: 0, data: Uint8Array.of(0xc0, 0xdb, 1) });
    fc.assert(
      fc.property(wire, fc.nat(300), (values, cut) => {
        const bytes = Uint8Array.from([...values, ...intact]);
        const whole = new KissReader(100).push(bytes);
        const pieces = new KissReader(100);
        const apart = [...pieces.push(bytes.subarray(0, cut)), ...pieces.push(bytes.subarray(cut))];
        expect(apart).toEqual(whole);
        for (const { data } of whole) expect(data.length).toBeLessThanOrEqual(100);
        expect(whole.at(-1)).toEqual({ port: 0, command: 0, data: Uint8Array.of(0xc0, 0xdb, 1) });
      }),
      { numRuns: CASES },
    );
  });
});
