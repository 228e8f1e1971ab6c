import { KNOWN_CODECS } from "@estafette/compression";
import {
  ChunkSealer,
  type ContentMessage,
  createIdentity,
  encodeHeaderPrefix,
  type Header,
  payloadRoot,
} from "@estafette/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchOpening, type Opening, openPayload } from "./opening.js";
import { compressBatch, type Part, sealBatch } from "./payload.js";

const ship = createIdentity(new Uint8Array(32).fill(1));
const shore = createIdentity(new Uint8Array(32).fill(2));
const stranger = createIdentity(new Uint8Array(32).fill(3));
let drawn = 0;
const draw = (): number => {
  drawn = (drawn * 75 + 74) % 65_537;
  return drawn & 255;
};
const rng = { bytes: (count: number) => new Uint8Array(count).map(draw) };
const base = { epoch: 5, sequence: 10, class: "normal", lifetimeS: 86_400 } as const;

function message(index: number, body: string, from = "crew@ship.example"): ContentMessage {
  return {
    ...base,
    sequence: 10 + index,
    kind: "text",
    receipt: false,
    token: null,
    laterS: 0,
    from,
    to: ["office@shore.example"],
    body: new TextEncoder().encode(body),
  };
}

function sealed(parts: readonly Part[], chunkBytesMax: number, context = new Uint8Array(0)) {
  const { chunks, shared } = compressBatch(parts, base, { codecs: KNOWN_CODECS, context }, chunkBytesMax);
  const fields: Omit<Header, "payloadBytes" | "payloadRoot"> = {
    ...base,
    mode: "end-to-end",
    codec: 0,
    context: context.length > 0 ? { uses: 1, defines: null } : null,
    destination: shore.address,
    origin: ship.keys.root,
    keyEpoch: 0,
    createdUnixS: null,
    clockTrusted: false,
    staticSeal: true,
    receipt: false,
    chunked: true,
    hopMax: 4,
    relays: [],
    ackCommitment: null,
  };
  const prefix = encodeHeaderPrefix(fields);
  const payload = sealBatch(
    new ChunkSealer({ identity: ship, recipient: shore.keys, prefix, rng, context }),
    chunks,
  );
  const header: Header = { ...fields, payloadBytes: payload.length, payloadRoot: payloadRoot(payload) };
  const opening: Opening = { header, origin: ship.keys, context };
  return { payload, opening, shared, chunkCount: chunks.length };
}

const words = fc
  .array(fc.constantFrom("harbour ", "pump ", "Tuesday ", "ice ", "fuel ", "42 ", "all well. "), {
    maxLength: 300,
  })
  .map((list) => list.join(""));

describe("a batch", () => {
  it("opens to the messages that were joined, own accounts first, whatever the chunks and the context", () => {
    const part = fc.record({ body: words, apart: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 2, maxLength: 12 }),
        fc.constantFrom(256, 1_000, 4_096, 100_000),
        fc.constantFrom("", "the pump and the harbour, all well on Tuesday"),
        (list, chunkBytesMax, before) => {
          const ordered = [...list].sort((a, b) => Number(a.apart) - Number(b.apart));
          const parts = ordered.map(({ body, apart }, i) => ({ message: message(i, body), apart }));
          const { payload, opening, shared } = sealed(parts, chunkBytesMax, new TextEncoder().encode(before));
          const opened = openPayload({ identity: shore }, opening, payload);
          expect(opened.messages).toEqual(parts.map((p) => p.message));
          expect(Buffer.compare(opened.shared, shared)).toBe(0);
          const byOrigin = openPayload({ identity: ship }, { ...opening, recipient: shore.keys }, payload);
          expect(byOrigin.messages).toEqual(opened.messages);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("hands out each message with the chunk that completes it", () => {
    const parts = Array.from({ length: 40 }, (_, i) => ({
      message: message(i, `${i}: ${Buffer.from(rng.bytes(60)).toString("base64")} is the code of the day`),
      apart: i > 30,
    }));
    const { payload, opening, chunkCount } = sealed(parts, 512);
    expect(chunkCount).toBeGreaterThan(4);
    const batch = new BatchOpening({ identity: shore }, opening);
    const steps: number[] = [];
    const found: ContentMessage[] = [];
    for (let end = 0; end <= payload.length; end += 97) {
      found.push(...batch.push(payload.subarray(0, end)));
      steps.push(found.length);
    }
    found.push(...batch.push(payload));
    batch.end();
    expect(found).toEqual(parts.map((p) => p.message));
    expect(new Set(steps).size).toBeGreaterThan(chunkCount / 2);
  });

  it("shares nothing between outsiders: what one writes changes no byte count of another", () => {
    const secret = "the combination of the safe is 7131 5522 9004 and nobody else knows it";
    const alone = (guess: string) => {
      const parts = [message(0, secret), message(1, guess, "x@y.example")].map((m) => ({
        message: m,
        apart: true,
      }));
      const { chunks } = compressBatch(
        parts,
        base,
        { codecs: KNOWN_CODECS, context: new Uint8Array(0) },
        4_096,
      );
      return chunks.flat().map((block) => block.bytes.length);
    };
    const right = alone("the combination of the safe is 7131 5522 9004");
    const wrong = alone("the combination of the safe is 2948 6671 3350");
    expect(right[0]).toBe(wrong[0]);
    expect(Math.abs((right[1] ?? 0) - (wrong[1] ?? 0))).toBeLessThanOrEqual(3);
  });

  it("opens for nobody else, nor with another context", () => {
    const parts = [0, 1].map((i) => ({ message: message(i, "nothing to report"), apart: false }));
    const context = new TextEncoder().encode("nothing to report yesterday");
    const { payload, opening } = sealed(parts, 4_096, context);
    const open = (identity: typeof ship, changed: Partial<Opening>) => () =>
      openPayload({ identity }, { ...opening, ...changed }, payload);
    expect(open(stranger, {})).toThrow(/does not open/);
    expect(open(shore, { context: new TextEncoder().encode("something else") })).toThrow(/does not open/);
    expect(open(shore, { origin: stranger.keys })).toThrow(/does not open/);
    expect(open(shore, {})().messages).toHaveLength(2);
  });
});
