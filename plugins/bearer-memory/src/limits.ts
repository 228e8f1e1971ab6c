/** Bounds of every table in this package. */
export const MEMORY_LIMITS = {
  /** Stations of one medium; creating another throws ConfigError. */
  stationsMax: 256,
  /** Topics of one station; more are a ConfigError. */
  topicsMax: 16,
  /** Events waiting for one station's owner; beyond, a lossy medium drops parcels, any other defers the sender. */
  eventsMax: 1_024,
  /** Heard parcels of which a station still counts as busy: half of the events, so that `up` and `down` always fit. */
  heardWaitingMax: 512,
  /** Parcels in the air of one medium, delays included; beyond, the next is lost or the sender deferred. */
  flyingMax: 4_096,
  /** Parcels one mailbox may be configured to hold; beyond its own bound the sender is deferred. */
  mailboxParcelsMax: 10_000,
  /** Changes between fair and bad times made up for after a silence; beyond, the present time simply goes on. */
  changesMax: 100_000,
  /** How often a transmitter finds the channel taken before it gives up and answers `busy`. */
  carrierAttemptsMax: 64,
} as const;
