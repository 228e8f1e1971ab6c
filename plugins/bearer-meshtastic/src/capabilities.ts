import type { BearerCapabilities } from "@estafette/contract";
import type { MeshtasticConfig } from "./config.js";
import { bitsPerSecond, slotMs, timeOnAirMs } from "./modulation.js";
import { type Mode, packetBytes } from "./packet-size.js";
import type { RadioFacts } from "./radio-facts.js";

/** Milliseconds one parcel of ours occupies the channel. What other radios repeat is theirs. */
export function parcelAirtimeMs(byteCount: number, mode: Mode, facts: RadioFacts): number {
  const payloadBytes = mode === "direct" ? byteCount : byteCount + 1;
  return timeOnAirMs(facts.modulation, packetBytes(payloadBytes, mode, facts.signsBroadcasts));
}

/** A shared half-duplex channel: packets are lost, doubled and overtaken, and an acknowledgement reaches one hop. */
export function capabilitiesOf(
  config: MeshtasticConfig,
  facts: RadioFacts,
  parcelBytesMax: number,
): BearerCapabilities {
  const { modulation } = facts;
  return {
    parcelBytesMax,
    duplex: "half",
    acknowledges: config.acknowledge ? "next-hop" : "nobody",
    ordered: false,
    lossy: true,
    contact: "always",
    neighbours: "many",
    // What a licensed station sends must be readable.
    content: facts.isLicensed ? "clear-signed" : "any",
    bitsPerSecond: bitsPerSecond(modulation),
    turnaroundMs: WAIT_SLOTS * slotMs(modulation),
    answerMs: config.answerMs,
    airtimeMsPerHourMax: Math.min(
      config.airtimeMsPerHourMax,
      facts.dutyMsPerHourMax ?? config.airtimeMsPerHourMax,
    ),
    cost: { perContact: 0, perByte: 0 },
  };
}

/** The firmware draws up to 2³ slots on a quiet channel. */
const WAIT_SLOTS = 4;
