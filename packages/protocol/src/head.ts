import { ByteReader, ByteWriter, concat, fault, requireCanonical, requireRange, sameBytes } from "./bytes.js";
import { appendEntry, type Chain, chainFlags, type EntryDraft, readChain, writeChain } from "./chain.js";
import { readSignedHeader, type SignedHeader } from "./envelope.js";
import { type PublicKeys, publicKeysOf } from "./identity.js";
import { decodeKeyRecord, encodeKeyRecord, KEY_RECORD_BYTES, type KeyRecord } from "./key-record.js";
import { LIMITS } from "./limits.js";

/*
 *   varint length │ immutable │ signature (64) ║ hops used │ age │ index and flags │ [key record] │ [chain]
 *   └──────────── head, never changes ────────┘╚═══════════ transit, each hop writes its own ═══════════╝
 */

/** What changes from hop to hop. Authenticated by the link, not by the origin. */
export interface Transit {
  /** Relays passed so far [0…255]. A hint for resources: loops are stopped by the seen table. */
  readonly hopsUsed: number;
  /** Seconds this envelope has spent at nodes and on links [0…2³²−1]. */
  readonly ageS: number;
  /** Entries of the relay list already visited [0…8]. */
  readonly relayIndex: number;
  /** The origin's key record, for receivers that may not know its current key epoch. */
  readonly keyRecord: KeyRecord | null;
  readonly chain: Chain;
}

/** Everything of an envelope but its payload. */
export interface Head {
  readonly signed: SignedHeader;
  readonly transit: Transit;
}

const INDEX_MASK = 0x0f;
const FLAG_KEY_RECORD = 0x10;
/** Chain flags 1 and 2 sit here as 0x20 and 0x40. */
const CHAIN_SHIFT = 5;

/** Transit fields alone (SPEC.md §6). */
export function encodeTransit(transit: Transit): Uint8Array {
  requireRange(transit.ageS, { min: 0, max: LIMITS.ageSMax }, "age");
  requireRange(transit.relayIndex, { min: 0, max: LIMITS.relaysMax }, "relay index");
  const flags = (transit.keyRecord ? FLAG_KEY_RECORD : 0) | (chainFlags(transit.chain) << CHAIN_SHIFT);
  const writer = new ByteWriter()
    .u8(transit.hopsUsed, "hops used")
    .varint(transit.ageS, "age")
    .u8(transit.relayIndex | flags, "relay index");
  if (transit.keyRecord !== null) writer.raw(encodeKeyRecord(transit.keyRecord));
  return writeChain(writer, transit.chain).finish();
}

/**
 * Strict inverse of {@link encodeTransit}; a key record inside is verified.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION,KEY,SIGNATURE}.
 */
export function decodeTransit(bytes: Uint8Array): Transit {
  requireRange(bytes.length, { min: 0, max: LIMITS.transitBytesMax }, "transit length");
  const reader = new ByteReader(bytes);
  const hopsUsed = reader.u8("hops used");
  const ageS = reader.varint("age");
  const indexAndFlags = reader.u8("relay index");
  if (indexAndFlags > 0x7f) throw fault("EST_PROTOCOL_VERSION", "transit flag 0x80 is not known");
  const chainBits = indexAndFlags >>> CHAIN_SHIFT;
  const hasKeyRecord = (indexAndFlags & FLAG_KEY_RECORD) !== 0;
  const recordBytes = hasKeyRecord ? reader.take(KEY_RECORD_BYTES, "key record") : null;
  const chain = readChain(reader, { elided: (chainBits & 1) !== 0, entries: (chainBits & 2) !== 0 });
  reader.end("the transit fields");
  // Last, because it costs a signature check: what is malformed elsewhere should not.
  const keyRecord = recordBytes === null ? null : decodeKeyRecord(recordBytes);
  const transit: Transit = { hopsUsed, ageS, relayIndex: indexAndFlags & INDEX_MASK, keyRecord, chain };
  requireCanonical(bytes, encodeTransit(transit), "transit");
  return transit;
}

/** The bytes that never change: what the spool stores as `head` (length, immutable bytes, signature). */
export function encodeSignedHeader(signed: SignedHeader): Uint8Array {
  return new ByteWriter()
    .varint(signed.bytes.length, "header length")
    .raw(signed.bytes)
    .fixed(signed.signature, 64, "signature")
    .finish();
}

