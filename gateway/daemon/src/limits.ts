/** Bounds of the daemon. What happens at each is said with it. */
export const DAEMON_LIMITS = {
  /** Bytes of one API request; more is answered 413. */
  requestBytesMax: 1_000_000,
  /** Bytes of a mail posted as message/rfc822; more is answered 413. */
  mailRequestBytesMax: 12_000_000,
  /** API connections at once; the next is closed at once. */
  connectionsMax: 64,
  /** Listeners of /v1/events; the next is answered 429. */
  eventListenersMax: 16,
  /** Bytes waiting for one slow listener; more ends it. */
  eventBacklogBytesMax: 262_144,
  /** Records of one list answer. */
  listMax: 1_000,
  /** Bytes of a message whose way is asked for, and characters of its address; more is answered 422. */
  routeBytesMax: 100_000_000,
  routeAddressCharactersMax: 254,
  /** Milliseconds for the headers, and for the whole, of an API request; longer is answered 408. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  /** Milliseconds to finish after SIGTERM (design: 10 s); then the process ends, the spool is intact anyway. */
  stopMs: 10_000,
  /** Passwords being checked at once (32 MB each), and waiting; the next is refused. */
  passwordChecksMax: 2,
  passwordChecksWaitingMax: 32,
  /** Wrong passwords of one name before it has to wait, and the first and the longest wait in milliseconds. */
  wrongPasswordsMax: 5,
  wrongPasswordWaitMs: 30_000,
  wrongPasswordWaitMsMax: 900_000,
  /** Names with wrong passwords that are remembered; the oldest is forgotten. */
  wrongPasswordNamesMax: 1_000,
  /** Log lines per second in the long run and at once; more are counted and dropped. */
  logLinesPerSecond: 20,
  logLinesBurst: 200,
  /** Characters of one log line; the rest is cut. */
  logLineCharactersMax: 1_000,
  /** Bytes of peers.json and of a secret; more is refused. */
  peersFileBytesMax: 1_000_000,
  secretBytesMax: 65_536,
  /** Peers accepted by invitation; the next is refused. */
  acceptedPeersMax: 256,
  /** Bytes of a Unix socket's path (sys/un.h: 108 with the closing zero); longer is a ConfigError. */
  socketPathBytesMax: 107,
} as const;
