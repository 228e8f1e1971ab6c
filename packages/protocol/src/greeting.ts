import { ByteReader, ByteWriter, fault, requireRange } from "./bytes.js";

/*
 * What two gateways tell each other in the handshake, beyond what the link itself needs (SPEC.md §8.4):
 *   u8 edition and flags │ varint drain rate │ [u16 digest of templates held │ u16 mask of contexts held]
 */

const EDITION_BITS = 0x3f;
/** Holds neither templates nor contexts of the other. */
const HOLDS_NOTHING = 0x40;
/** Digest and mask follow. With neither flag a node cannot say: it did not know whom it would meet. */
const HOLDS = 0x80;

/** What is assumed of a node that says nothing: edition 1 is what every node opens. */
const UNTOLD: Greeting = { edition: 1, drainBytesPerS: null, held: null };
const DRAIN_BYTES_PER_S_MAX = 0xffff_ffff;

/** What one node holds of another. */
export interface Held {
  /** Over the head templates; 0: none. */
  readonly templatesDigest: number;
  /** One bit for each content context. */
  readonly contextsMask: number;
}

export interface Greeting {
  /** Of the codecs it opens [0…63]. */
  readonly edition: number;
  /** Bytes per second it wishes to be sent [1…2³²−1]; null: as fast as the channel is. */
  readonly drainBytesPerS: number | null;
  /** Null: it could not say. */
  readonly held: Held | null;
}

/** @throws ProtocolError EST_PROTOCOL_RANGE for a value that has no encoding. */
export function encodeGreeting({ edition, drainBytesPerS, held }: Greeting): Uint8Array {
  requireRange(edition, { min: 0, max: EDITION_BITS }, "edition");
  if (drainBytesPerS !== null)
    requireRange(drainBytesPerS, { min: 1, max: DRAIN_BYTES_PER_S_MAX }, "drain rate");
  const flags = held === null ? 0 : isNothing(held) ? HOLDS_NOTHING : HOLDS;
  const writer = new ByteWriter().u8(edition | flags, "edition").varint(drainBytesPerS ?? 0, "drain rate");
  if (held !== null && flags === HOLDS) writeU16(writeU16(writer, held.templatesDigest), held.contextsMask);
  return writer.finish();
}

function isNothing(held: Held): boolean {
  return held.templatesDigest === 0 && held.contextsMask === 0;
}

function writeU16(writer: ByteWriter, value: number): ByteWriter {
  requireRange(value, { min: 0, max: 0xffff }, "what is held");
  return writer.u8(value >>> 8, "what is held").u8(value & 255, "what is held");
}

/**
 * Inverse of {@link encodeGreeting}; an empty greeting says nothing at all.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING}.
 */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  if (bytes.length === 0) return UNTOLD;
  const reader = new ByteReader(bytes);
  const first = reader.u8("edition");
  const drain = reader.varint("drain rate");
  requireRange(drain, { min: 0, max: DRAIN_BYTES_PER_S_MAX }, "drain rate");
  const held = readHeld(reader, first);
  reader.end("the greeting");
  return { edition: first & EDITION_BITS, drainBytesPerS: drain === 0 ? null : drain, held };
}

function readHeld(reader: ByteReader, first: number): Held | null {
  const flags = first & (HOLDS | HOLDS_NOTHING);
  if (flags === 0) return null;
  if (flags === HOLDS_NOTHING) return { templatesDigest: 0, contextsMask: 0 };
  const held = { templatesDigest: readU16(reader), contextsMask: readU16(reader) };
  if (flags !== HOLDS || isNothing(held))
    throw fault("EST_PROTOCOL_ENCODING", "a greeting says in two ways what is held");
  return held;
}

function readU16(reader: ByteReader): number {
  return reader.u8("what is held") * 256 + reader.u8("what is held");
}
