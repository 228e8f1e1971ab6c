/** Bounds of every buffer in this package. */
export const FRAMING_LIMITS = {
  /** Bytes of one COBS or SLIP payload any reader may be asked to hold; a larger frame is discarded and counted. */
  frameBytesMax: 65_535,
  /** Bytes of one line; a longer line is discarded up to its end and counted. */
  lineBytesMax: 65_535,
  /** Items a {@link Feed} may be asked to hold; `offer` says false and `put` waits when its own bound is reached. */
  feedItemsMax: 65_536,
  /** Waiting for answers of one device at once; another is an error of our own code. */
  expectationsMax: 16,
  /** One-minute buckets of airtime kept: the sliding hour and the minute that is leaving it. */
  airtimeBucketsMax: 62,
} as const;
