import { CODEC, KNOWN_CODECS } from "@estafette/compression";
import { decodeGreeting, encodeGreeting, type Held } from "@estafette/protocol";

/** What a neighbour said in the handshake (SPEC.md §8.4). */
export interface Greeting {
  /** Codec ids it opens. */
  readonly codecs: readonly number[];
  /** Bytes per second it wishes to be sent; null: as fast as the channel is. */
  readonly drainBytesPerS: number | null;
  /** What it holds of us; null: it could not say. */
  readonly held: Held | null;
}

/** Edition 1: the dictionaries of version 1. A later edition opens everything an earlier one does. */
const EDITION = 1;

export function writeGreeting(told: Omit<Greeting, "codecs">): Uint8Array {
  return encodeGreeting({ edition: EDITION, ...told });
}

/** @throws ProtocolError as decodeGreeting. */
export function readGreeting(bytes: Uint8Array): Greeting {
  const { edition, ...told } = decodeGreeting(bytes);
  return { codecs: edition >= EDITION ? KNOWN_CODECS : [CODEC.none], ...told };
}
