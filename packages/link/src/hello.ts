import { ProtocolError } from "@estafette/contract";
import { ByteReader, ByteWriter, equalBytes, joinBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import type { NoisePattern } from "./noise.js";
import { flagsOf, KIND, kindOf } from "./session.js";

/*
 * Handshake messages in parcels of any size:
 *
 *   byte 0             1…2        3                        …
 *  ┌─────────────────┬──────────┬────────────────────────┬──────────────────┐
 *  │ kind  flags     │ attempt  │ piece (4 bits) and     │ piece of the     │
 *  │       KK, CLEAR │          │ count − 1 (4 bits)     │ message          │
 *  └─────────────────┴──────────┴────────────────────────┴──────────────────┘
 */

export const HELLO_HEADER_BYTES = 4;
const FLAG_KK = 1;
const FLAG_CLEAR = 2;
const LINK_VERSION = 1;
const FEATURE_CLEAR = 1;
const FEATURE_ORDERED = 2;
const FEATURE_LOSSLESS = 4;
export const FACTS_BYTES = 3;
export const RESET_BYTES = 3;

/** Names one attempt of one initiator, so that pieces of two never mix; echoed by the responder. */
export interface HelloTag {
  readonly kind: 1 | 2 | 3;
  readonly pattern: NoisePattern;
  readonly clear: boolean;
  readonly attempt: number;
}

export interface HelloMessage extends HelloTag {
  readonly message: Uint8Array;
}

/** Cuts one handshake message. A message that needs more than 16 pieces cannot occur from 48 bytes on. */
export function cutHello(hello: HelloMessage, parcelBytesMax: number): readonly Uint8Array[] {
  const room = parcelBytesMax - HELLO_HEADER_BYTES;
  const count = Math.max(1, Math.ceil(hello.message.length / room));
  const flags = (hello.pattern === "KK" ? FLAG_KK : 0) | (hello.clear ? FLAG_CLEAR : 0);
  return Array.from({ length: count }, (_, piece) => {
    const bytes = hello.message.subarray(piece * room, (piece + 1) * room);
    return new ByteWriter(HELLO_HEADER_BYTES + bytes.length)
      .u8((hello.kind << 5) | flags)
      .u16(hello.attempt)
      .u8((piece << 4) | (count - 1))
      .bytes(bytes)
      .done();
  });
}

interface Reassembly {
  readonly tag: string;
  readonly pieces: (Uint8Array | undefined)[];
}

/** What one heard piece means: how many are still to come after it, and the message if it is complete. */
export interface HelloPiece extends HelloTag {
  readonly laterPieces: number;
  readonly message: Uint8Array | null;
}

/** Puts pieces together; bounded, the oldest message is dropped. */
export class HelloReader {
  private readonly open: Reassembly[] = [];

  heard(parcel: Uint8Array): HelloPiece {
    const flags = flagsOf(parcel);
    if ((flags & ~(FLAG_KK | FLAG_CLEAR)) !== 0) {
      throw new ProtocolError("EST_PROTOCOL_ENCODING", "an unknown handshake flag");
    }
    const reader = new ByteReader(parcel);
    reader.u8();
    const attempt = reader.u16();
    const form = reader.u8();
    const [piece, count] = [form >>> 4, (form & 15) + 1];
    if (piece >= count) throw new ProtocolError("EST_PROTOCOL_RANGE", "a piece beyond the last");
    const bytes = reader.rest().slice();
    const hello = {
      kind: kindOf(parcel) as 1 | 2 | 3,
      pattern: (flags & FLAG_KK) !== 0 ? ("KK" as const) : ("XX" as const),
      clear: (flags & FLAG_CLEAR) !== 0,
      attempt,
      laterPieces: count - 1 - piece,
    };
    if (count === 1) return { ...hello, message: bytes };
    return { ...hello, message: this.add(`${parcel[0]} ${attempt} ${count}`, { piece, count, bytes }) };
  }

  private add(
    tag: string,
    part: { readonly piece: number; readonly count: number; readonly bytes: Uint8Array },
  ): Uint8Array | null {
    let entry = this.open.find((candidate) => candidate.tag === tag);
    if (entry === undefined) {
      entry = { tag, pieces: new Array<Uint8Array | undefined>(part.count).fill(undefined) };
      this.open.push(entry);
      if (this.open.length > LINK_LIMITS.helloReassembliesMax) this.open.shift();
    }
    entry.pieces[part.piece] = part.bytes;
    const pieces = entry.pieces.filter((bytes) => bytes !== undefined);
    if (pieces.length < part.count) return null;
    this.open.splice(this.open.indexOf(entry), 1);
    return joinBytes(...pieces);
  }

  clear(): void {
    this.open.length = 0;
  }
}

/** What each end says about itself and its channel in a handshake. */
export interface Facts {
  readonly parcelBytesMax: number;
  readonly clear: boolean;
  readonly ordered: boolean;
  readonly lossless: boolean;
  /** The relay's, 0…24 bytes; opaque here. */
  readonly greeting: Uint8Array;
}

/** Version and features, largest parcel: 3 bytes; and the greeting, to the end of what carries them. */
export function encodeFacts(facts: Facts): Uint8Array {
  const { clear, ordered, lossless, greeting } = facts;
  const features =
    (clear ? FEATURE_CLEAR : 0) | (ordered ? FEATURE_ORDERED : 0) | (lossless ? FEATURE_LOSSLESS : 0);
  return new ByteWriter(FACTS_BYTES + greeting.length)
    .u8((LINK_VERSION << 4) | features)
    .u16(facts.parcelBytesMax)
    .bytes(greeting)
    .done();
}

/** Unknown feature bits are ignored: a later version may announce what we do not have. */
export function parseFacts(bytes: Uint8Array): Facts {
  const reader = new ByteReader(bytes);
  const first = reader.u8();
  if (first >>> 4 !== LINK_VERSION) {
    throw new ProtocolError("EST_PROTOCOL_VERSION", "the neighbour speaks another link version");
  }
  const parcelBytesMax = reader.u16();
  if (parcelBytesMax < LINK_LIMITS.parcelBytesMin) {
    throw new ProtocolError("EST_PROTOCOL_RANGE", "the neighbour's parcels are too small");
  }
  const greeting = reader.rest().slice();
  if (greeting.length > LINK_LIMITS.greetingBytesMax) {
    throw new ProtocolError("EST_PROTOCOL_RANGE", "the neighbour's greeting is too long");
  }
  const has = (feature: number): boolean => (first & feature) !== 0;
  return {
    parcelBytesMax,
    clear: has(FEATURE_CLEAR),
    ordered: has(FEATURE_ORDERED),
    lossless: has(FEATURE_LOSSLESS),
    greeting,
  };
}

/** Why a first message or a data parcel cannot be used here. */
export const RESET = { unknownPair: 1, unknownKey: 2, unknownContext: 3 } as const;

/** `echo`: two bytes of what it answers, so that a late one is recognised. */
export function encodeReset(reason: number, echo: Uint8Array): Uint8Array {
  return joinBytes(Uint8Array.of((KIND.reset << 5) | reason), echo.subarray(0, 2));
}

/** The two bytes by which a reset names its cause: attempt, start of the nonce, or end of the tag. */
export function resetEcho(parcel: Uint8Array): Uint8Array {
  switch (kindOf(parcel)) {
    case KIND.resume1:
      return parcel.slice(3, 5);
    case KIND.data:
      return parcel.slice(-2);
    default:
      return parcel.slice(1, 3);
  }
}

export const sameEcho = (reset: Uint8Array, parcel: Uint8Array): boolean =>
  equalBytes(reset.subarray(1, 3), resetEcho(parcel));
