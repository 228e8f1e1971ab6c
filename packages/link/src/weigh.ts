import type { ChannelTraits } from "./api.js";
import { FACTS_BYTES, HELLO_HEADER_BYTES } from "./hello.js";
import { HELLO_BYTES, RESUME_BYTES } from "./introduction.js";
import { dataOverheadBytes } from "./session.js";
import { worthwhileParcelBytes } from "./timing.js";

/* What a conversation will take of a channel, for whoever asks before it begins. */

/** Largest data parcel, and what of each parcel is not content: header and tag; in bytes. */
export function parcelsOf(channel: ChannelTraits): { readonly bytes: number; readonly headerBytes: number } {
  const headerBytes = dataOverheadBytes(!channel.ordered || channel.lossy);
  return { bytes: worthwhileParcelBytes(channel, channel.parcelBytesMax), headerBytes };
}

/** Lengths of the two messages by which configured peers meet; `acquainted`: they hold a pair secret. */
export function meetingMessages(acquainted: boolean, greetingBytes: number): readonly [number, number] {
  const payloadBytes = FACTS_BYTES + greetingBytes;
  if (acquainted) return [RESUME_BYTES[0] + payloadBytes, RESUME_BYTES[1] + payloadBytes];
  const helloBytes = HELLO_HEADER_BYTES + HELLO_BYTES + payloadBytes;
  return [helloBytes, helloBytes];
}
