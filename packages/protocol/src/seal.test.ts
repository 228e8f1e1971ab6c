import { InvariantError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, toHex, utf8 } from "./bytes.js";
import { encodeHeaderPrefix } from "./envelope.js";
import { ada, ben, cleo, codeOf, sampleHeader, samplePayload, seededRng, seedOf } from "./samples.js";
import { openAtRest, openSealed, SEAL_OVERHEAD_BYTES, seal, sealAtRest } from "./seal.js";

const REFUSED = "EST_PROTOCOL_SIGNATURE";
const prefix = encodeHeaderPrefix(sampleHeader());

function sealed(
  staticSeal: boolean,
  changes: { prefix?: Uint8Array; plaintext?: Uint8Array; context?: Uint8Array } = {},
): Uint8Array {
  return seal({
    identity: ada,
    recipient: ben.keys,
    prefix,
    plaintext: samplePayload,
    staticSeal,
    rng: seededRng("seal"),
    ...changes,
  });
}

describe("seal", () => {
  it("opens for its recipient, with 48 or 24 bytes more", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), (plaintext, staticSeal) => {
        const payload = sealed(staticSeal, { plaintext });
        expect(payload.length - plaintext.length).toBe(staticSeal ? 24 : 48);
        const opened = openSealed({ identity: ben, origin: ada.keys, prefix, payload, staticSeal });
        expect(opened).toEqual(plaintext);
      }),
      { numRuns: 40 },
    );
    expect(SEAL_OVERHEAD_BYTES).toEqual({ ephemeral: 48, static: 24 });
  });

  it("opens for nobody else, from nobody else and under no other prefix", () => {
    for (const staticSeal of [false, true]) {
      const payload = sealed(staticSeal);
      const right = { identity: ben, origin: ada.keys, prefix, payload, staticSeal };
      const other = encodeHeaderPrefix(sampleHeader(ada, { sequence: 301 }));
      const exit = encodeHeaderPrefix(sampleHeader(ada, { mode: "exit" }));
      const resigned = encodeHeaderPrefix(sampleHeader(cleo));
      for (const wrong of [
        { identity: cleo },
        { identity: ada },
        { origin: cleo.keys },
        { prefix: other },
        { prefix: exit },
        { prefix: resigned, origin: cleo.keys },
        { staticSeal: !staticSeal },
        { payload: payload.slice(1) },
        { payload: payload.slice(0, 20) },
        { payload: new Uint8Array(0) },
      ]) {
        expect(codeOf(() => openSealed({ ...right, ...wrong }))).toBe(REFUSED);
      }
      expect(openSealed(right)).toEqual(samplePayload);
    }
  });

  it("refuses every flipped bit", () => {
    for (const staticSeal of [false, true]) {
      const payload = sealed(staticSeal, { plaintext: utf8("short") });
      for (let bit = 0; bit < payload.length * 8; bit++) {
        const altered = payload.slice();
        altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
        const open = () =>
          openSealed({ identity: ben, origin: ada.keys, prefix, payload: altered, staticSeal });
        expect(codeOf(open)).toBe(REFUSED);
      }
    }
  });

  it("is bound to what both ends remember: another context or none does not open it", () => {
    const yesterday = utf8("what was said yesterday");
    for (const staticSeal of [false, true]) {
      const payload = sealed(staticSeal, { context: yesterday });
      const right = { identity: ben, origin: ada.keys, prefix, payload, staticSeal, context: yesterday };
      expect(openSealed(right)).toEqual(samplePayload);
      for (const context of [new Uint8Array(0), utf8("what was said Yesterday"), yesterday.slice(1)])
        expect(codeOf(() => openSealed({ ...right, context }))).toBe(REFUSED);
      const { context: _, ...without } = right;
      expect(codeOf(() => openSealed(without))).toBe(REFUSED);
      const bare = sealed(staticSeal, { context: new Uint8Array(0) });
      expect(bare).toEqual(sealed(staticSeal));
      expect(openSealed({ ...without, payload: bare })).toEqual(samplePayload);
      expect(codeOf(() => openSealed({ ...right, payload: bare }))).toBe(REFUSED);
    }
  });

  it("of the static kind opens for its origin too, who says for whom it was", () => {
    const payload = sealed(true);
    const own = { identity: ada, origin: ada.keys, recipient: ben.keys, prefix, payload, staticSeal: true };
    expect(openSealed(own)).toEqual(samplePayload);
    for (const wrong of [
      { recipient: cleo.keys },
      { identity: cleo },
      { identity: ben },
      { origin: ben.keys },
    ])
      expect(codeOf(() => openSealed({ ...own, ...wrong }))).toBe(REFUSED);
    const { recipient: _, ...unnamed } = own;
    expect(codeOf(() => openSealed(unnamed))).toBe(REFUSED);
    const ephemeral = { ...own, payload: sealed(false), staticSeal: false };
    expect(codeOf(() => openSealed(ephemeral))).toBe(REFUSED);
  });

  it("takes a weak ephemeral key as a seal that does not open", () => {
    const payload = sealed(false);
    for (const first of [0, 1]) {
      const weak = concat(Uint8Array.of(first), new Uint8Array(31), payload.slice(32));
      const open = () =>
        openSealed({ identity: ben, origin: ada.keys, prefix, payload: weak, staticSeal: false });
      expect(codeOf(open)).toBe(REFUSED);
    }
  });

  it("has nothing to do with clear-signed envelopes", () => {
    const clear = encodeHeaderPrefix(sampleHeader(ada, { mode: "clear-signed" }));
    expect(() => sealed(false, { prefix: clear })).toThrow(InvariantError);
    const open = () =>
      openSealed({
        identity: ben,
        origin: ada.keys,
        prefix: clear,
        payload: sealed(false),
        staticSeal: false,
      });
    expect(codeOf(open)).toBe(REFUSED);
  });

  it("never uses a key and nonce twice for different envelopes, even with the same salt", () => {
    const other = encodeHeaderPrefix(sampleHeader(ada, { sequence: 301 }));
    const one = sealed(true).slice(8);
    const two = sealed(true, { prefix: other }).slice(8);
    const streams = one.map((byte, i) => byte ^ two[i]!);
    expect(streams.slice(0, samplePayload.length).some((byte) => byte !== 0)).toBe(true);
  });
});

describe("at rest", () => {
  const key = seedOf("at rest");
  const context = utf8("message 1");

  it("opens with its key and context only", () => {
    const record = sealAtRest(key, samplePayload, seededRng("rest"), context);
    expect(record.length).toBe(samplePayload.length + 32);
    expect(openAtRest(key, record, context)).toEqual(samplePayload);
    expect(toHex(record)).not.toContain(toHex(samplePayload));
    expect(codeOf(() => openAtRest(seedOf("other"), record, context))).toBe(REFUSED);
    expect(codeOf(() => openAtRest(key, record, utf8("message 2")))).toBe(REFUSED);
    for (let i = 0; i < record.length; i++) {
      const altered = record.slice();
      altered[i] = altered[i]! ^ 0x80;
      expect(codeOf(() => openAtRest(key, altered, context))).toBe(REFUSED);
      expect(codeOf(() => openAtRest(key, record.slice(0, i), context))).toBe(REFUSED);
    }
  });

  it("differs each time", () => {
    const rng = seededRng("rest");
    const records = [1, 2, 3].map(() => toHex(sealAtRest(key, samplePayload, rng, context)));
    expect(new Set(records).size).toBe(3);
    expect(() => sealAtRest(key.slice(1), samplePayload, rng, context)).toThrow(InvariantError);
  });
});
