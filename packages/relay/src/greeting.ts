import { CODEC, KNOWN_CODECS } from "@estafette/compression";
import { ProtocolError } from "@estafette/contract";

/*
 * What two gateways tell each other in the handshake, beyond what the link itself needs (SPEC.md §8.4):
 *   u8 edition and flags │ varint drain rate │ [u16 digest of templates held │ u16 mask of contexts held]
 */

const EDITION_BITS = 0x3f;
/** Holds neither templates nor contexts of the other. */
const HOLDS_NOTHING = 0x40;
/** Digest and mask follow. With neither flag a node cannot say: it did not know whom it would meet. */
const HOLDS = 0x80;

/** What one node holds of another. */
export interface Held {
  /** Over the head templates; 0: none. */
  readonly templatesDigest: number;
  /** One bit for each content context. */
  readonly contextsMask: number;
}

export interface Greeting {
  /** Codec ids this node opens. */
  readonly codecs: readonly number[];
  /** Bytes per second it wishes to be sent; null: as fast as the channel is. */
  readonly drainBytesPerS: number | null;
  /** Null: it could not say. */
  readonly held: Held | null;
}

/** Edition 1: the dictionaries of version 1. A later edition opens everything an earlier one does. */
const EDITION = 1;

/** What is assumed of a node that says nothing: edition 1 is what every node opens. */
const UNTOLD: Greeting = { codecs: KNOWN_CODECS, drainBytesPerS: null, held: null };

export function encodeGreeting({ drainBytesPerS, held }: Omit<Greeting, "codecs">): Uint8Array {
  const nothing = held !== null && held.templatesDigest === 0 && held.contextsMask === 0;
  const flags = held === null ? 0 : nothing ? HOLDS_NOTHING : HOLDS;
  const bytes = [EDITION | flags, ...varint(drainBytesPerS ?? 0)];
  if (held !== null && flags === HOLDS)
    bytes.push(
      held.templatesDigest >>> 8,
      held.templatesDigest & 255,
      held.contextsMask >>> 8,
      held.contextsMask & 255,
    );
  return Uint8Array.from(bytes);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}

/**
 * An empty greeting says nothing at all.
 * @throws ProtocolError EST_PROTOCOL_TRUNCATED, EST_PROTOCOL_TRAILING, EST_PROTOCOL_RANGE.
 */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  const [first] = bytes;
  if (first === undefined) return UNTOLD;
  const { value, end } = readVarint(bytes, 1);
  const wanted = end + ((first & HOLDS) !== 0 ? 4 : 0);
  if (bytes.length !== wanted) {
    const code = bytes.length < wanted ? "EST_PROTOCOL_TRUNCATED" : "EST_PROTOCOL_TRAILING";
    throw new ProtocolError(code, `a greeting of ${bytes.length} bytes`);
  }
  const at = (index: number): number => bytes[end + index] ?? 0;
  const says = (first & (HOLDS | HOLDS_NOTHING)) !== 0;
  return {
    codecs: (first & EDITION_BITS) >= EDITION ? KNOWN_CODECS : [CODEC.none],
    drainBytesPerS: value === 0 ? null : value,
    held: says ? { templatesDigest: at(0) * 256 + at(1), contextsMask: at(2) * 256 + at(3) } : null,
  };
}

function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start; at < start + 5; at++) {
    const byte = bytes[at];
    if (byte === undefined)
      throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a greeting ends inside a number");
    value += (byte & 127) * 2 ** (7 * (at - start));
    if (byte < 128) return { value, end: at + 1 };
  }
  throw new ProtocolError("EST_PROTOCOL_RANGE", "a drain rate beyond 32 bits");
}
