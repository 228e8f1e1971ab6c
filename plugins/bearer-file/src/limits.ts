/** Bounds of this bearer. */
export const FILE_LIMITS = {
  /** Smallest and largest parcel a folder may be configured for, in bytes; the contract's own bounds. */
  parcelBytesMin: 48,
  parcelBytesMax: 65_535,
  /** Partners of one folder; more are a ConfigError. */
  partnersMax: 64,
  /** Entries of one folder looked at in one scan; the rest is looked at when those are gone. */
  entriesMax: 10_000,
  /** Parcels waiting for one partner that may be configured; beyond its own bound a send is deferred as busy. */
  waitingParcelsMax: 10_000,
  /** Parcels handed to the gateway and not settled; beyond, no further file is read. */
  offeredMax: 1_024,
  /** Names of settled parcels remembered, so that a file sync that brings one back is not heard again; the oldest is
   *  forgotten, and the conversation above drops the repetition. */
  settledMax: 4_096,
  /** Files that are not whole yet and are remembered; beyond, they are read anew in each scan. */
  unfinishedMax: 1_024,
  /** Milliseconds after which a file that never became whole is removed. Our choice: a day, since a slow file sync may
   *  write for hours. */
  unfinishedMs: 86_400_000,
  /** Milliseconds until a parcel that was answered `later` is offered again. */
  laterMs: 60_000,
  /** Milliseconds until a send is tried again when the folder is full. */
  fullRetryMs: 60_000,
} as const;
