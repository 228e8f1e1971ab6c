import type { BearerCapabilities } from "@estafette/contract";
import { TCP_LIMITS } from "./limits.js";

/** TCP (RFC 9293): ordered, lossless until the connection breaks, and nobody tells us what the far program took. */
export function tcpCapabilities(neighbours: "one" | "many"): BearerCapabilities {
  return {
    parcelBytesMax: TCP_LIMITS.parcelBytesMax,
    duplex: "full",
    acknowledges: "nobody",
    ordered: true,
    lossy: false,
    contact: "always",
    neighbours,
    content: "any",
    bitsPerSecond: null,
    turnaroundMs: 0,
    answerMs: 0,
    airtimeMsPerHourMax: null,
    cost: { perContact: 0, perByte: 0 },
  };
}
