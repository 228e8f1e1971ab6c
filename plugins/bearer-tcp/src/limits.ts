/** Bounds of this bearer. */
export const TCP_LIMITS = {
  /** Largest parcel in bytes; a longer announcement closes the connection. Our choice: small enough that a more
   *  urgent message waits for little, large enough that two bytes of length do not matter. */
  parcelBytesMax: 16_384,
  /** Callers served at the same time; the next one is closed at once and logged. */
  callersMax: 64,
  /** Events waiting for the gateway; beyond, callers are not read from and TCP holds them back. */
  eventsMax: 256,
  /** Longest time one parcel may wait for the far end to take it, in milliseconds; then the connection is closed. */
  stalledMsMax: 60_000,
  /** A caller that has completed no parcel within this many milliseconds is closed: scanners hold no place. */
  firstParcelMsMax: 60_000,
} as const;
