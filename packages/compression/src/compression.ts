import { InvariantError, ProtocolError } from "@estafette/contract";
// A default import: node finds no names in the CommonJS wrapper of a native module, so `* as` would be empty there.
import zstd from "zstd-napi/binding.js";
import { DICTIONARIES, type Dictionary, dictionaryBytes } from "./dictionaries.js";
import { rebuildBare, rebuildBlocks, stripFrame } from "./frame.js";
import { LIMITS } from "./limits.js";

/**
 * Codec ids of the envelope header. 2…31: {@link DICTIONARIES}. `blocks` is added to an id whose content is
 * several zstd blocks; without it, the content is one block without its header.
 */
export const CODEC = { none: 0, zstd: 1, blocks: 0x80 } as const;

/** What this version opens, for the handshake: ids without {@link CODEC}.blocks. */
export const KNOWN_CODECS: readonly number[] = [
  CODEC.none,
  CODEC.zstd,
  ...DICTIONARIES.map((dictionary) => dictionary.codec),
];

/** Design §4.5, and what a content above `thoroughBytesMax` gets instead. */
const levels = { thorough: 19, fast: 9 } as const;

/** A content as it travels. */
export interface Compressed {
  /** Codec id of the envelope header. */
  readonly codec: number;
  readonly bytes: Uint8Array;
}

/** What the receiver can do, and what it holds already. */
export interface CompressOptions {
  /** Codec ids the receiver knows. Default {@link KNOWN_CODECS}. Ids unknown here are passed over; 0 is implied. */
  readonly codecs?: readonly number[];
  /** Contents before this one in the same order, joined: the receiver opens it with exactly the same. Default none. */
  readonly after?: Uint8Array;
}

/**
 * The content in the fewest bytes the receiver can open: as it is, zstd alone, or zstd with a dictionary. Never
 * longer than the content. Deterministic for one version of zstd. Chunks of a batch are contents that come `after`
 * each other, so each can be delivered before the next one is heard.
 */
export function compressContent(content: Uint8Array, options: CompressOptions = {}): Compressed {
  const asIs: Compressed = { codec: CODEC.none, bytes: content };
  if (content.length === 0 || content.length > LIMITS.contentBytesMax) return asIs;
  const codecs = options.codecs ?? KNOWN_CODECS;
  const dictionaries = DICTIONARIES.filter((dictionary) => codecs.includes(dictionary.codec));
  const plain = codecs.includes(CODEC.zstd);
  const after = historyOf(options.after, content.length);
  const tried =
    after === null
      ? finalists(content, dictionaries).map((dictionary) => withDictionary(content, dictionary))
      : finalists(content, dictionaries, LIMITS.finalistsMax).map((dictionary) =>
          withHistory(content, after, dictionary),
        );
  if (plain) tried.push(after === null ? withoutDictionary(content) : withHistory(content, after, null));
  return tried.reduce<Compressed>(
    (best, next) => (next.bytes.length < best.bytes.length ? next : best),
    asIs,
  );
}

/** The dictionaries worth trying on all of a content: those that did best on its beginning and its middle. */
function finalists(
  content: Uint8Array,
  dictionaries: readonly Dictionary[],
  countMax?: number,
): readonly Dictionary[] {
  if (content.length > LIMITS.dictionaryContentBytesMax) return [];
  const small = content.length <= LIMITS.sampleBytesMax;
  const count = countMax ?? (small ? dictionaries.length : LIMITS.finalistsMax);
  if (count >= dictionaries.length) return dictionaries;
  const half = LIMITS.sampleBytesMax / 2;
  const middle = Math.floor(content.length / 2);
  const sample = small
    ? content
    : Buffer.concat([content.subarray(0, half), content.subarray(middle, middle + half)]);
  return dictionaries
    .map((dictionary) => ({ dictionary, bytes: withDictionary(sample, dictionary).bytes.length }))
    .sort((a, b) => a.bytes - b.bytes)
    .slice(0, count)
    .map((finalist) => finalist.dictionary);
}

/**
 * The end of what came before, or null where nothing did. Both ends cut it alike, and leave it out where a content is
 * longer than a window, beyond which a reference cannot reach back.
 */
function historyOf(after: Uint8Array | undefined, contentBytes: number): Uint8Array | null {
  if (after === undefined || after.length === 0) return null;
  return contentBytes > LIMITS.dictionaryContentBytesMax ? null : after.subarray(-LIMITS.historyBytesMax);
}

/** One for all, as no call outlives it: memory that is new for each small block costs more than opening the block. */
let grown = Buffer.alloc(LIMITS.historyBytesMax);

/**
 * A dictionary that goes on with what came before; valid until the next call. The zero keeps a history from passing for a
 * trained dictionary.
 */
function grownDictionary(dictionary: Dictionary | null, after: Uint8Array): Uint8Array {
  const before = dictionary === null ? Uint8Array.of(0) : dictionaryBytes(dictionary);
  const length = before.length + after.length;
  if (length > grown.length) grown = Buffer.alloc(before.length + LIMITS.historyBytesMax);
  grown.set(before);
  grown.set(after, before.length);
  return grown.subarray(0, length);
}

