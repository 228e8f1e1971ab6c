import { ProtocolError } from "@estafette/contract";
// A default import: node finds no names in the CommonJS wrapper of a native module, so `* as` would be empty there.
import zstd from "zstd-napi/binding.js";
import { DICTIONARIES, type Dictionary, dictionaryBytes } from "./dictionaries.js";
import { openedBytesMax, rebuildBare, rebuildBlocks, stripFrame } from "./frame.js";
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

/**
 * The content in the fewest bytes the receiver can open: as it is, zstd alone, or zstd with a dictionary. Never
 * longer than the content. `codecs`: ids the receiver knows, default {@link KNOWN_CODECS}; ids unknown here are
 * passed over, and 0 needs not be named. Deterministic for one version of zstd.
 */
export function compressContent(
  content: Uint8Array,
  options: { readonly codecs?: readonly number[] } = {},
): Compressed {
  const asIs = { codec: CODEC.none, bytes: content };
  if (content.length === 0 || content.length > LIMITS.contentBytesMax) return asIs;
  const codecs = options.codecs ?? KNOWN_CODECS;
  const dictionaries = DICTIONARIES.filter((dictionary) => codecs.includes(dictionary.codec));
  const tried = finalists(content, dictionaries).map((dictionary) => withDictionary(content, dictionary));
  if (codecs.includes(CODEC.zstd)) tried.push(withoutDictionary(content));
  return tried.reduce<Compressed>(
    (best, next) => (next.bytes.length < best.bytes.length ? next : best),
    asIs,
  );
}

/** The dictionaries worth trying on all of a content: those that did best on its beginning and its middle. */
function finalists(content: Uint8Array, dictionaries: readonly Dictionary[]): readonly Dictionary[] {
  if (content.length > LIMITS.dictionaryContentBytesMax) return [];
  if (content.length <= LIMITS.sampleBytesMax || dictionaries.length <= LIMITS.finalistsMax)
    return dictionaries;
  const half = LIMITS.sampleBytesMax / 2;
  const middle = Math.floor(content.length / 2);
  const sample = Buffer.concat([content.subarray(0, half), content.subarray(middle, middle + half)]);
  return dictionaries
    .map((dictionary) => ({ dictionary, bytes: withDictionary(sample, dictionary).bytes.length }))
    .sort((a, b) => a.bytes - b.bytes)
    .slice(0, LIMITS.finalistsMax)
    .map((finalist) => finalist.dictionary);
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
  const target = Buffer.allocUnsafeSlow(zstd.compressBound(content.length));
  const bytes = context.compressUsingCDict(target, content, encoder);
  return stripped(dictionary.codec, target.subarray(0, bytes), content.length);
}

function stripped(codec: number, frame: Uint8Array, contentBytes: number): Compressed {
  const { bare, bytes } = stripFrame(frame, contentBytes);
  return { codec: bare ? codec : codec | CODEC.blocks, bytes };
}

const decoderContext = new zstd.DCtx();
const decoders = new Map<number, zstd.DDict>();
const scratch = Buffer.allocUnsafeSlow(LIMITS.blockBytesMax);

/**
 * Undoes {@link compressContent}. Allocates for no more than min(16 MB, max(16 kB, 64 × compressed)), and only
 * after every block header was found to agree with it. Bytes that were changed on the way may open to something
 * else: the seal around them is what notices.
 * @throws ProtocolError EST_PROTOCOL_VERSION unknown codec; EST_PROTOCOL_RANGE too large;
 * EST_PROTOCOL_{TRUNCATED,TRAILING,ENCODING} not what {@link compressContent} writes.
 */
export function decompressContent(codec: number, bytes: Uint8Array): Uint8Array {
  if (codec === CODEC.none) {
    if (bytes.length > LIMITS.contentBytesMax) {
      throw new ProtocolError("EST_PROTOCOL_RANGE", "content too large");
    }
    return bytes;
  }
  const blocks = codec >= CODEC.blocks;
  const decoder = decoderOf(blocks ? codec - CODEC.blocks : codec);
  const { frame, openBytesMax, declaredBytes } = blocks ? rebuildBlocks(bytes) : rebuildBare(bytes);
  const target =
    declaredBytes === null ? scratch.subarray(0, openBytesMax) : Buffer.allocUnsafeSlow(openBytesMax);
  const written = decode(target, frame, decoder);
  if (declaredBytes === null) return Uint8Array.from(target.subarray(0, written));
  if (written !== declaredBytes) {
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "content is shorter than it claims");
  }
  return target;
}

function decode(target: Uint8Array, frame: Uint8Array, decoder: zstd.DDict | null): number {
  try {
    return decoder === null
      ? decoderContext.decompress(target, frame)
      : decoderContext.decompressUsingDDict(target, frame, decoder);
  } catch (cause) {
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "content does not decompress", { cause });
  }
}

function decoderOf(codec: number): zstd.DDict | null {
  if (codec === CODEC.zstd) return null;
  const dictionary = DICTIONARIES.find((candidate) => candidate.codec === codec);
  if (dictionary === undefined) throw new ProtocolError("EST_PROTOCOL_VERSION", `unknown codec ${codec}`);
  let decoder = decoders.get(codec);
  if (decoder === undefined) {
    decoder = new zstd.DDict(dictionaryBytes(dictionary));
    decoders.set(codec, decoder);
  }
  return decoder;
}
