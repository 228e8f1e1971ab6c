import { InvariantError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, utf8 } from "./bytes.js";
import { ChunkOpener, ChunkSealer } from "./chunks.js";
import { encodeHeaderPrefix } from "./envelope.js";
import { LIMITS } from "./limits.js";
import { ada, adaRotated, ben, cleo, codeOf, sampleHeader, seededRng } from "./samples.js";
import { openSealed } from "./seal.js";
import type { SealedFor } from "./seal-key.js";

const REFUSED = "EST_PROTOCOL_SIGNATURE";
const SALT = 8;
const header = sampleHeader(ada, { staticSeal: true, chunked: true });
const prefix = encodeHeaderPrefix(header);
const context = utf8("what both ends remember of yesterday");
const forBen: SealedFor = { identity: ben, origin: ada.keys, prefix, context };
const plain = ["first", "", "and the third, a little longer"].map(utf8);

function sealer(changes: { prefix?: Uint8Array; context?: Uint8Array } = {}): ChunkSealer {
  const rng = seededRng("chunks");
  return new ChunkSealer({ identity: ada, recipient: ben.keys, prefix, rng, context, ...changes });
}

/** Chunks as they stand in the payload; only the last one is marked. */
function sealAll(chunks: readonly Uint8Array[], by = sealer()): Uint8Array[] {
  return chunks.map((chunk, index) => by.seal(chunk, index === chunks.length - 1));
}

function openAll(payload: Uint8Array, request = forBen): Uint8Array[] {
  const opener = new ChunkOpener(request);
  const opened: Uint8Array[] = [];
  for (;;) {
    const chunk = opener.next(payload, payload.length);
    if (chunk === null) return opened;
    opened.push(chunk);
  }
}

const { salt } = sealer();
const sealed = sealAll(plain);
const payload = concat(salt, ...sealed);

