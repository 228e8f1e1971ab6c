import type { MessageClass, Rng } from "@estafette/contract";
import type { ChannelTraits, KnownNeighbour, LinkIdentity, OutgoingTransfer } from "../api.js";
import { dhKeyFromSecret } from "../noise.js";

/** Seeded, for tests only (a 32-bit mixing generator). */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e37_79b9) >>> 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 16), 0x21f0_aaad);
    value = Math.imul(value ^ (value >>> 15), 0x735a_2d97);
    return (value ^ (value >>> 15)) >>> 0;
  };
  return { bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff) };
}

export interface Person {
  readonly identity: LinkIdentity;
  readonly name: string;
}

export function person(name: string, byte: number): Person {
  const key = dhKeyFromSecret(new Uint8Array(32).fill(byte));
  return {
    name,
    identity: {
      address: new Uint8Array(16).fill(byte),
      rootPublic: new Uint8Array(32).fill(byte + 100),
      staticPublic: key.public,
      agree: (theirs) => key.agree(theirs),
    },
  };
}

export function neighbour(of: Person, pairSecret: Uint8Array | null = null): KnownNeighbour {
  const { address, rootPublic, staticPublic } = of.identity;
  return { address, rootPublic, staticPublic, pairSecret };
}

/** A radio at `bitsPerSecond`, half duplex and lossy. */
export function radio(parcelBytesMax: number, bitsPerSecond = 1200, encrypt = true): ChannelTraits {
  return {
    parcelBytesMax,
    duplex: "half",
    lossy: true,
    ordered: true,
    encrypt,
    airtimeMs: (byteCount) => Math.ceil((byteCount * 8000) / bitsPerSecond),
    turnaroundMs: 200,
    answerMs: 0,
  };
}

export function stream(parcelBytesMax = 16_384): ChannelTraits {
  return {
    parcelBytesMax,
    duplex: "full",
    lossy: false,
    ordered: true,
    encrypt: true,
    airtimeMs: () => 0,
    turnaroundMs: 0,
    answerMs: 50,
  };
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What the ends of a world know by its first bytes, as a relay reads the id of what was pushed. */
const heads = new Map<string, { readonly id: Uint8Array; readonly headBytes: number }>();
const HEAD_KEY_BYTES = 12;

export function headIn(bytes: Uint8Array): { readonly id: Uint8Array; readonly headBytes: number } {
  const found = heads.get(hex(bytes.subarray(0, HEAD_KEY_BYTES)));
  if (found === undefined) throw new Error("a head nobody made");
  return found;
}

export function transferOf(
  key: number,
  payloadBytes: number,
  messageClass: MessageClass = "normal",
  headBytes = 150,
): OutgoingTransfer {
  const rng = seededRng(key * 7919 + 1);
  const id = rng.bytes(16);
  const head = rng.bytes(headBytes);
  heads.set(hex(head.subarray(0, HEAD_KEY_BYTES)), { id, headBytes });
  return { key, id, class: messageClass, head, payload: rng.bytes(payloadBytes), probe: true };
}

/** The same, sent without asking. */
export const pushedOf = (...args: Parameters<typeof transferOf>): OutgoingTransfer => ({
  ...transferOf(...args),
  probe: false,
});