function withHistory(content: Uint8Array, after: Uint8Array, dictionary: Dictionary | null): Compressed {
  const target = Buffer.allocUnsafeSlow(zstd.compressBound(content.length));
  const before = grownDictionary(dictionary, after);
  // Not through a CDict: one for each history would fill the memory until the collector comes by.
  const bytes = context.compressUsingDict(target, content, before, levels.thorough);
  return stripped(dictionary?.codec ?? CODEC.zstd, target.subarray(0, bytes), content.length);
}

const compressors = new Map<number, zstd.CCtx>();
const context = new zstd.CCtx();
const encoders = new Map<number, zstd.CDict>();

function withoutDictionary(content: Uint8Array): Compressed {
  const level = content.length > LIMITS.thoroughBytesMax ? levels.fast : levels.thorough;
  let compressor = compressors.get(level);
  if (compressor === undefined) {
    compressor = new zstd.CCtx();
    compressor.setParameter(zstd.CParameter.compressionLevel, level);
    compressor.setParameter(zstd.CParameter.windowLog, LIMITS.windowLogMax);
    compressors.set(level, compressor);
  }
  const target = Buffer.allocUnsafeSlow(zstd.compressBound(content.length));
  return stripped(CODEC.zstd, target.subarray(0, compressor.compress2(target, content)), content.length);
}

function withDictionary(content: Uint8Array, dictionary: Dictionary): Compressed {
  let encoder = encoders.get(dictionary.codec);
  if (encoder === undefined) {
    encoder = new zstd.CDict(dictionaryBytes(dictionary), levels.thorough);
    encoders.set(dictionary.codec, encoder);
  }
  return encoded(dictionary.codec, content, encoder);
}

function encoded(codec: number, content: Uint8Array, encoder: zstd.CDict): Compressed {
  const target = Buffer.allocUnsafeSlow(zstd.compressBound(content.length));
  const bytes = context.compressUsingCDict(target, content, encoder);
  return stripped(codec, target.subarray(0, bytes), content.length);
}

function stripped(codec: number, frame: Uint8Array, contentBytes: number): Compressed {
  const { bare, bytes } = stripFrame(frame, contentBytes);
  return { codec: bare ? codec : codec | CODEC.blocks, bytes };
}

const decoder = new zstd.DCtx();
const decoders = new Map<number, zstd.DDict>();
const scratch = Buffer.allocUnsafeSlow(LIMITS.blockBytesMax);

/**
 * Undoes {@link compressContent}. Allocates for no more than min(16 MB, max(16 kB, 64 × compressed)), and only
 * after every block header was found to agree with it. Bytes that were changed on the way may open to something
 * else: the seal around them is what notices. `after`: as it was given to {@link compressContent}.
 * @throws ProtocolError EST_PROTOCOL_VERSION unknown codec; EST_PROTOCOL_RANGE too large;
 * EST_PROTOCOL_{TRUNCATED,TRAILING,ENCODING} not what {@link compressContent} writes.
 */
export function decompressContent(codec: number, bytes: Uint8Array, after?: Uint8Array): Uint8Array {
  if (codec === CODEC.none) {
    if (bytes.length > LIMITS.contentBytesMax) {
      throw new ProtocolError("EST_PROTOCOL_RANGE", "content too large");
    }
    return bytes;
  }
  const blocks = codec >= CODEC.blocks;
  const dictionary = dictionaryOf(blocks ? codec - CODEC.blocks : codec);
  const { frame, openBytesMax, declaredBytes } = blocks ? rebuildBlocks(bytes) : rebuildBare(bytes);
  const target =
    declaredBytes === null ? scratch.subarray(0, openBytesMax) : Buffer.allocUnsafeSlow(openBytesMax);
  const written = decode(target, frame, dictionary, historyOf(after, declaredBytes ?? 0));
  if (declaredBytes === null) return Uint8Array.from(target.subarray(0, written));
  if (written !== declaredBytes) {
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "content is shorter than it claims");
  }
  return target;
}

function decode(
  target: Uint8Array,
  frame: Uint8Array,
  dictionary: Dictionary | null,
  after: Uint8Array | null,
): number {
  try {
    if (after !== null) return decoder.decompressUsingDict(target, frame, grownDictionary(dictionary, after));
    if (dictionary === null) return decoder.decompress(target, frame);
    return decoder.decompressUsingDDict(target, frame, openedDictionary(dictionary));
  } catch (cause) {
    if (cause instanceof InvariantError) throw cause;
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "content does not decompress", { cause });
  }
}

function dictionaryOf(codec: number): Dictionary | null {
  if (codec === CODEC.zstd) return null;
  const dictionary = DICTIONARIES.find((candidate) => candidate.codec === codec);
  if (dictionary === undefined) throw new ProtocolError("EST_PROTOCOL_VERSION", `unknown codec ${codec}`);
  return dictionary;
}

function openedDictionary(dictionary: Dictionary): zstd.DDict {
  let opened = decoders.get(dictionary.codec);
  if (opened === undefined) {
    opened = new zstd.DDict(dictionaryBytes(dictionary));
    decoders.set(dictionary.codec, opened);
  }
  return opened;
}
