/** Bounds of this bearer. */
export const MQTT_LIMITS = {
  /** Smallest and largest parcel that may be configured, in bytes; the contract's own bounds. */
  parcelBytesMin: 48,
  parcelBytesMax: 65_535,
  /** Partners of one link; more are a ConfigError. */
  partnersMax: 256,
  /** Events waiting for the gateway; one parcel at a time is taken from the broker, the rest are neighbours coming and
   *  going. Beyond, the oldest news of a neighbour is superseded by a new run. */
  eventsMax: 1_024,
  /** Parcels the broker may send us before we acknowledge; beyond, it keeps them. */
  receiveParcelsMax: 16,
  /** Milliseconds for the connection and its login; then the run ends. Later silence is found by keep-alive. */
  connectMsMax: 30_000,
  /** Milliseconds a broker may take to acknowledge a parcel; then the send is deferred. */
  acknowledgeMsMax: 30_000,
  /** Milliseconds a graceful goodbye may take; then the socket is closed. */
  goodbyeMsMax: 2_000,
  /** Bytes a packet has beside its parcel: topic, properties, header. A broker's own limit less this bounds parcels. */
  packetOverheadBytes: 256,
  /** Milliseconds until a parcel is tried again that the broker's quota, or nobody at the topic, did not take. */
  quotaRetryMs: 60_000,
  nobodyRetryMs: 60_000,
  /** Milliseconds until a parcel is tried again that the broker did not allow: a human must mend it. */
  forbiddenRetryMs: 3_600_000,
} as const;
