import { hkdfSync } from "node:crypto";
import { ByteWriter, joinBytes } from "./bytes.js";
import type { Facts } from "./hello.js";
import { LINK_LIMITS } from "./limits.js";
import type { HandshakeResult } from "./noise.js";
import { openBytes, sealBytes } from "./noise.js";

/*
 *   byte 0          1             2…3                 …                       last 8
 *  ┌──────────────┬─────────────┬───────────────────┬────────────────────────┬─────┐
 *  │ 110 flags    │ context     │ counter, low half │ records, sealed        │ tag │
 *  │     OVER ASK │ check       │ big-endian        │ (or open: clear mode)  │     │
 *  └──────────────┴─────────────┴───────────────────┴────────────────────────┴─────┘
 *                                 not on channels that are ordered and lose nothing
 */

export const KIND = { hello1: 1, hello2: 2, hello3: 3, resume1: 4, resume2: 5, data: 6, reset: 7 } as const;
export const OVER = 1;
export const ASK = 2;
/** Byte 0 and context check; and the counter where parcels have one. */
const SHORT_HEADER_BYTES = 2;
const COUNTED_HEADER_BYTES = 4;
/** Enough, because each guess shows: after `forgedPerKeyMax` of them the keys are given up. */
const TAG_BYTES = 8;
export const PROOF_BYTES = 4;
const KNOWN_FLAGS = OVER | ASK;
const NOTHING = new Uint8Array(0);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export const kindOf = (parcel: Uint8Array): number => (parcel[0] ?? 0) >>> 5;
export const flagsOf = (parcel: Uint8Array): number => (parcel[0] ?? 0) & 0x1f;

/** Facts of the channel both ends agreed on in the handshake. */
export interface SessionTraits {
  readonly parcelBytesMax: number;
  readonly encrypt: boolean;
  /** No parcel comes after a later one: short names mean one thing only. */
  readonly ordered: boolean;
  /** Parcels carry their counter, because some may be missing. */
  readonly counted: boolean;
}

/** Header and tag of a data parcel. */
export const dataOverheadBytes = (counted: boolean): number =>
  (counted ? COUNTED_HEADER_BYTES : SHORT_HEADER_BYTES) + TAG_BYTES;

/** Both ends take the smaller parcel, and rely only on what both say of the channel. */
export function sessionTraits(ours: Facts, theirs: Facts): SessionTraits {
  const parcelBytesMax = Math.min(ours.parcelBytesMax, theirs.parcelBytesMax);
  const ordered = ours.ordered && theirs.ordered;
  const lossless = ours.lossless && theirs.lossless;
  return { parcelBytesMax, encrypt: !ours.clear, ordered, counted: !(ordered && lossless) };
}

/** HKDF-SHA256 (RFC 5869). */
function derive(
  ikm: Uint8Array,
  salt: Uint8Array,
  info: readonly Uint8Array[],
  byteCount: number,
): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", ikm, salt, joinBytes(...info), byteCount));
}

/** Bytes of key material a session is made of: two keys and two context checks. */
export const SESSION_SECRET_BYTES = 66;

/** Session of a full handshake, and the pair secret that lets the next one be short. */
export function afterHandshake(
  result: HandshakeResult,
  initiator: boolean,
  traits: SessionTraits,
): { readonly session: Session; readonly pairSecret: Uint8Array } {
  const ikm = joinBytes(result.keys[0], result.keys[1]);
  const mode = Uint8Array.of(traits.encrypt ? 0 : 1);
  const secrets = derive(ikm, result.hash, [text("estafette/link/1/data"), mode], SESSION_SECRET_BYTES);
  const pairSecret = derive(ikm, result.hash, [text("estafette/link/1/pair")], 32);
  return { session: new Session(secrets, initiator, traits), pairSecret };
}

/** Which of several pair secrets is meant, without showing it: 2 bytes. */
export function pairEpoch(pairSecret: Uint8Array): Uint8Array {
  return derive(pairSecret, NOTHING, [text("estafette/link/1/epoch")], 2);
}

/** Everything a resumption binds: both nonces, both ends' facts and both roots, initiator first. */
export interface ResumeBinding {
  readonly nonces: readonly [Uint8Array, Uint8Array];
  readonly facts: readonly [Uint8Array, Uint8Array];
  readonly roots: readonly [Uint8Array, Uint8Array];
}

/** Session of a resumption, and the responder's proof that it holds the pair secret. */
export function afterResume(
  pairSecret: Uint8Array,
  binding: ResumeBinding,
  initiator: boolean,
  traits: SessionTraits,
): { readonly session: Session; readonly proof: Uint8Array } {
  const facts = binding.facts.flatMap((bytes) => [Uint8Array.of(bytes.length), bytes]);
  const info = [text("estafette/link/1/resume"), ...facts, ...binding.roots];
  const byteCount = SESSION_SECRET_BYTES + PROOF_BYTES;
  const secrets = derive(pairSecret, joinBytes(...binding.nonces), info, byteCount);
  return {
    session: new Session(secrets.subarray(0, SESSION_SECRET_BYTES), initiator, traits),
    proof: secrets.subarray(SESSION_SECRET_BYTES),
  };
}

/** By what a reset names a data parcel: its last two bytes, which belong to the tag. */
const echoOf = (parcel: Uint8Array): number => (parcel.at(-2) ?? 0) * 256 + (parcel.at(-1) ?? 0);

export type Opened =
  | { readonly outcome: "ok"; readonly flags: number; readonly records: Uint8Array }
  | { readonly outcome: "not-mine" | "replayed" | "forged" };

