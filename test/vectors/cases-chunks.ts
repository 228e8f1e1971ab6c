import {
  type Block,
  ChunkSealer,
  type ContentMessage,
  encodeBlocks,
  encodeHeaderPrefix,
  SeriesWriter,
  toHex,
} from "@estafette/protocol";
import { ada, ben, CaseList, cleo, flipped, plainHeader, seed, seededRng, spliced } from "./case-list.js";
import type { VectorInput } from "./vector-case.js";

const text = (words: string) => new TextEncoder().encode(words);
const base = { epoch: 7, sequence: 40, class: "normal", lifetimeS: 86_400 } as const;
const header = { ...plainHeader, staticSeal: true, chunked: true };
const context = text("what both ends remember");

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function sealed(plain: readonly Uint8Array[], name: string, remembered = context) {
  const prefix = encodeHeaderPrefix(header);
  const rng = seededRng(name);
  const sealer = new ChunkSealer({ identity: ada, recipient: ben.keys, prefix, rng, context: remembered });
  const rows = plain.map((chunk, index) => sealer.seal(chunk, index === plain.length - 1));
  return { prefix, salt: sealer.salt, rows, payload: join(sealer.salt, ...rows) };
}

function sealCases(list: CaseList): void {
  const plain = ["one chunk", "", "and a longer one, ".repeat(12)].map(text);
  const { prefix, salt, rows, payload } = sealed(plain, "chunks");
  const right = {
    kind: "open-chunks",
    seed: toHex(seed("ben")),
    origin: toHex(ada.keys.root),
    prefix: toHex(prefix),
    payload: toHex(payload),
    payloadBytes: payload.length,
    context: toHex(context),
  } as const;
  const chunks = plain.map(toHex);
  list.takes("chunks, three", right, { chunks });
  const byOrigin = { ...right, seed: toHex(seed("ada")), recipient: toHex(ben.keys.root) };
  list.takes("chunks, opened by their origin", byOrigin, { chunks });
  const single = sealed(plain.slice(0, 1), "chunk", new Uint8Array(0));
  const { context: _, ...withoutContext } = right;
  const alone = { ...withoutContext, payload: toHex(single.payload), payloadBytes: single.payload.length };
  list.takes("chunks, one, without context", alone, { chunks: chunks.slice(0, 1) });
  const [first, , third] = rows.map((row) => row.length) as [number, number, number];
  for (const [name, held, opened] of [
    ["only the salt", 8, 0],
    ["all but one byte of the first", 8 + first - 1, 0],
    ["the first", 8 + first, 1],
    ["all but one byte of the last", payload.length - 1, 2],
    ["half a length of the last", payload.length - third + 1, 2],
  ] as const) {
    const part = { ...right, payload: toHex(payload.slice(0, held)) };
    list.takes(`chunks, there is ${name}`, part, { chunks: chunks.slice(0, opened) });
  }
  const refuses = (name: string, changes: Partial<typeof right | Record<"payload", string>>) =>
    list.refuses(`chunks, ${name}`, { ...right, ...changes } as VectorInput);
  const ordered = (name: string, ...order: number[]) => {
    const other = join(salt, ...order.map((i) => rows[i]!));
    list.refuses(`chunks, ${name}`, { ...right, payload: toHex(other), payloadBytes: other.length });
  };
  ordered("first and second exchanged", 1, 0, 2);
  ordered("second left out", 0, 2);
  ordered("first doubled", 0, 0, 1, 2);
  ordered("cut behind the second", 0, 1);
  ordered("one after the last", 0, 1, 2, 1);
  refuses("a longer payload announced than sealed", { payloadBytes: payload.length + 30 });
  refuses("another context", { context: flipped(context, 3) });
  refuses("no context", { context: "" });
  refuses("another recipient", { seed: toHex(seed("cleo")) });
  refuses("from another origin", { origin: toHex(cleo.keys.root) });
  refuses("another header", { prefix: toHex(encodeHeaderPrefix({ ...header, sequence: 8 })) });
  refuses("a clear-signed header", {
    prefix: toHex(encodeHeaderPrefix({ ...plainHeader, mode: "clear-signed" })),
  });
  refuses("salt altered", { payload: flipped(payload, 0) });
  refuses("ciphertext altered", { payload: flipped(payload, 12) });
  refuses("tag altered", { payload: flipped(payload, -1) });
  refuses("length altered", { payload: flipped(payload, 8) });
  refuses("length of 15", { payload: spliced(payload, 8, 1, 15) });
  refuses("longer form of a length", { payload: spliced(payload, 8, 1, payload[8]! | 0x80, 0) });
  const cut = { payload: `${toHex(salt)}90`, payloadBytes: 9 };
  list.refuses("chunks, a payload that ends in a length", { ...right, ...cut });
}

