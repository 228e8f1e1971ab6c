import { InvariantError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sameBytes, toHex } from "./bytes.js";
import {
  decodeHeader,
  encodeHeader,
  encodeHeaderPrefix,
  type Header,
  readSignedHeader,
  signHeader,
  verifyHeader,
} from "./envelope.js";
import { publicKeysOf } from "./identity.js";
import { LIMITS } from "./limits.js";
import { ada, adaRotated, ben, cleo, codeOf, sampleHeader, sampleSigned, seedOf } from "./samples.js";

const anySlot = fc.integer({ min: 0, max: 14 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Any header that has an encoding. */
const anyHeader: fc.Arbitrary<Header> = fc
  .record({
    mode: fc.constantFrom("end-to-end", "exit", "clear-signed"),
    class: fc.constantFrom("flash", "priority", "normal", "bulk"),
    codec: fc.integer({ min: 0, max: 255 }),
    destination: bytes(16),
    origin: bytes(32),
    keyEpoch: fc.integer({ min: 0, max: 255 }),
    epoch: fc.integer({ min: 0, max: 0xffff_ffff }),
    sequence: fc.maxSafeNat(),
    createdUnixS: fc.option(fc.integer({ min: 1_577_836_800, max: 1_577_836_800 + 0xffff_ffff })),
    clockTrusted: fc.boolean(),
    staticSeal: fc.boolean(),
    receipt: fc.boolean(),
    chunked: fc.boolean(),
    context: fc.option(
      fc
        .record({ uses: fc.option(anySlot), defines: fc.option(anySlot) })
        .filter(({ uses, defines }) => uses !== null || defines !== null),
    ),
    lifetimeS: fc.integer({ min: 3_600, max: 2_592_000 }),
    hopMax: fc.integer({ min: 0, max: 16 }),
    relays: fc.array(bytes(16), { maxLength: 8 }),
    ackCommitment: fc.option(bytes(16)),
    payloadBytes: fc.integer({ min: 0, max: LIMITS.payloadBytesMax }),
    payloadRoot: bytes(32),
  })
  .map((header) => {
    const staticSeal = header.staticSeal && header.mode !== "clear-signed";
    return {
      ...header,
      staticSeal,
      clockTrusted: header.clockTrusted && header.createdUnixS !== null,
      chunked: header.chunked && staticSeal,
      context: staticSeal ? header.context : null,
    };
  });

describe("header", () => {
  it("survives the wire, whatever it holds", () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        const encoded = encodeHeader(header);
        expect(encoded.length).toBeLessThanOrEqual(LIMITS.headerBytesMax);
        expect(decodeHeader(encoded)).toEqual(header);
        const prefix = encodeHeaderPrefix(header);
        expect(sameBytes(prefix, encoded.slice(0, prefix.length))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("has the bytes of the specification", () => {
    const header = sampleHeader(ada, {
      createdUnixS: null,
      clockTrusted: false,
      relays: [],
      ackCommitment: null,
      receipt: false,
      payloadBytes: 5,
    });
    expect(toHex(encodeHeader(header))).toBe(
      [
        "12" + "00" + "00",
        toHex(ben.address),
        toHex(ada.keys.root),
        "00" + "deadbeef" + "ac02" + "80a305" + "08" + "05",
        toHex(header.payloadRoot),
      ].join(""),
    );
  });

  it("says after the codec which contexts it uses and defines, and in a flag that it is chunked", () => {
    const changes = { staticSeal: true, receipt: false, relays: [], ackCommitment: null };
    const start = (header: Partial<Header>) =>
      toHex(encodeHeader(sampleHeader(ada, { ...changes, ...header })).slice(0, 4));
    const destination = toHex(ben.address.slice(0, 1));
    expect(start({})).toBe(`121300${destination}`);
    expect(start({ chunked: true })).toBe(`125300${destination}`);
    expect(start({ context: { uses: 3, defines: null } })).toBe("1293003f");
    expect(start({ context: { uses: null, defines: 14 } })).toBe("129300fe");
    expect(start({ context: { uses: 0, defines: 1 }, chunked: true })).toBe("12d30001");
  });

  it("may have 256 bytes and never more", () => {
    const longest = sampleHeader(ada, {
      staticSeal: true,
      chunked: true,
      context: { uses: 1, defines: 2 },
      sequence: Number.MAX_SAFE_INTEGER,
      createdUnixS: 1_577_836_800 + 0xffff_ffff,
      lifetimeS: 2_592_000,
      relays: Array(8).fill(cleo.address),
      payloadBytes: LIMITS.payloadBytesMax,
    });
    expect(encodeHeader(longest).length).toBe(LIMITS.headerBytesMax);
    expect(decodeHeader(encodeHeader(longest))).toEqual(longest);
  });

  it("is refused when cut anywhere or followed by anything", () => {
    const encoded = encodeHeader(sampleHeader());
    for (let length = 0; length < encoded.length; length++) {
      expect(codeOf(() => decodeHeader(encoded.slice(0, length)))).toBe("EST_PROTOCOL_TRUNCATED");
    }
    expect(codeOf(() => decodeHeader(Uint8Array.of(...encoded, 0)))).toBe("EST_PROTOCOL_TRAILING");
    expect(codeOf(() => decodeHeader(new Uint8Array(100_000)))).toBe("EST_PROTOCOL_RANGE");
  });

  it("is refused for versions, modes and flags of another time", () => {
    const encoded = encodeHeader(sampleHeader());
    const withByte = (index: number, value: number) => {
      const altered = encoded.slice();
      altered[index] = value;
      return altered;
    };
    expect(codeOf(() => decodeHeader(withByte(0, 0x22)))).toBe("EST_PROTOCOL_VERSION");
    expect(codeOf(() => decodeHeader(withByte(0, 0x1e)))).toBe("EST_PROTOCOL_VERSION");
    expect(codeOf(() => decodeHeader(withByte(1, 0x40)))).toBe("EST_PROTOCOL_ENCODING");
    expect(codeOf(() => decodeHeader(withByte(1, 0x80)))).toBe("EST_PROTOCOL_ENCODING");
    expect(codeOf(() => decodeHeader(withByte(1, 0x02)))).toBe("EST_PROTOCOL_ENCODING");
    expect(decodeHeader(withByte(2, 99)).codec).toBe(99);
  });

  it("is refused outside its limits, in both directions", () => {
    const wrong: [Partial<Header>, string][] = [
      [{ lifetimeS: 3_599 }, "EST_PROTOCOL_RANGE"],
      [{ lifetimeS: 2_592_001 }, "EST_PROTOCOL_RANGE"],
      [{ hopMax: 17 }, "EST_PROTOCOL_RANGE"],
      [{ payloadBytes: LIMITS.payloadBytesMax + 1 }, "EST_PROTOCOL_RANGE"],
      [{ sequence: -1 }, "EST_PROTOCOL_RANGE"],
      [{ sequence: 2 ** 53 }, "EST_PROTOCOL_RANGE"],
      [{ epoch: 2 ** 32 }, "EST_PROTOCOL_RANGE"],
      [{ createdUnixS: 1_577_836_799 }, "EST_PROTOCOL_RANGE"],
      [{ destination: new Uint8Array(15) }, "EST_PROTOCOL_RANGE"],
      [{ relays: Array.from({ length: 9 }, () => ben.address) }, "EST_PROTOCOL_RANGE"],
      [{ createdUnixS: null, clockTrusted: true }, "EST_PROTOCOL_ENCODING"],
      [{ mode: "clear-signed", staticSeal: true }, "EST_PROTOCOL_ENCODING"],
      [{ chunked: true }, "EST_PROTOCOL_ENCODING"],
      [{ context: { uses: 1, defines: null } }, "EST_PROTOCOL_ENCODING"],
      [{ staticSeal: true, context: { uses: 15, defines: null } }, "EST_PROTOCOL_RANGE"],
      [{ staticSeal: true, context: { uses: null, defines: -1 } }, "EST_PROTOCOL_RANGE"],
      [{ staticSeal: true, context: { uses: null, defines: null } }, "EST_PROTOCOL_ENCODING"],
    ];
    for (const [changes, code] of wrong) {
      expect(codeOf(() => encodeHeader(sampleHeader(ada, changes)))).toBe(code);
    }
    const inContext = encodeHeader(sampleHeader(ada, { staticSeal: true, context: { uses: 1, defines: 2 } }));
    expect(inContext[3]).toBe(0x12);
    inContext[3] = 0xff;
    expect(codeOf(() => decodeHeader(inContext))).toBe("EST_PROTOCOL_ENCODING");
  });

  it("has one encoding only: longer varints are refused", () => {
    const header = sampleHeader(ada, { sequence: 5 });
    const encoded = encodeHeader(header);
    const at = 1 + 1 + 1 + 16 + 32 + 1 + 4;
    expect(encoded[at]).toBe(5);
    const longer = Uint8Array.of(...encoded.slice(0, at), 0x85, 0x00, ...encoded.slice(at + 1));
    expect(codeOf(() => decodeHeader(longer))).toBe("EST_PROTOCOL_ENCODING");
    const huge = Uint8Array.of(...encoded.slice(0, at), ...Array(9).fill(0xff), ...encoded.slice(at + 1));
    expect(codeOf(() => decodeHeader(huge))).toBe("EST_PROTOCOL_RANGE");
  });
});

describe("signed header", () => {
  it("verifies under the keys it names and no others", () => {
    const signed = sampleSigned();
    expect(verifyHeader(signed, publicKeysOf(ada.keys.root))).toBe(true);
    expect(verifyHeader(signed, ben.keys)).toBe(false);
    expect(verifyHeader(signed, adaRotated.keys)).toBe(false);
    const rotated = sampleSigned(adaRotated);
    expect(verifyHeader(rotated, adaRotated.keys)).toBe(true);
    expect(verifyHeader(rotated, ada.keys)).toBe(false);
    expect(verifyHeader(rotated, { ...ada.keys, epoch: 3 })).toBe(false);
    expect(verifyHeader(signed, { ...ada.keys, signing: ben.keys.signing })).toBe(false);
  });

  it("does not verify under keys of another root or epoch, even where the signing key is right", () => {
    const signed = sampleSigned();
    expect(verifyHeader(signed, { ...ada.keys, epoch: 3 })).toBe(false);
    const rotated = sampleSigned(adaRotated);
    expect(verifyHeader(rotated, { ...adaRotated.keys, root: ben.keys.root })).toBe(false);
    expect(verifyHeader(rotated, { ...adaRotated.keys, epoch: 4 })).toBe(false);
    // Epoch 0 is the root key itself: no other key can stand in for it.
    const byBen = readSignedHeader(signed.bytes, ben.sign("envelope", signed.bytes));
    expect(verifyHeader(byBen, { ...ada.keys, signing: ben.keys.signing })).toBe(false);
  });

  it("does not survive one flipped bit of the immutable bytes", () => {
    const signed = sampleSigned();
    let decodable = 0;
    for (let bit = 0; bit < signed.bytes.length * 8; bit++) {
      const altered = signed.bytes.slice();
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      let verified = false;
      const code = codeOf(() => {
        const read = readSignedHeader(altered, signed.signature);
        verified = verifyHeader(read, { ...ada.keys, root: read.header.origin, epoch: read.header.keyEpoch });
      });
      if (code === "none") decodable += 1;
      expect(verified).toBe(false);
    }
    expect(decodable).toBeGreaterThan(1_000);
  });

  it("has an id that depends on the signed bytes, not on the signature", () => {
    const signed = sampleSigned();
    const forged = readSignedHeader(signed.bytes, new Uint8Array(64));
    expect(forged.id).toEqual(signed.id);
    expect(sampleSigned(ada, { sequence: 301 }).id).not.toEqual(signed.id);
    expect(signed.originAddress).toEqual(ada.address);
  });

  it("is signed by its origin only", () => {
    expect(() => signHeader(sampleHeader(ada), ben)).toThrow(InvariantError);
    expect(() => signHeader(sampleHeader(ada), adaRotated)).toThrow(InvariantError);
    expect(codeOf(() => sampleSigned(ada, { payloadRoot: seedOf("x").slice(1) }))).toBe("EST_PROTOCOL_RANGE");
  });
});