/** Keys, counters and replay window of one session. */
export class Session {
  private readonly sendKey: Uint8Array;
  private readonly receiveKey: Uint8Array;
  private readonly sendCheck: number;
  private readonly receiveCheck: number;
  private sendCounter = 0;
  private highest = -1;
  /** The counter last heard in each slot; −1: none. */
  private readonly heard = new Float64Array(LINK_LIMITS.replayWindowParcels).fill(-1);
  /** The echoes of the parcels sent last, each in the slot of its counter. */
  private readonly echoes = new Uint16Array(LINK_LIMITS.replayWindowParcels);
  private readonly headerBytes: number;
  private forgedCount = 0;

  constructor(
    secrets: Uint8Array,
    initiator: boolean,
    readonly traits: SessionTraits,
    private readonly forgedMax: number = LINK_LIMITS.forgedPerKeyMax,
  ) {
    const keys = [secrets.slice(0, 32), secrets.slice(32, 64)] as const;
    const checks = [secrets[64] ?? 0, secrets[65] ?? 0] as const;
    this.sendKey = initiator ? keys[0] : keys[1];
    this.receiveKey = initiator ? keys[1] : keys[0];
    this.sendCheck = initiator ? checks[0] : checks[1];
    this.receiveCheck = initiator ? checks[1] : checks[0];
    this.headerBytes = traits.counted ? COUNTED_HEADER_BYTES : SHORT_HEADER_BYTES;
  }

  /** Room for records in a parcel of `parcelBytes`. */
  roomBytes(parcelBytes: number = this.traits.parcelBytesMax): number {
    return parcelBytes - dataOverheadBytes(this.traits.counted);
  }

  /** Counter of the next parcel we send, low 16 bits. */
  get nextCounter16(): number {
    return this.sendCounter % 0x1_0000;
  }

  /** Newest counter heard, low 16 bits. */
  get heardCounter16(): number {
    return Math.max(0, this.highest) % 0x1_0000;
  }

  get exhausted(): boolean {
    return this.sendCounter >= LINK_LIMITS.parcelsPerSessionMax;
  }

  /** So many guesses were made at the tags under these keys that they are not to be relied on any longer. */
  get guessedAt(): boolean {
    return this.forgedCount >= this.forgedMax;
  }

  /** Counter (low 16 bits) of the newest of our last parcels that a reset with this echo can mean; null: none. */
  echoed(echo: number): number | null {
    const oldest = Math.max(0, this.sendCounter - this.echoes.length);
    for (let counter = this.sendCounter - 1; counter >= oldest; counter--) {
      if (this.echoes[counter % this.echoes.length] === echo) return counter % 0x1_0000;
    }
    return null;
  }

  seal(flags: number, records: Uint8Array): Uint8Array {
    const { encrypt, counted } = this.traits;
    const writer = new ByteWriter(this.headerBytes).u8((KIND.data << 5) | flags).u8(this.sendCheck);
    if (counted) writer.u16(this.nextCounter16);
    const header = writer.done();
    const counter = this.sendCounter++;
    const tagBytes = TAG_BYTES;
    const open = joinBytes(header, records);
    const parcel = encrypt
      ? joinBytes(header, sealBytes(this.sendKey, counter, { ad: header, text: records, tagBytes }))
      : joinBytes(open, sealBytes(this.sendKey, counter, { ad: open, text: NOTHING, tagBytes }));
    this.echoes[counter % this.echoes.length] = echoOf(parcel);
    return parcel;
  }

  open(parcel: Uint8Array): Opened {
    const { headerBytes } = this;
    if (parcel.length < headerBytes + TAG_BYTES || parcel[1] !== this.receiveCheck || this.guessedAt) {
      return { outcome: "not-mine" };
    }
    const counter = this.counterOf(parcel);
    if (counter < 0 || this.alreadyHeard(counter)) return { outcome: "replayed" };
    const records = (flagsOf(parcel) & ~KNOWN_FLAGS) === 0 ? this.unseal(parcel, counter) : null;
    if (records === null) {
      this.forgedCount++;
      return { outcome: "forged" };
    }
    this.highest = Math.max(this.highest, counter);
    this.heard[counter % this.heard.length] = counter;
    return { outcome: "ok", flags: flagsOf(parcel), records };
  }

  private unseal(parcel: Uint8Array, counter: number): Uint8Array | null {
    const { headerBytes, receiveKey } = this;
    const tagBytes = TAG_BYTES;
    const bodyEnd = parcel.length - tagBytes;
    if (this.traits.encrypt) {
      const ad = parcel.subarray(0, headerBytes);
      return openBytes(receiveKey, counter, { ad, sealed: parcel.subarray(headerBytes), tagBytes });
    }
    const ad = parcel.subarray(0, bodyEnd);
    const opened = openBytes(receiveKey, counter, { ad, sealed: parcel.subarray(bodyEnd), tagBytes });
    return opened && parcel.slice(headerBytes, bodyEnd);
  }

  /** On a channel that loses nothing each parcel is the next. */
  private counterOf(parcel: Uint8Array): number {
    if (!this.traits.counted) return this.highest + 1;
    return this.fullCounter((parcel[2] ?? 0) * 256 + (parcel[3] ?? 0));
  }

  /** The counter nearest to the one expected next whose low 16 bits are these. */
  private fullCounter(low: number): number {
    const expected = this.highest + 1;
    const near = expected - (expected % 0x1_0000) + low;
    if (near - expected > 0x8000) return near - 0x1_0000;
    if (expected - near > 0x8000) return near + 0x1_0000;
    return near;
  }

  private alreadyHeard(counter: number): boolean {
    const window = this.traits.ordered ? 1 : this.heard.length;
    if (counter <= this.highest - window) return true;
    return this.heard[counter % this.heard.length] === counter;
  }
}
