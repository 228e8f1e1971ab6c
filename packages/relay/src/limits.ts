/** Bounds of the core. What happens at each bound is said beside it. */
export const LIMITS = {
  /** Transfers of classes normal and bulk offered at once on slow links, so that flash finds a free place. */
  slowOffersMax: 4,
  /** Ready legs one pick makes into offers at the same time, beyond those under way; the next pick takes the rest. */
  pickedAtOnceMax: 64,
  /** Milliseconds between two picks on a fat link while transfers are under way. Our choice: about one commit. */
  pickPauseMs: 5,
  /** Notes given to one conversation at the same time; the others wait in the spool. Half of what it takes. */
  notesOfferedMax: 32,
  /** Bytes per second; links at least this fast count as fat. Our choice: 64 kbit/s. */
  fatLinkBytesPerS: 8_000,
  /** Bytes; payloads up to this size heard on a fat link are assembled in memory instead of the spool. */
  assembleInMemoryBytesMax: 65_536,
  /** Bytes of such payloads in memory together; beyond it the spool assembles. */
  assembleInMemoryTotalBytesMax: 16_777_216,
  /** Milliseconds for which a neighbour that did not answer on one link is looked for on the others first. */
  silentHoldMs: 600_000,
  /** Neighbours with an open conversation per link; the next one is not listened to. */
  sessionsPerLinkMax: 64,
  /** Envelopes of one neighbour being received at once; further offers are answered `not now`. */
  incomingPerSessionMax: 256,
  /** Seconds after which a neighbour may ask again when there was no room, and when ranges were lost. Our choice. */
  fullRetryS: 300,
  lostRangesRetryS: 5,
  /** Milliseconds for which a look at how full the store is holds, for offers: thousands may come in a second. */
  admissionHoldsMs: 1_000,
  /** Deliveries handed to bridges at the same time, so that their commits and flushes join. The others wait in the
   *  spool. */
  deliveriesAtOnceMax: 32,
  /** Bytes of such deliveries; at the bound no other begins. Those whose size is not known yet may exceed it once. */
  deliveryBytesAtOnceMax: 4_000_000,
  /** Deliveries begun whose body is being read; the next one begins when one of them is read. */
  deliveriesUnreadMax: 8,
  /** Milliseconds a bridge may take for one delivery; then it is tried again later. */
  deliveryTimeoutMs: 300_000,
  /** Telemetry listeners; one more is refused. */
  listenersMax: 64,
  /** Items expired in one transaction; the rest follows at once in the next. */
  expireBatchMax: 256,
  /** Milliseconds between looks for what has expired. Our choice: lifetimes are hours and days. */
  expireEveryMs: 10_000,
  /** First and last delay before a broken link is opened again, in milliseconds; doubles between. F11. */
  reopenMsMin: 1_000,
  reopenMsMax: 60_000,
  /** Milliseconds between collecting visits to a dialled store buffer when nothing is due. */
  collectEveryMs: 21_600_000,
  /** Milliseconds after a start until the first collecting visit. Our choice: a gateway that restarts again and again
   *  must not pay for a visit each time. */
  firstCollectMs: 60_000,
  /** Milliseconds a dialled contact is asked for; the bearer may end it earlier. */
  contactMsMax: 600_000,
  /** Parcels of one neighbour in a row; then the others of the link have their turn. */
  parcelsInTurnMax: 32,
  /** Shortest pause of a lane in milliseconds, whatever a bearer asks for: a bearer that always says "at once" must not
   *  take the processor. */
  pauseMsMin: 10,
  /** Longest timer in milliseconds: what is due later is looked at again then. */
  timerMsMax: 3_600_000,
  /** Milliseconds a lane waits after its bearer broke while sending; the bearer itself is opened again meanwhile. */
  brokenPauseMs: 1_000,
  /** Milliseconds between looks for relay lists that stalled, at most. Our choice: a look reads every leg. */
  replanEveryMs: 60_000,
  /** Legs looked at per step when links changed. */
  replanBatch: 256,
  /** Bad ends looked at together when senders are told; the rest follows at once. */
  tellBatchMax: 64,
  /** Milliseconds a stop waits for hand-overs to say how they ended; what does not is tried again at the next start. */
  stopPatienceMs: 5_000,
  /** Notices sent to one outside sender per day of running; further ones are only recorded. T34. */
  outsideNoticesPerDayMax: 10,
  /** Outside senders remembered for that; the oldest is forgotten. */
  outsideSendersMax: 1_000,
  /** Failed assemblies of one envelope before its neighbour is told never. */
  assemblyFailuresMax: 2,
} as const;
