/** Bounds of a simulated world. Beyond one of them the world is wrong and says so; nothing is cut off silently. */
export const LIMITS = {
  /** Events at one virtual millisecond; more is a loop without time: InvariantError. */
  eventsPerInstantMax: 50_000,
  /** Events waiting in the queue; more is a leak of timers: InvariantError. */
  eventsWaitingMax: 100_000,
  /** Events of one run; more is a world that never comes to rest: InvariantError. */
  eventsPerRunMax: 5_000_000,
  /** Lines of the event log kept for a person; older ones are dropped and counted. */
  logLinesMax: 20_000,
  /** Violations kept in a report; further ones are only counted. */
  violationsMax: 50,
  /** Bytes of each node's store; a full disk is not simulated here. */
  spoolQuotaBytes: 67_108_864,
  /** Gateways in one world. */
  nodesMax: 6,
  /** Submissions in one world. */
  submissionsMax: 64,
  /** Transmissions on one medium with bounds; more is a world that never falls silent: RangeError. */
  transmissionsMax: 500_000,
  /** Power cuts and kills of one node in one run; after that its fault points stay quiet. */
  cutsPerNodeMax: 8,
} as const;