function blockCases(list: CaseList): void {
  const one: Block = { codec: 0, apart: false, bytes: text("abc") };
  const takes = (name: string, blocks: readonly Block[]) =>
    list.takes(name, { kind: "blocks", bytes: toHex(encodeBlocks(blocks)) });
  takes("blocks, one", [one]);
  takes("blocks, codec 31 in both shapes, apart and not", [
    { ...one, codec: 31, apart: true },
    { ...one, codec: 159 },
    { codec: 159, apart: true, bytes: new Uint8Array(0) },
  ]);
  takes("blocks, 256", Array(256).fill({ ...one, bytes: new Uint8Array(0) }));
  const refuses = (name: string, bytes: string) => list.refuses(name, { kind: "blocks", bytes });
  refuses("blocks, none", "");
  refuses("blocks, a second one announced and missing", "2000");
  refuses("blocks, cut", "2003ab");
  refuses("blocks, longer form of a length", "208100ab00");
  refuses("blocks, 257", `${"2000".repeat(256)}00`);
}

function seriesCases(list: CaseList): void {
  const first: ContentMessage = {
    ...base,
    kind: "text",
    receipt: false,
    token: null,
    laterS: 0,
    from: "ada@ship.example",
    to: ["ben@shore.example"],
    body: text("all well"),
  };
  const messages = [
    first,
    { ...first, sequence: 41, laterS: 60 },
    { ...first, sequence: 42 },
    { ...first, sequence: 50 },
  ];
  const writer = new SeriesWriter(base);
  const rows = messages.map((message, i) => writer.add(message, i >= 2));
  const piece = (apart: boolean, ...bytes: readonly Uint8Array[]) => ({
    apart,
    bytes: toHex(join(...bytes)),
  });
  const [a, b, c, d] = rows as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const takes = (name: string, ...pieces: ReturnType<typeof piece>[]) =>
    list.takes(name, { kind: "series", base, pieces });
  const refuses = (name: string, ...pieces: ReturnType<typeof piece>[]) =>
    list.refuses(name, { kind: "series", base, pieces });
  takes("series, in one piece", piece(false, a, b));
  takes("series, cut inside a message", piece(false, a, b.slice(0, 3)), piece(false, b.slice(3)));
  takes("series, two that stand apart", piece(false, a, b), piece(true, c), piece(true, d));
  takes("series, the first stands apart", piece(true, a, b));
  refuses("series, none");
  refuses("series, ends inside a message", piece(false, a, b.slice(0, -1)));
  refuses("series, interrupted by one that stands apart", piece(false, a.slice(0, -1)), piece(true, c));
  refuses("series, one that stands apart and repeats the sender", piece(false, a), piece(true, b));
  refuses("series, written apart and not told so", piece(false, a, b), piece(false, c));
  refuses("series, kind 3", { apart: false, bytes: flipped(a, 0, 0x02) });
  const endless = new SeriesWriter(base);
  const many = Array.from({ length: 256 }, (_, i) => endless.add({ ...first, sequence: 40 + i }, false));
  takes("series, 256 messages", piece(false, ...many));
  refuses("series, 257 messages", piece(false, ...many, many[255]!));
  const writerOf = () => new SeriesWriter(base);
  const empty = piece(false);
  const ample = piece(false, writerOf().add({ ...first, body: new Uint8Array(256) }, false));
  const short = piece(false, writerOf().add(first, false));
  takes("series, 16 blocks, all but one empty", ...Array(15).fill(empty), short);
  refuses("series, 17 blocks, all but one empty", ...Array(16).fill(empty), short);
  takes("series, a message and 256 bytes allow three more", ample, ...Array(18).fill(empty));
  refuses("series, a message and 256 bytes do not allow four more", ample, ...Array(19).fill(empty));
  takes("series, 256 messages, a block each", ...many.map((row) => piece(false, row)));
}

/** vectors/chunks.json */
export function chunkCases(): CaseList {
  const list = new CaseList();
  sealCases(list);
  blockCases(list);
  seriesCases(list);
  return list;
}
