import type { Bearer } from "@estafette/contract";
import { type ChannelTraits, parcelsOf } from "@estafette/link";
import type { ParcelShape } from "@estafette/router";
import type { LinkSettings } from "./api.js";
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

/** How its parcels are filled. What a bearer adds beside each shows in its airtime; without a rate, nothing is known of it. */
export function parcelShapeOf(bearer: Bearer): ParcelShape {
  const { bytes, headerBytes } = parcelsOf(channelOf(bearer));
  const { bitsPerSecond } = bearer.capabilities;
  const onAirBytes = bitsPerSecond === null ? bytes : (bearer.airtimeMs(bytes) * bitsPerSecond) / 8_000;
  return { bytes, headerBytes, framingBytes: Math.max(0, Math.round(onAirBytes - bytes)) };
}

/** Whether signatures of the path travel in full: where it is configured, or where bytes hardly matter. */
export function carriesFullChain(bearer: Bearer, { chain }: Pick<LinkSettings, "chain">): boolean {
  return chain === "full" || (chain === "auto" && isFat(bearer));
}

/** Bytes of a chunk of a batch: so that the first message of a long one is not too long on its way. */
export function chunkBytesMaxOf(bearer: Bearer, settings: Pick<LinkSettings, "chunkBytesMax">): number {
  if (settings.chunkBytesMax !== undefined) return settings.chunkBytesMax;
  const msPerByte = bearer.airtimeMs(1_000) / 1_000;
  const inTime = msPerByte > 0 ? Math.floor(LIMITS.chunkAirtimeMsMax / msPerByte) : LIMITS.chunkBytesMax;
  return Math.max(LIMITS.chunkBytesMin, Math.min(LIMITS.chunkBytesMax, inTime));
}
