import { addressOf, BROADCAST } from "./address.js";
import {
  ByteReader,
  ByteWriter,
  fault,
  hashIn,
  requireCanonical,
  requireLength,
  requireRange,
  sameBytes,
} from "./bytes.js";
import type { Identity } from "./identity.js";
import { LIMITS } from "./limits.js";

/*
 *   d₀ = H(chain0 ‖ id)      dᵢ₊₁ = H(chain ‖ dᵢ ‖ entryᵢ)            (16 bytes each)
 *
 *   origin ──► relay 1 ──► relay 2 ──► here
 *   entry 0    entry 1     entry 2          entryᵢ signs id ‖ dᵢ ‖ i ‖ previous ‖ next ‖ age
 *   └── elided: count and digest ──┘└ in full ┘
 *
 * Each entry names the next hop, so that the last relay cannot cut the chain back to an earlier one.
 */

/** One hop's word: I had it, from `previous`, and gave it to `next` at this age. */
export interface ChainEntry {
  /** Root key of who signed, 32 bytes. */
  readonly signer: Uint8Array;
  /** Key epoch of the signing key [0…255]. */
  readonly keyEpoch: number;
  /** Address of the next hop, 16 bytes, or {@link BROADCAST}. */
  readonly next: Uint8Array;
  /** Age when sent on, seconds [0…2³²−1]. */
  readonly ageS: number;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** Who carried an envelope so far. Empty (nothing elided, no entries) means: nobody says. */
export interface Chain {
  /** Entries replaced by {@link elidedDigest} [0…17]; always the oldest. */
  readonly elidedCount: number;
  /** 16 bytes over the elided entries; null exactly when none is elided. */
  readonly elidedDigest: Uint8Array | null;
  /**
   * Who signed the last elided entry, 16 bytes: the first full entry covers it. Null unless both kinds
   * exist.
   */
  readonly elidedLast: Uint8Array | null;
  /** In travel order, at most 16. */
  readonly entries: readonly ChainEntry[];
}

/** What an entry is made of. */
export interface EntryDraft {
  /** Envelope id, 16 bytes. */
  readonly id: Uint8Array;
  readonly identity: Identity;
  /** Whom we had it from; for the origin its own address. */
  readonly previous: Uint8Array;
  readonly next: Uint8Array;
  readonly ageS: number;
}

/** A chain that says nothing. */
export function emptyChain(): Chain {
  return { elidedCount: 0, elidedDigest: null, elidedLast: null, entries: [] };
}

/** True when the chain says nothing: shown as "unverified", which is not an error. */
export function isChainMissing(chain: Chain): boolean {
  return chain.elidedCount === 0 && chain.entries.length === 0;
}

/** Elided and full entries together. */
export function chainLength(chain: Chain): number {
  return chain.elidedCount + chain.entries.length;
}

function writeEntry(writer: ByteWriter, entry: ChainEntry): ByteWriter {
  requireRange(entry.ageS, { min: 0, max: LIMITS.ageSMax }, "age of a chain entry");
  return writer
    .fixed(entry.signer, 32, "signer of a chain entry")
    .u8(entry.keyEpoch, "key epoch of a chain entry")
    .fixed(entry.next, 16, "next hop of a chain entry")
    .varint(entry.ageS, "age of a chain entry")
    .fixed(entry.signature, 64, "signature of a chain entry");
}

function readEntry(reader: ByteReader): ChainEntry {
  return {
    signer: reader.take(32, "signer of a chain entry"),
    keyEpoch: reader.u8("key epoch of a chain entry"),
    next: reader.take(16, "next hop of a chain entry"),
    ageS: reader.varint("age of a chain entry"),
    signature: reader.take(64, "signature of a chain entry"),
  };
}

/** What entry `index` signs, under purpose `hop`. */
export function hopParts(hop: {
  readonly id: Uint8Array;
  readonly digest: Uint8Array;
  readonly index: number;
  readonly previous: Uint8Array;
  readonly next: Uint8Array;
  readonly ageS: number;
}): Uint8Array {
  requireRange(hop.ageS, { min: 0, max: LIMITS.ageSMax }, "age of a chain entry");
  return new ByteWriter()
    .fixed(hop.id, 16, "envelope id")
    .fixed(hop.digest, 16, "chain digest")
    .u8(hop.index, "chain index")
    .fixed(hop.previous, 16, "previous hop")
    .fixed(hop.next, 16, "next hop")
    .varint(hop.ageS, "age of a chain entry")
    .finish();
}

/** Digest before the first full entry. */
export function firstDigest(chain: Chain, id: Uint8Array): Uint8Array {
  requireLength(id, 16, "envelope id");
  return chain.elidedDigest ?? hashIn("chain0", id).slice(0, 16);
}

/** The digest after `entry`. */
export function nextDigest(digest: Uint8Array, entry: ChainEntry): Uint8Array {
  return hashIn("chain", digest, writeEntry(new ByteWriter(), entry).finish()).slice(0, 16);
}

/** 16 bytes over all entries, elided or not. */
export function chainDigest(chain: Chain, id: Uint8Array): Uint8Array {
  return chain.entries.reduce(nextDigest, firstDigest(chain, id));
}

/** Replaces every entry by count and digest: 17 bytes whatever the number, for constrained links. */
export function elideChain(chain: Chain, id: Uint8Array): Chain {
  if (isChainMissing(chain)) return chain;
  return {
    elidedCount: chainLength(chain),
    elidedDigest: chainDigest(chain, id),
    elidedLast: null,
    entries: [],
  };
}

/**
 * The chain of a copy that came from its origin itself over an authenticated link, which carries no entry: one elided
 * entry, whose digest says what the receiver vouches for from here on.
 */
export function directChain(id: Uint8Array, origin: Uint8Array, receiver: Uint8Array): Chain {
  requireLength(id, 16, "envelope id");
  const digest = hashIn("chain-direct", id, origin, receiver).slice(0, 16);
  return { elidedCount: 1, elidedDigest: digest, elidedLast: null, entries: [] };
}

/** Whether a chain is the one {@link directChain} gives. */
export function isDirectChain(chain: Chain, direct: Chain): boolean {
  const { elidedCount, elidedDigest, entries } = chain;
  if (elidedCount !== 1 || entries.length > 0 || elidedDigest === null) return false;
  return direct.elidedDigest !== null && sameBytes(elidedDigest, direct.elidedDigest);
}

/** Moves the oldest full entry into the digest, to make room. */
function elideOldest(chain: Chain, id: Uint8Array): Chain {
  const [oldest, ...rest] = chain.entries;
  if (oldest === undefined) return chain;
  return {
    elidedCount: chain.elidedCount + 1,
    elidedDigest: nextDigest(firstDigest(chain, id), oldest),
    elidedLast: addressOf(oldest.signer),
    entries: rest,
  };
}

/**
 * Adds this node's entry. An empty chain is begun by the origin only (`previous` its own address): a chain
 * that was lost on the way stays missing, so a relay gets it back unchanged.
 * @throws ProtocolError EST_PROTOCOL_RANGE when the chain is full, EST_PROTOCOL_CHAIN when `previous` is not
 * the signer of the entry before.
 */
export function appendEntry(chain: Chain, draft: EntryDraft): Chain {
  const { id, identity, previous, next, ageS } = draft;
  if (isChainMissing(chain) && !sameBytes(previous, identity.address)) return chain;
  requireRange(chainLength(chain) + 1, { min: 1, max: LIMITS.chainLengthMax }, "chain length");
  const last = chain.entries.at(-1);
  if (last !== undefined && !sameBytes(addressOf(last.signer), previous)) {
    throw fault("EST_PROTOCOL_CHAIN", "the previous hop is not who signed the last entry");
  }
  const index = chainLength(chain);
  const parts = hopParts({ id, digest: chainDigest(chain, id), index, previous, next, ageS });
  const entry: ChainEntry = {
    signer: identity.keys.root,
    keyEpoch: identity.keys.epoch,
    next,
    ageS,
    signature: identity.sign("hop", parts),
  };
  const roomy = chain.entries.length >= LIMITS.chainEntriesMax ? elideOldest(chain, id) : chain;
  return {
    ...roomy,
    elidedLast: roomy.elidedCount > 0 ? (roomy.elidedLast ?? previous) : null,
    entries: [...roomy.entries, entry],
  };
}

/** Does this entry let anybody be the next hop? */
export function isBroadcast(entry: ChainEntry): boolean {
  return sameBytes(entry.next, BROADCAST);
}

/** Elided part when `elidedCount` > 0, then the number of entries and the entries when there are any. */
export function writeChain(writer: ByteWriter, chain: Chain): ByteWriter {
  requireConsistent(chain);
  if (chain.elidedCount > 0 && chain.elidedDigest !== null) {
    writer.u8(chain.elidedCount, "elided count").fixed(chain.elidedDigest, 16, "chain digest");
  }
  if (chain.entries.length === 0) return writer;
  if (chain.elidedLast !== null) writer.fixed(chain.elidedLast, 16, "last elided hop");
  writer.u8(chain.entries.length, "entry count");
  for (const entry of chain.entries) writeEntry(writer, entry);
  return writer;
}

/** The other direction; whether each part is there is said by the transit flags. */
export function readChain(reader: ByteReader, has: { elided: boolean; entries: boolean }): Chain {
  const elidedCount = has.elided ? reader.u8("elided count") : 0;
  const elidedDigest = has.elided ? reader.take(16, "chain digest") : null;
  if (has.elided) requireRange(elidedCount, { min: 1, max: LIMITS.chainLengthMax }, "elided count");
  if (!has.entries) return { elidedCount, elidedDigest, elidedLast: null, entries: [] };
  const elidedLast = has.elided ? reader.take(16, "last elided hop") : null;
  const count = reader.u8("entry count");
  requireRange(count, { min: 1, max: LIMITS.chainEntriesMax }, "entry count");
  const entries = Array.from({ length: count }, () => readEntry(reader));
  const chain: Chain = { elidedCount, elidedDigest, elidedLast, entries };
  requireConsistent(chain);
  return chain;
}

function requireConsistent(chain: Chain): void {
  requireRange(chain.entries.length, { min: 0, max: LIMITS.chainEntriesMax }, "entry count");
  requireRange(chainLength(chain), { min: 0, max: LIMITS.chainLengthMax }, "chain length");
  if (chain.elidedCount > 0 !== (chain.elidedDigest !== null)) {
    throw fault("EST_PROTOCOL_ENCODING", "a chain has a digest exactly when entries are elided");
  }
  if ((chain.elidedCount > 0 && chain.entries.length > 0) !== (chain.elidedLast !== null)) {
    throw fault("EST_PROTOCOL_ENCODING", "a chain names its last elided hop exactly before full entries");
  }
}

const CHAIN_ELIDED = 1;
const CHAIN_ENTRIES = 2;

/** Flags a chain needs: 1 something elided, 2 something in full. */
export function chainFlags(chain: Chain): number {
  return (chain.elidedCount > 0 ? CHAIN_ELIDED : 0) | (chain.entries.length > 0 ? CHAIN_ENTRIES : 0);
}

/** A chain alone, flags byte first: for storage and for a later trace record. */
export function encodeChain(chain: Chain): Uint8Array {
  return writeChain(new ByteWriter().u8(chainFlags(chain), "chain flags"), chain).finish();
}

/**
 * Strict inverse of {@link encodeChain}.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION}.
 */
export function decodeChain(bytes: Uint8Array): Chain {
  requireRange(bytes.length, { min: 0, max: LIMITS.transitBytesMax }, "chain length in bytes");
  const reader = new ByteReader(bytes);
  const flags = reader.u8("chain flags");
  if (flags > 3) throw fault("EST_PROTOCOL_VERSION", `chain flags ${flags} are not known`);
  const has = { elided: (flags & CHAIN_ELIDED) !== 0, entries: (flags & CHAIN_ENTRIES) !== 0 };
  const chain = readChain(reader, has);
  reader.end("the chain");
  requireCanonical(bytes, encodeChain(chain), "chain");
  return chain;
}