/** Where the unchanging bytes end. Checks lengths only. */
function signedBytesOf(bytes: Uint8Array): { immutable: Uint8Array; signature: Uint8Array; end: number } {
  requireRange(bytes.length, { min: 0, max: LIMITS.headBytesMax }, "head length");
  const reader = new ByteReader(bytes);
  const length = reader.varint("header length");
  requireRange(length, { min: 1, max: LIMITS.headerBytesMax }, "header length");
  const immutable = reader.take(length, "header");
  const signature = reader.take(64, "signature");
  return { immutable, signature, end: reader.position };
}

/**
 * Inverse of {@link encodeSignedHeader}. Does not verify the signature.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION}.
 */
export function decodeSignedHeader(bytes: Uint8Array): SignedHeader {
  const { immutable, signature, end } = signedBytesOf(bytes);
  if (end !== bytes.length)
    throw fault("EST_PROTOCOL_TRAILING", `${bytes.length - end} bytes after the signature`);
  return readSignedHeader(immutable, signature);
}

/** Head as links carry it: the unchanging bytes, then transit. */
export function encodeHead(head: Head): Uint8Array {
  return concat(encodeSignedHeader(head.signed), encodeTransit(head.transit));
}

/**
 * Reads a head strictly. The origin's signature and the chain are not checked here: see verifyHeader and
 * verifyChain. A key record must be the origin's and of the epoch the header names.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION,KEY,SIGNATURE}.
 */
export function decodeHead(bytes: Uint8Array): Head {
  const parts = splitHead(bytes);
  const signed = decodeSignedHeader(parts.head);
  const transit = decodeTransit(parts.transit);
  const { header } = signed;
  if (transit.relayIndex > header.relays.length) {
    throw fault(
      "EST_PROTOCOL_RANGE",
      `relay index ${transit.relayIndex} in a list of ${header.relays.length}`,
    );
  }
  const keys = transit.keyRecord?.keys;
  if (keys !== undefined && (!sameBytes(keys.root, header.origin) || keys.epoch !== header.keyEpoch)) {
    throw fault("EST_PROTOCOL_KEY", "the key record is not of the key that signed the header");
  }
  return { signed, transit };
}

/**
 * Cuts an encoded head where the spool stores it apart, looking at lengths only.
 * @throws ProtocolError EST_PROTOCOL_TRUNCATED, EST_PROTOCOL_RANGE, EST_PROTOCOL_ENCODING.
 */
export function splitHead(bytes: Uint8Array): { readonly head: Uint8Array; readonly transit: Uint8Array } {
  const { end } = signedBytesOf(bytes);
  return { head: bytes.slice(0, end), transit: bytes.slice(end) };
}

/** Inverse of {@link splitHead}. */
export function joinHead(parts: { readonly head: Uint8Array; readonly transit: Uint8Array }): Uint8Array {
  return concat(parts.head, parts.transit);
}

/**
 * Keys to verify the header with, as far as the head itself tells: epoch 0, or the key record it carries.
 * Null: ask the address book.
 * @throws ProtocolError EST_PROTOCOL_KEY when the origin's root key is not admitted.
 */
export function originKeysOf(head: Head): PublicKeys | null {
  if (head.signed.header.keyEpoch === 0) return publicKeysOf(head.signed.header.origin);
  return head.transit.keyRecord?.keys ?? null;
}

/**
 * Transit as a relay sends it on: one more hop, its own chain entry, its view of age and relay list.
 * The origin sends `hopsUsed` 0 with its own entry and does not call this.
 * @throws ProtocolError EST_PROTOCOL_RANGE past 255 hops, and as appendEntry.
 */
export function forwardTransit(
  transit: Transit,
  relay: EntryDraft & {
    /** Entries of the relay list visited, this node included. */
    readonly relayIndex: number;
  },
): Transit {
  requireRange(transit.hopsUsed, { min: 0, max: 254 }, "hops used");
  return {
    hopsUsed: transit.hopsUsed + 1,
    ageS: relay.ageS,
    relayIndex: relay.relayIndex,
    keyRecord: transit.keyRecord,
    chain: appendEntry(transit.chain, relay),
  };
}