describe("chunks", () => {
  it("come out as they went in, each for its bytes, a length and a tag", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 }), (chunks) => {
        const rows = sealAll(chunks);
        for (const [i, row] of rows.entries()) {
          const withTag = chunks[i]!.length + 16;
          expect(row.length).toBe((withTag < 128 ? 1 : 2) + withTag);
        }
        expect(openAll(concat(salt, ...rows))).toEqual(chunks);
      }),
      { numRuns: 40 },
    );
    expect(salt.length).toBe(SALT);
  });

  it("are opened as soon as they are there, and not before", () => {
    const opener = new ChunkOpener(forBen);
    const ends = sealed.map((_, i) => SALT + concat(...sealed.slice(0, i + 1)).length);
    const openedAt: number[] = [];
    for (let length = 0; length <= payload.length; length++) {
      const chunk = opener.next(payload.subarray(0, length), payload.length);
      if (chunk === null) continue;
      expect(chunk).toEqual(plain[openedAt.length]);
      openedAt.push(length);
    }
    expect(openedAt).toEqual(ends);
    expect(opener.next(payload, payload.length)).toBeNull();
  });

  it("refuse every flipped bit", () => {
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const altered = payload.slice();
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      expect(codeOf(() => openAll(altered))).not.toBe("none");
    }
  });

  it("refuse another order, a gap, a repetition, an end too early and anything after the end", () => {
    const [a, b, c] = sealed as [Uint8Array, Uint8Array, Uint8Array];
    for (const row of [
      [b, a, c],
      [a, c],
      [b, c],
      [a, a, b, c],
      [a, b, b, c],
      [a, b],
      [a],
      [a, b, c, c],
      [a, b, c, a],
    ])
      expect(codeOf(() => openAll(concat(salt, ...row)))).toBe(REFUSED);
    for (let length = SALT + 1; length < payload.length; length++)
      expect(codeOf(() => openAll(payload.slice(0, length)))).not.toBe("none");
  });

  it("hold the mark of the last one against the length the header signs", () => {
    const by = sealer();
    const unmarked = concat(by.salt, by.seal(plain[0]!, false));
    expect(codeOf(() => openAll(unmarked))).toBe(REFUSED);
    const [first] = sealAll([plain[0]!]);
    const longer = concat(salt, first!, sealAll(plain)[1]!);
    expect(codeOf(() => openAll(longer))).toBe(REFUSED);
    expect(() => {
      const done = sealer();
      done.seal(plain[0]!, true);
      done.seal(plain[1]!, true);
    }).toThrow(InvariantError);
  });

  it("open for recipient and origin under the same prefix and context, and for nobody else", () => {
    const byOrigin: SealedFor = { identity: ada, origin: ada.keys, recipient: ben.keys, prefix, context };
    expect(openAll(payload, byOrigin)).toEqual(plain);
    const other = encodeHeaderPrefix({ ...header, sequence: 301 });
    const exit = encodeHeaderPrefix({ ...header, mode: "exit" });
    const wrong: Partial<SealedFor>[] = [
      { identity: cleo },
      { identity: ada },
      { identity: cleo, recipient: ben.keys },
      { origin: cleo.keys },
      { origin: adaRotated.keys },
      { prefix: other },
      { prefix: exit },
      { context: new Uint8Array(0) },
      { context: utf8("what both ends remember of yesterdaz") },
    ];
    for (const changes of wrong)
      expect(codeOf(() => openAll(payload, { ...forBen, ...changes }))).toBe(REFUSED);
    const { context: _, ...without } = forBen;
    expect(codeOf(() => openAll(payload, without))).toBe(REFUSED);
    const bare = sealer({ context: new Uint8Array(0) });
    expect(openAll(concat(bare.salt, ...sealAll(plain, bare)), without)).toEqual(plain);
  });

  it("are another seal than the one of a whole payload", () => {
    const by = sealer();
    const only = by.seal(plain[2]!, true);
    const whole = concat(by.salt, only.slice(1));
    expect(codeOf(() => openSealed({ ...forBen, payload: whole, staticSeal: true }))).toBe(REFUSED);
  });

  it("have no place in a clear-signed envelope", () => {
    const clear = encodeHeaderPrefix(sampleHeader(ada, { mode: "clear-signed" }));
    expect(codeOf(() => sealer({ prefix: clear }))).toBe(REFUSED);
    expect(codeOf(() => new ChunkOpener({ ...forBen, prefix: clear }))).toBe(REFUSED);
  });

  it("refuse lengths no chunk has before waiting for them", () => {
    const next = (...bytes: number[]) => {
      const held = concat(salt, Uint8Array.from(bytes));
      return codeOf(() => new ChunkOpener(forBen).next(held, LIMITS.payloadBytesMax));
    };
    expect(next(15)).toBe("EST_PROTOCOL_RANGE");
    expect(next(16)).toBe("none");
    expect(next(0x90, 0x00, 0, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(next(0xff, 0xff, 0xff, 0x7f)).toBe("EST_PROTOCOL_RANGE");
    expect(next(0xff, 0xff, 0xff, 0xff)).toBe("EST_PROTOCOL_TRUNCATED");
    expect(next(0xff, 0xff)).toBe("none");
    const cut = concat(salt, Uint8Array.of(0x90));
    expect(codeOf(() => openAll(cut))).toBe("EST_PROTOCOL_TRUNCATED");
    expect(openAll(salt)).toEqual([]);
    expect(openAll(new Uint8Array(0))).toEqual([]);
  });

  it("give the same refusal when asked again", () => {
    const altered = payload.slice();
    altered[20] = altered[20]! ^ 1;
    const opener = new ChunkOpener(forBen);
    for (let i = 0; i < 3; i++) expect(codeOf(() => opener.next(altered, altered.length))).toBe(REFUSED);
    expect(opener.next(payload, payload.length)).toEqual(plain[0]);
  });
});
