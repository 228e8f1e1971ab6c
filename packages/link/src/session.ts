import { hkdfSync } from "node:crypto";
import { ByteWriter, joinBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import type { HandshakeResult } from "./noise.js";
import { openBytes, sealBytes } from "./noise.js";

/*
 *   byte 0          1             2…3                 …                       last 8 or 16
 *  ┌──────────────┬─────────────┬───────────────────┬────────────────────────┬─────┐
 *  │ 110 flags    │ context     │ counter, low half │ records, sealed        │ tag │
 *  │     OVER ASK │ check       │ big-endian        │ (or open: clear mode)  │     │
 *  └──────────────┴─────────────┴───────────────────┴────────────────────────┴─────┘
 */

export const KIND = { hello1: 1, hello2: 2, hello3: 3, resume1: 4, resume2: 5, data: 6, reset: 7 } as const;
export const OVER = 1;
export const ASK = 2;
const DATA_HEADER_BYTES = 4;
const KNOWN_FLAGS = OVER | ASK;
const NOTHING = new Uint8Array(0);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export const kindOf = (parcel: Uint8Array): number => (parcel[0] ?? 0) >>> 5;
export const flagsOf = (parcel: Uint8Array): number => (parcel[0] ?? 0) & 0x1f;

/** Facts of the channel both ends agreed on in the handshake. */
export interface SessionTraits {
  readonly parcelBytesMax: number;
  readonly tagBytes: 8 | 16;
  readonly encrypt: boolean;
}

/** Both ends take the smaller parcel; the tag follows from it. Our choice of 1024: there 8 bytes are < 1 %. */
export function sessionTraits(ours: number, theirs: number, encrypt: boolean): SessionTraits {
  const parcelBytesMax = Math.min(ours, theirs);
  return { parcelBytesMax, tagBytes: parcelBytesMax >= LINK_LIMITS.fatParcelBytesMin ? 16 : 8, encrypt };
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
  const info = [text("estafette/link/1/resume"), ...binding.facts, ...binding.roots];
  const secrets = derive(pairSecret, joinBytes(...binding.nonces), info, SESSION_SECRET_BYTES + 8);
  return {
    session: new Session(secrets, initiator, traits),
    proof: secrets.subarray(SESSION_SECRET_BYTES),
  };
}

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

  constructor(
    secrets: Uint8Array,
    initiator: boolean,
    readonly traits: SessionTraits,
  ) {
    const keys = [secrets.slice(0, 32), secrets.slice(32, 64)] as const;
    const checks = [secrets[64] ?? 0, secrets[65] ?? 0] as const;
    this.sendKey = initiator ? keys[0] : keys[1];
    this.receiveKey = initiator ? keys[1] : keys[0];
    this.sendCheck = initiator ? checks[0] : checks[1];
    this.receiveCheck = initiator ? checks[1] : checks[0];
  }

  /** Room for records in a parcel of `parcelBytes`. */
  roomBytes(parcelBytes: number = this.traits.parcelBytesMax): number {
    return parcelBytes - DATA_HEADER_BYTES - this.traits.tagBytes;
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

  seal(flags: number, records: Uint8Array): Uint8Array {
    const header = new ByteWriter(DATA_HEADER_BYTES)
      .u8((KIND.data << 5) | flags)
      .u8(this.sendCheck)
      .u16(this.nextCounter16)
      .done();
    const counter = this.sendCounter++;
    const { tagBytes, encrypt } = this.traits;
    if (encrypt) {
      return joinBytes(header, sealBytes(this.sendKey, counter, { ad: header, text: records, tagBytes }));
    }
    const open = joinBytes(header, records);
    return joinBytes(open, sealBytes(this.sendKey, counter, { ad: open, text: NOTHING, tagBytes }));
  }

  open(parcel: Uint8Array): Opened {
    const { tagBytes, encrypt } = this.traits;
    if (parcel.length < DATA_HEADER_BYTES + tagBytes || parcel[1] !== this.receiveCheck) {
      return { outcome: "not-mine" };
    }
    if ((flagsOf(parcel) & ~KNOWN_FLAGS) !== 0) return { outcome: "forged" };
    const counter = this.fullCounter((parcel[2] ?? 0) * 256 + (parcel[3] ?? 0));
    if (counter < 0 || this.alreadyHeard(counter)) return { outcome: "replayed" };
    const header = parcel.subarray(0, DATA_HEADER_BYTES);
    const bodyEnd = parcel.length - tagBytes;
    const opened = encrypt
      ? openBytes(this.receiveKey, counter, {
          ad: header,
          sealed: parcel.subarray(DATA_HEADER_BYTES),
          tagBytes,
        })
      : openBytes(this.receiveKey, counter, {
          ad: parcel.subarray(0, bodyEnd),
          sealed: parcel.subarray(bodyEnd),
          tagBytes,
        });
    if (opened === null) return { outcome: "forged" };
    this.highest = Math.max(this.highest, counter);
    this.heard[counter % this.heard.length] = counter;
    const records = encrypt ? opened : parcel.slice(DATA_HEADER_BYTES, bodyEnd);
    return { outcome: "ok", flags: flagsOf(parcel), records };
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
    if (counter <= this.highest - this.heard.length) return true;
    return this.heard[counter % this.heard.length] === counter;
  }
}
