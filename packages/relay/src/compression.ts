import { ProtocolError } from "@estafette/contract";
import { Compressor } from "zstd-napi";
// A default import: node finds no names in the CommonJS wrapper of a native module, so `* as` would be empty there.
import zstd from "zstd-napi/binding.js";
import { LIMITS } from "./limits.js";

/** Codec ids of the envelope header (SPEC.md). */
export const CODEC = { none: 0, zstd: 1 } as const;

/** Level 19 with a window of at most 128 kB: design §4.5; the receiver may be a small computer. */
function newCompressor(): Compressor {
  const compressor = new Compressor();
  compressor.setParameters({
    compressionLevel: 19,
    windowLog: LIMITS.windowLogMax,
    contentSizeFlag: true,
    checksumFlag: false,
  });
  return compressor;
}

let compressor: Compressor | null = null;

/** The shorter of the content as it is and compressed, with the codec that says which. */
export function compressContent(content: Uint8Array): { readonly codec: number; readonly bytes: Uint8Array } {
  compressor ??= newCompressor();
  const bytes = compressor.compress(content);
  const honest = content.length <= inflatedBytesMax(bytes.length);
  return bytes.length < content.length && honest
    ? { codec: CODEC.zstd, bytes }
    : { codec: CODEC.none, bytes: content };
}

/**
 * Undoes {@link compressContent}. Looks at the frame header first, so that a bomb costs nothing.
 * @throws ProtocolError EST_PROTOCOL_VERSION unknown codec; EST_PROTOCOL_RANGE too large; EST_PROTOCOL_ENCODING not zstd.
 */
export function decompressContent(codec: number, bytes: Uint8Array): Uint8Array {
  if (codec === CODEC.none) {
    if (bytes.length > LIMITS.contentBytesMax)
      throw new ProtocolError("EST_PROTOCOL_RANGE", "content too large");
    return bytes;
  }
  if (codec !== CODEC.zstd) throw new ProtocolError("EST_PROTOCOL_VERSION", `unknown codec ${codec}`);
  const contentBytes = declaredBytes(bytes);
  if (contentBytes > inflatedBytesMax(bytes.length))
    throw new ProtocolError("EST_PROTOCOL_RANGE", `content claims ${contentBytes} bytes`);
  const target = Buffer.allocUnsafe(contentBytes);
  try {
    const written = new zstd.DCtx().decompress(target, bytes);
    if (written === contentBytes) return target;
  } catch (cause) {
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "content does not decompress", { cause });
  }
  throw new ProtocolError("EST_PROTOCOL_ENCODING", "content is shorter than it claims");
}

function inflatedBytesMax(compressedBytes: number): number {
  return Math.min(
    LIMITS.contentBytesMax,
    Math.max(LIMITS.inflationFreeBytes, compressedBytes * LIMITS.inflationMax),
  );
}

/** Reads the zstd frame header (RFC 8878 §3.1.1.1): window and content size, both required to be within our limits. */
function declaredBytes(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 6 || view.getUint32(0, true) !== 0xfd2fb528)
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "not a zstd frame");
  const descriptor = frame[4] ?? 0;
  const sizeFlag = descriptor >> 6;
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x0b) !== 0)
    throw new ProtocolError("EST_PROTOCOL_VERSION", "zstd frame uses a dictionary or reserved bits");
  let at = 5;
  if (!singleSegment) {
    const windowLog = 10 + ((frame[at] ?? 0xff) >> 3);
    if (windowLog > LIMITS.windowLogMax)
      throw new ProtocolError("EST_PROTOCOL_RANGE", `zstd window 2^${windowLog}`);
    at += 1;
  }
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  if (sizeBytes === 0 || frame.length < at + sizeBytes)
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "zstd frame without content size");
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  if (sizeBytes === 4) return view.getUint32(at, true);
  return Number(view.getBigUint64(at, true));
}
