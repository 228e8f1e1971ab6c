import { compressContent } from "@estafette/compression";
import { ProtocolError } from "@estafette/contract";
import {
  type Block,
  ChunkSealer,
  type ContentMessage,
  createIdentity,
  encodeBlocks,
  encodeHeaderPrefix,
  type Header,
  payloadRoot,
  SeriesWriter,
} from "@estafette/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchOpening, type Opening, openPayload } from "./opening.js";

const ship = createIdentity(new Uint8Array(32).fill(1));
const shore = createIdentity(new Uint8Array(32).fill(2));
const base = { epoch: 5, sequence: 10, class: "normal", lifetimeS: 86_400 } as const;
const NOTHING = new Uint8Array(0);
const EMPTY: Block = { codec: 0, apart: false, bytes: NOTHING };
const CASES = Number(process.env.FUZZ_CASES ?? 2000);

/** Times one bomb is opened, so that a busy machine is not taken for a slow decoder. */
const ATTEMPTS_MAX = 3;

let drawn = 1;
function noise(count: number): Uint8Array {
  return new Uint8Array(count).map(() => {
    drawn = (drawn * 75 + 74) % 65_537;
    return drawn & 255;
  });
}

/** A payload ship made for shore, of chunks with these blocks. */
function sealed(chunks: readonly (readonly Block[])[], context: Uint8Array = NOTHING) {
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
  const sealer = new ChunkSealer({
    identity: ship,
    recipient: shore.keys,
    prefix,
    rng: { bytes: noise },
    context,
  });
  const rows = chunks.map((blocks, i) => sealer.seal(encodeBlocks(blocks), i === chunks.length - 1));
  const payload = Buffer.concat([sealer.salt, ...rows]);
  const header: Header = { ...fields, payloadBytes: payload.length, payloadRoot: payloadRoot(payload) };
  const opening: Opening = { header, origin: ship.keys, context };
  return { payload, opening };
}

function message(index: number, bodyBytes: number): ContentMessage {
  const text = { kind: "text", receipt: false, token: null, laterS: 0 } as const;
  const ends = { from: "crew@ship.example", to: ["office@shore.example"] };
  return { ...base, sequence: 10 + index, ...text, ...ends, body: noise(bodyBytes) };
}

/** Opens, or says which code it was refused with. Anything but a ProtocolError is a fault of ours. */
function outcome({ payload, opening }: ReturnType<typeof sealed>): string {
  try {
    openPayload({ identity: shore }, opening, payload);
    return "opened";
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.code;
  }
}

describe("a chunked payload", () => {
  it("keeps the messages that were complete before its blocks became too many", () => {
    const writer = new SeriesWriter(base);
    const good = [0, 1].map((i) => ({ ...EMPTY, bytes: writer.add(message(i, 50), false) }));
    const { payload, opening } = sealed([good, ...Array<Block[]>(40).fill([EMPTY])]);
    const batch = new BatchOpening({ identity: shore }, opening);
    expect(batch.push(payload.subarray(0, 300))).toHaveLength(2);
    expect(() => batch.push(payload)).toThrow(/block count/);
  });

  it("may be cut as finely as an origin ever cuts: each message by itself, or at every 128 bytes", () => {
    const writer = new SeriesWriter(base);
    const many = Array.from({ length: 256 }, (_, i) => writer.add(message(i, 1), true));
    expect(outcome(sealed(many.map((bytes) => [{ ...EMPTY, apart: true, bytes }])))).toBe("opened");
    const long = new SeriesWriter(base).add(message(0, 60_000), false);
    const pieces = Array.from({ length: Math.ceil(long.length / 128) }, (_, i) => [
      { ...EMPTY, bytes: long.subarray(128 * i, 128 * i + 128) },
    ]);
    expect(outcome(sealed(pieces))).toBe("opened");
  });

  it("is opened or refused, whatever blocks it holds", () => {
    const block = fc.record({
      codec: fc.constantFrom(0, 1, 2, 3, 10, 31, 129, 130),
      apart: fc.boolean(),
      bytes: fc.uint8Array({ maxLength: 12 }),
    });
    const chunk = fc.array(block, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1, maxLength: 4 }), (chunks) => {
        expect(outcome(sealed(chunks))).toMatch(/^(opened|EST_PROTOCOL_[A-Z]+)$/);
      }),
      { numRuns: CASES },
    );
  });

  it("is never a bomb: 200 of them, each refused within 20 ms and 2 MB", { timeout: 60_000 }, () => {
    outcome(bomb(2));
    for (let i = 0; i < 200; i++) {
      const made = bomb(i);
      const before = process.memoryUsage().arrayBuffers;
      const spentMs = Array.from({ length: ATTEMPTS_MAX }, () => {
        const startMs = performance.now();
        expect(() => openPayload({ identity: shore }, made.opening, made.payload)).toThrow(/^block count/);
        return performance.now() - startMs;
      });
      expect(Math.min(...spentMs)).toBeLessThan(20);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    }
  });
});

const CONTEXT = noise(8_192);
/** Begins a message whose body takes whatever follows. */
const LEAD: Block = {
  ...EMPTY,
  bytes: new SeriesWriter(base).add(message(0, 1_000_000), false).slice(0, 50),
};

/** Many blocks that hold next to nothing: empty, of one byte, compressed after all that may come before, or apart. */
function bomb(i: number): ReturnType<typeof sealed> {
  const codec = 1 + (i % 10);
  const { codec: shape, bytes } = compressContent(new Uint8Array(20).fill(7), {
    codecs: [codec],
    after: Buffer.concat([CONTEXT, LEAD.bytes]),
  });
  const [block, ...lead] = [
    [EMPTY],
    [{ ...EMPTY, bytes: Uint8Array.of(0xc1) }, LEAD],
    [{ ...EMPTY, codec: shape, bytes }, LEAD],
    [{ ...EMPTY, apart: true }],
    [{ ...EMPTY, codec: codec | 0x80, bytes: Uint8Array.of(0, 1, 0, 0) }],
  ][i % 5] as [Block, ...Block[]];
  const blocks = [...lead, ...Array<Block>(500 + 10 * i).fill(block)];
  const perChunk = i % 3 === 0 ? 1 : 1 + (i % 256);
  const chunks = Array.from({ length: Math.ceil(blocks.length / perChunk) }, (_, at) =>
    blocks.slice(at * perChunk, (at + 1) * perChunk),
  );
  return sealed(chunks, CONTEXT);
}
