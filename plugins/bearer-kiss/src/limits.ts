/** Bounds of this bearer. */
export const KISS_LIMITS = {
  /** Smallest and largest parcel a TNC may be configured for, in bytes. 48 is the least the contract allows; Direwolf
   *  1.6 sends no content above 2 048, and other TNCs stop at 256. */
  parcelBytesMin: 48,
  parcelBytesMax: 2_048,
  /** Stations that may be configured; more are refused when the configuration is read. */
  stationsMax: 64,
  /** Stations known only because they were heard; the one not heard for longest is forgotten, with a `down`. */
  learntMax: 64,
  /** Digipeaters on our path (AX.25 2.2, §3.12.5: two; older ones take eight). */
  viaMax: 8,
  /** A port that has not taken a frame after four times its airtime and this many milliseconds more is stuck: it is
   *  closed, and the run ends. */
  stuckMs: 10_000,
  /** Longest hold-back for traffic of the others after one of our frames, in milliseconds: a busy channel can delay
   *  our estimate by that much and no more. */
  holdBackMsMax: 60_000,
} as const;
