/** Bounds of this bearer. */
export const SERIAL_LIMITS = {
  /** Smallest and largest parcel a port may be configured for, in bytes. 48 is the least the contract allows; with
   *  1 500 a frame still fits the kernel's 4 096-byte terminal buffer (tty_ldisc, Linux). */
  parcelBytesMin: 48,
  parcelBytesMax: 1_500,
  /** A port that has not taken a frame after four times its airtime and this many milliseconds more is stuck: it is
   *  closed, and the run ends. */
  stuckMs: 10_000,
  /** Longest hold-back for traffic of the others after one of our frames, in milliseconds: noise that looks like
   *  traffic can delay us by that much and no more. */
  holdBackMsMax: 30_000,
} as const;
