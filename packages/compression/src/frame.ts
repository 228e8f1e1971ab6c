import { ProtocolError } from "@estafette/contract";
import { LIMITS } from "./limits.js";

/*
 * What travels of a zstd frame (RFC 8878 §3.1.1). The frame header is always the same here, so it stays behind.
 *
 *   bare     content of one compressed block
 *   blocks   varint content length │ blocks with their three-byte headers
 */

/** Magic number; descriptor 0: no size, no checksum, no dictionary id; window 2¹⁷. */
const frameHeader = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (LIMITS.windowLogMax - 10) << 3] as const;
const blockHeaderBytes = 3;
const blockType = { raw: 0, rle: 1, compressed: 2 } as const;

interface Block {
  readonly last: boolean;
  readonly type: number;
  /** Bytes it takes after its header, and the most it can open to. */
  readonly bytes: number;
  readonly openBytesMax: number;
}

/** A frame cut down, and which of the two shapes it has now. */
export interface Stripped {
  readonly bare: boolean;
  readonly bytes: Uint8Array;
}

/** The most a content of this compressed length may open to. */
function openedBytesMax(compressedBytes: number): number {
  return Math.min(
    LIMITS.contentBytesMax,
    Math.max(LIMITS.inflationFreeBytes, compressedBytes * LIMITS.inflationMax),
  );
}

/** Takes a frame of our own compressor apart. `contentBytes`: what it opens to. */
export function stripFrame(frame: Uint8Array, contentBytes: number): Stripped {
  const blocks = frame.subarray(frameHeaderBytes(frame));
  const first = readBlock(blocks, 0);
  const bareFits = contentBytes <= openedBytesMax(first.bytes);
  if (first.last && first.type === blockType.compressed && bareFits) {
    return { bare: true, bytes: blocks.subarray(blockHeaderBytes) };
  }
  const length = writeVarint(contentBytes);
  const plainBytes = length.length + blocks.length;
  const wantedBytes = Math.ceil(contentBytes / LIMITS.inflationMax);
  // Empty raw blocks in front: what compresses better than a receiver believes is padded until it does.
  const empties =
    contentBytes <= LIMITS.inflationFreeBytes
      ? 0
      : Math.max(0, Math.ceil((wantedBytes - plainBytes) / blockHeaderBytes));
  const bytes = new Uint8Array(plainBytes + empties * blockHeaderBytes);
  bytes.set(length);
  bytes.set(blocks, bytes.length - blocks.length);
  return { bare: false, bytes };
}

/** Length of the frame header (RFC 8878 §3.1.1.1). */
function frameHeaderBytes(frame: Uint8Array): number {
  const descriptor = frame[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  return 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes + sizeBytes;
}

/** A frame to decode, and a bound of what it opens to. */
export interface Rebuilt {
  readonly frame: Uint8Array;
  readonly openBytesMax: number;
  /** What its writer declared, or null where the shape declares nothing. */
  readonly declaredBytes: number | null;
}

/** The frame around one compressed block. Errors: EST_PROTOCOL_RANGE for a block no zstd frame can hold. */
export function rebuildBare(bytes: Uint8Array): Rebuilt {
  if (bytes.length >= LIMITS.blockBytesMax) throw refuse("EST_PROTOCOL_RANGE", "block too large");
  if (bytes.length < 2) throw refuse("EST_PROTOCOL_TRUNCATED", "block too short");
  const header = 1 | (blockType.compressed << 1) | (bytes.length << 3);
  const frame = new Uint8Array(frameHeader.length + blockHeaderBytes + bytes.length);
  frame.set(frameHeader);
  frame.set([header & 255, (header >> 8) & 255, header >> 16], frameHeader.length);
  frame.set(bytes, frameHeader.length + blockHeaderBytes);
  const openBytesMax = Math.min(LIMITS.blockBytesMax, openedBytesMax(bytes.length));
  return { frame, openBytesMax, declaredBytes: null };
}

/**
 * The frame around several blocks, after every block header was looked at: nothing is allocated for a length that
 * its blocks cannot hold.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING}.
 */
export function rebuildBlocks(bytes: Uint8Array): Rebuilt {
  const length = readVarint(bytes);
  if (length.value > openedBytesMax(bytes.length)) {
    throw refuse("EST_PROTOCOL_RANGE", `content claims ${length.value} bytes`);
  }
  let openBytesMax = 0;
  let at = length.bytes;
  for (let last = false; !last; ) {
    at = afterPadding(bytes, at);
    const block = readBlock(bytes, at);
    at += blockHeaderBytes + block.bytes;
    openBytesMax += block.openBytesMax;
    last = block.last;
    if (at > bytes.length) throw refuse("EST_PROTOCOL_TRUNCATED", "content ends inside a block");
  }
  if (at < bytes.length) throw refuse("EST_PROTOCOL_TRAILING", "content continues after its last block");
  if (length.value > openBytesMax)
    throw refuse("EST_PROTOCOL_RANGE", "content claims more than its blocks hold");
  const frame = new Uint8Array(frameHeader.length + bytes.length - length.bytes);
  frame.set(frameHeader);
  frame.set(bytes.subarray(length.bytes), frameHeader.length);
  return { frame, openBytesMax: length.value, declaredBytes: length.value };
}

/** Past the empty raw blocks that pad a content: there may be 80,000, too many to look at each as a block. */
function afterPadding(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0) at += blockHeaderBytes;
  return at;
}

function readBlock(bytes: Uint8Array, at: number): Block {
  const low = bytes[at];
  const middle = bytes[at + 1];
  const high = bytes[at + 2];
  if (low === undefined || middle === undefined || high === undefined) {
    throw refuse("EST_PROTOCOL_TRUNCATED", "content ends inside a block header");
  }
  const header = low | (middle << 8) | (high << 16);
  const last = (header & 1) === 1;
  const type = (header >> 1) & 3;
  const size = header >> 3;
  if (size > LIMITS.blockBytesMax) throw refuse("EST_PROTOCOL_RANGE", `block of ${size} bytes`);
  if (type === blockType.compressed) return { last, type, bytes: size, openBytesMax: LIMITS.blockBytesMax };
  if (type === blockType.raw) return { last, type, bytes: size, openBytesMax: size };
  if (type === blockType.rle) return { last, type, bytes: 1, openBytesMax: size };
  throw refuse("EST_PROTOCOL_ENCODING", "block of the reserved type");
}

/** LEB128, at most four bytes: 2²⁸ is beyond every content. */
function readVarint(bytes: Uint8Array): { readonly value: number; readonly bytes: number } {
  let value = 0;
  for (let at = 0; at < 4; at++) {
    const byte = bytes[at];
    if (byte === undefined) throw refuse("EST_PROTOCOL_TRUNCATED", "content ends inside its length");
    if (byte === 0 && at > 0)
      throw refuse("EST_PROTOCOL_ENCODING", "content length in more bytes than it needs");
    value |= (byte & 127) << (7 * at);
    if (byte < 128) return { value, bytes: at + 1 };
  }
  throw refuse("EST_PROTOCOL_RANGE", "content length of more than four bytes");
}

function writeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128);
  return Uint8Array.of(...bytes, rest);
}

function refuse(code: ProtocolError["code"], message: string): ProtocolError {
  return new ProtocolError(code, message);
}
