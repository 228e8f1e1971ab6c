import type { ConversationInit } from "./api.js";
import type { Way } from "./candidates.js";
import { cutHello } from "./hello.js";
import { type Agreement, Introduction, type Opening } from "./introduction.js";
import type { NoisePattern } from "./noise.js";

/** A handshake we have begun. */
export interface OurAttempt {
  readonly way: Way;
  /** Compared with the neighbour's when both began: ephemeral key or nonce. */
  readonly token: Uint8Array;
  readonly attempt: number;
  readonly opening: Opening | null;
  /** The message to repeat. */
  parcels: readonly Uint8Array[];
  /** XX after the second message: reached, and to be confirmed by the neighbour's first data. */
  agreement: Agreement | null;
  /** How often it was said. */
  tries: number;
  /** A reset says that the third message came to nothing. */
  disowned: boolean;
  /** It is KK after XX found no answer, though a reset had led there: no reset leads there again. */
  readonly steadfast: boolean;
}

export function cutMessage(
  { channel }: ConversationInit,
  hello: {
    readonly kind: 1 | 2 | 3;
    readonly pattern: NoisePattern;
    readonly attempt: number;
    readonly message: Uint8Array;
  },
): readonly Uint8Array[] {
  return cutHello({ ...hello, clear: !channel.encrypt }, channel.parcelBytesMax);
}

/** A first message of this way, or of the nearest one that what we know of the neighbour allows. */
export function beginAttempt(init: ConversationInit, introduction: Introduction, way: Way): OurAttempt {
  const attempt = init.rng.bytes(2).reduce((sum, byte) => sum * 256 + byte, 0);
  const fresh = { attempt, agreement: null, tries: 0, disowned: false, steadfast: false };
  const resume = way === "resume" ? introduction.openResume() : null;
  if (resume !== null) {
    const token = Introduction.resumeToken(resume);
    return { ...fresh, way, token, opening: null, parcels: [resume] };
  }
  const pattern = way === "XX" || introduction.neighbour === null ? "XX" : "KK";
  const opening = introduction.open(pattern);
  const { message } = opening;
  const parcels = cutMessage(init, { kind: 1, pattern, attempt, message });
  return { ...fresh, way: pattern, token: message.slice(0, 32), opening, parcels };
}

/**
 * What follows an attempt of this way that had no answer. On a channel that loses parcels it alternates with KK, which a
 * forger cannot use up the answers to: that the neighbour can only do XX is the word of a reset.
 */
export function followingAttempt(init: ConversationInit, introduction: Introduction, way: Way): OurAttempt {
  const { neighbour, pairSecret } = introduction;
  if (neighbour === null || !init.channel.lossy) return beginAttempt(init, introduction, way);
  const next = way === "KK" && pairSecret !== null ? "resume" : "KK";
  return { ...beginAttempt(init, introduction, next), steadfast: way === "XX" };
}
