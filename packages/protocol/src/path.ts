import { addressOf, formatAddress } from "./address.js";
import { fault, sameBytes } from "./bytes.js";
import {
  type Chain,
  chainLength,
  firstDigest,
  hopParts,
  isBroadcast,
  isChainMissing,
  nextDigest,
} from "./chain.js";
import { type PublicKeys, publicKeysOf, verify } from "./identity.js";

/** What is known of one hop. */
export type HopStatus =
  | "verified" // its entry holds and names who came next
  | "broadcast" // its entry holds, but was addressed to whoever hears: what follows is not proven
  | "elided" // its entry stayed behind
  | "unresolved"; // its entry names a key epoch we have no record of

export interface PathHop {
  /** 16 bytes; null for an elided hop nobody names. */
  readonly address: Uint8Array | null;
  readonly status: HopStatus;
}

/** The way an envelope took, the origin first. */
export interface PathReport {
  readonly hops: readonly PathHop[];
  /** Every hop is verified, and there is at least one. */
  readonly verified: boolean;
}

/** What the receiver knows for certain, to hold the chain against. */
export interface ChainContext {
  /** Envelope id, 16 bytes. */
  readonly id: Uint8Array;
  /** Root key in the verified header, 32 bytes. */
  readonly origin: Uint8Array;
  /** This node's address. */
  readonly self: Uint8Array;
  /** Address of the neighbour the link authenticated. */
  readonly neighbour: Uint8Array;
  /** From the same transit fields. */
  readonly hopsUsed: number;
  /** Keys of a rotated epoch, or null when unknown. Epoch 0 needs no help. */
  readonly resolveKeys?: (root: Uint8Array, epoch: number) => PublicKeys | null;
}

function broken(what: string): Error {
  return fault("EST_PROTOCOL_CHAIN", `signature chain refused: ${what}`);
}

/**
 * Checks a chain and reports the way. A missing chain is not an error and never "verified". A chain with
 * nothing but the origin's own entry elided counts as verified when the authenticated neighbour is
 * the origin.
 * @throws ProtocolError EST_PROTOCOL_CHAIN when the chain is present and wrong: this copy is to be
 * refused and
 * not marked seen, for another copy may be right.
 */
export function verifyChain(chain: Chain, context: ChainContext): PathReport {
  if (isChainMissing(chain)) return { hops: [], verified: false };
  if (chainLength(chain) !== context.hopsUsed + 1) {
    throw broken(`${chainLength(chain)} entries after ${context.hopsUsed} relays`);
  }
  const hops = [...elidedHops(chain, context), ...checkedHops(chain, context)];
  return { hops, verified: hops.every((hop) => hop.status === "verified") };
}

function elidedHops(chain: Chain, context: ChainContext): PathHop[] {
  const originAddress = addressOf(context.origin);
  const last = chain.entries.length > 0 ? chain.elidedLast : context.neighbour;
  if (chain.elidedCount === 1 && last !== null && !sameBytes(last, originAddress)) {
    throw broken("its only elided entry is not the origin's");
  }
  const direct = chain.elidedCount === 1 && chain.entries.length === 0;
  return Array.from({ length: chain.elidedCount }, (_, index) => {
    const isLast = index === chain.elidedCount - 1;
    const address = index === 0 ? originAddress : isLast ? last : null;
    return { address, status: direct ? "verified" : "elided" };
  });
}

function checkedHops(chain: Chain, context: ChainContext): PathHop[] {
  const { entries } = chain;
  const final = entries.at(-1);
  if (final === undefined) return [];
  if (!sameBytes(addressOf(final.signer), context.neighbour)) {
    throw broken("its last entry is not the neighbour's");
  }
  if (!isBroadcast(final) && !sameBytes(final.next, context.self)) {
    throw broken("its last entry is addressed to another node");
  }
  const first = entries[0];
  if (chain.elidedCount === 0 && (first === undefined || !sameBytes(first.signer, context.origin))) {
    throw broken("its first entry is not the origin's");
  }
  const hops: PathHop[] = [];
  let digest = firstDigest(chain, context.id);
  let previous = chain.elidedLast ?? addressOf(context.origin);
  for (const [position, entry] of entries.entries()) {
    const signerAddress = addressOf(entry.signer);
    const before = entries[position - 1];
    if (before !== undefined && !isBroadcast(before) && !sameBytes(before.next, signerAddress)) {
      throw broken(`entry ${chain.elidedCount + position} is not by the hop that was addressed`);
    }
    const index = chain.elidedCount + position;
    const parts = hopParts({ ...entry, id: context.id, digest, index, previous });
    const keys = keysFor(entry.signer, entry.keyEpoch, context);
    if (keys !== null && !verify(keys.signing, "hop", entry.signature, parts)) {
      throw broken(`the signature of entry ${index} does not verify`);
    }
    const status = keys === null ? "unresolved" : isBroadcast(entry) ? "broadcast" : "verified";
    hops.push({ address: signerAddress, status });
    digest = nextDigest(digest, entry);
    previous = signerAddress;
  }
  return hops;
}

function keysFor(root: Uint8Array, epoch: number, context: ChainContext): PublicKeys | null {
  if (epoch === 0) {
    try {
      return publicKeysOf(root);
    } catch (cause) {
      throw fault("EST_PROTOCOL_CHAIN", "signature chain refused: a signer's key is not admitted", cause);
    }
  }
  const keys = context.resolveKeys?.(root, epoch) ?? null;
  if (keys === null || !sameBytes(keys.root, root) || keys.epoch !== epoch) return null;
  return keys;
}

const STATUS_WORDS: Readonly<Record<HopStatus, string>> = {
  verified: "",
  broadcast: " (to all)",
  elided: " (entry not carried)",
  unresolved: " (key unknown)",
};

/** One line for people: `verified: est1… → est1… → here`. */
export function describePath(report: PathReport): string {
  if (report.hops.length === 0) return "unverified: no signature chain was carried";
  const names = report.hops.map((hop) => {
    return `${hop.address === null ? "unknown" : formatAddress(hop.address)}${STATUS_WORDS[hop.status]}`;
  });
  return `${report.verified ? "verified" : "unverified"}: ${names.join(" → ")} → here`;
}
