/** Bounds of the demo; our choice: the whole of it in less than a minute. */
export const DEMO_LIMITS = {
  /** Milliseconds for one mail to arrive, meeting included; then the demo fails. */
  arrivalMs: 40_000,
  /** Milliseconds to wait for the receipt after the mail arrived; its absence is said, not failed. */
  receiptMs: 15_000,
  /** Automatic answers given in one run: two programs answering each other end here. */
  answersMax: 20,
  /** Bytes of a mail shown on the terminal; the rest is cut. */
  mailShownBytesMax: 4_000,
} as const;
