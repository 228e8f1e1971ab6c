import type { Bearer } from "@estafette/contract";
import type { ChannelTraits } from "@estafette/link";
import { LIMITS } from "./limits.js";

/** Fast enough that bytes hardly matter. */
export function isFat(bearer: Bearer): boolean {
  const { bitsPerSecond, cost } = bearer.capabilities;
  return (
    cost.perByte === 0 &&
    cost.perContact === 0 &&
    (bitsPerSecond === null || bitsPerSecond >= LIMITS.fatLinkBytesPerS * 8)
  );
}

/** What a conversation must know about its channel; as it is now. */
export function channelOf(bearer: Bearer): ChannelTraits {
  const c = bearer.capabilities;
  return {
    parcelBytesMax: c.parcelBytesMax,
    duplex: c.duplex,
    lossy: c.lossy,
    ordered: c.ordered,
    encrypt: c.content === "any",
    airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
    turnaroundMs: c.turnaroundMs,
    answerMs: c.answerMs,
  };
}
