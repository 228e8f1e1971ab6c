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
  /** Milliseconds after a link came up until we begin a handshake: with something to send, where the neighbour's address
   *  is the smaller one; and with nothing to send. Our choice: both ends see a link come up at the same moment. */
  yieldMs: 100,
  meetAfterMs: 500,
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
  /** Bytes a parcel of a link with a budget is taken to have before one was seen. Our choice: small radios. */
  firstParcelBytes: 280,
  /** Milliseconds until a link that must be attended looks again whether the clock can be believed. Our choice. */
  clockAskedMs: 60_000,
  /** Milliseconds; a pause of a link at least this long is told to listeners. Our choice: a drain rate pauses after
   *  each parcel. */
  pauseToldMsMin: 30_000,
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
  /** Bytes of messages joined into one envelope; the first is taken whatever its size. One zstd window. */
  batchBodyBytesMax: 131_072,
  /** Bytes of a chunk before it is sealed, where nothing else is configured; and the least that can be. Design §4.7. */
  chunkBytesMax: 4_096,
  chunkBytesMin: 256,
  /** Milliseconds of airtime of a chunk at most: links that are slower get smaller chunks. Design §4.7 says 60 s until
   *  the first message is there; handshake, head, frames and turns take a quarter of that. */
  chunkAirtimeMsMax: 46_000,
  /** Blocks in one chunk; then the next chunk begins. As the format allows. */
  chunkBlocksMax: 256,
  /** Bytes of content compressed as one block: at most, and at least, whatever the chunk may hold. */
  batchPieceBytesMax: 120_000,
  batchPieceBytesMin: 128,
  /** Bytes of earlier content a block may refer to. As compression allows. */
  historyBytesMax: 65_536,
  /** Share by which the lifetime of a joined message may be off at the far end. Our choice. */
  lifetimeSlack: 0.05,
  /** Bytes of one content context; the end of a longer one is kept. Our choice: four mails, written at each arrival. */
  contextBytesMax: 8_192,
  /** Contents below this define no context. */
  contextBytesMin: 32,
  /** Slots for contexts towards one destination, as the header counts them. Without a free one nothing is defined. */
  contextSlots: 15,
  /** Contexts defined and not confirmed yet, per destination; beyond it nothing is defined. */
  contextsPendingMax: 4,
  /** Peers whose contexts and templates are in memory; of others they are read again. */
  contextPeersMax: 64,
  /** Envelopes of ours looked through after a start for contexts they refer to; others are sealed anew if refused. */
  contextEnvelopesMax: 256,
  /** Templates defined and not confirmed yet, per neighbour; beyond it heads are told in full. */
  templatesPendingMax: 4,
  /** Largest difference to a template, in seconds or sequence numbers; beyond it a new one is defined. Three bytes. */
  templateReachMax: 1_048_576,
  /** Bytes a question and its answer cost, with their share of parcels; asked where it can save more. Measured. */
  probeBytes: 64,
  /** Chance that a neighbour holds an envelope, or most of it, that was begun before. Our choice. */
  begunHeldChance: 0.5,
  /** Chance that it holds a relayed one: at first, and how fast its answers change that. Our choice. */
  duplicateChanceFirst: 0.25,
  duplicateChanceGain: 0.1,
  /** Envelopes remembered as begun; the oldest is forgotten, and sent without asking if it is offered again. */
  begunRememberedMax: 4_096,
  /** Messages remembered as not to be joined; the oldest is forgotten, and joined again. */
  aloneRememberedMax: 4_096,
  /** Milliseconds until a head is told again in full, after a neighbour did not know what it referred to. Our choice. */
  tellInFullAfterMs: 50,
  /** Bytes of a chunked payload that is opened while it arrives; longer ones are opened when they are complete. */
  earlyOpenBytesMax: 262_144,
  /** Failed assemblies of one envelope before its neighbour is told never. */
  assemblyFailuresMax: 2,
  /** Pairs of link and neighbour whose goodput is remembered; the one that was silent longest is forgotten. About 110
   *  bytes each in one value of the store. */
  goodputPairsMax: 512,
  /** Transfers whose begin is remembered; what the oldest took is not learnt. */
  goodputBegunMax: 4_096,
  /** Milliseconds between two times learnt goodput is stored. Our choice: losing a minute of it does no harm. */
  goodputStoreEveryMs: 60_000,
  /** Milliseconds for which a look at what waits for a link holds, for planning. */
  backlogHoldsMs: 10_000,
  /** Legs looked at to know how much waits for a link; further ones do not count, the estimate is then too early. */
  backlogLegsMax: 1_024,
  /** Rows of a list of what waits whose way is explained; the others are shown without. */
  explainedRowsMax: 100,
  /** Legs looked at to find messages an estimate can be joined with; what comes later is not found. */
  estimateLegsMax: 256,
  /** Such messages, and bytes of their bodies, that are compressed to weigh one more; further ones change little. */
  estimateJoinedMax: 64,
  estimateJoinedBytesMax: 65_536,
} as const;
