/**
 * Every bound of the store. "Our choice" unless a source is named; the comment says what happens at the bound.
 */
export const SPOOL_LIMITS = {
  /** Bytes of database and body files together, default. At the bound: new work is refused (DISK_FULL), settling works. */
  quotaBytesDefault: 1024 * 1024 * 1024,
  /** Smallest quota in bytes that can be configured: an empty schema needs about 200 kB. Below: ConfigError. */
  quotaBytesMin: 1024 * 1024,
  /** Part of the quota that only settling, composing and notes may use: a fiftieth, within these bytes. */
  reserveBytesMin: 128 * 1024,
  reserveBytesMax: 8 * 1024 * 1024,
  /** Bytes of one database page; the SQLite default. */
  pageBytes: 4_096,
  /** Bytes of write-ahead log after which it is copied back and cut to zero (256 pages, reliability F5). */
  walBytesMax: 1024 * 1024,
  /** Bytes set aside so that deleting works on a full disk: at least twice the write-ahead log. */
  ballastBytes: 4 * 1024 * 1024,
  /** Bodies above this many bytes are files of their own. */
  inlineBytesMax: 64 * 1024,
  /** Bytes of one body or payload. At the bound: the call is refused as a programming error. */
  bodyBytesMax: 16 * 1024 * 1024 + 64 * 1024,
  /** Bytes of an envelope's head, of its transit fields, of a delivery's context. At the bound: refused. */
  headBytesMax: 16 * 1024,
  transitBytesMax: 16 * 1024,
  contextBytesMax: 64 * 1024,
  /** Bytes of one note: an ack or refusal. At the bound: refused. */
  noteBytesMax: 256,
  /** Recipients of one message or delivery, and characters of any one word (address, account, link). */
  recipientsMax: 1_000,
  wordCharsMax: 1_024,
  /** Characters of a `detail`; longer text is cut. */
  detailCharsMax: 1_000,
  /** Messages of one submission, notes of one call, hops of one envelope. At the bound: refused. */
  batchItemsMax: 1_000,
  hopsMax: 64,
  /** Bytes a flow may send in its turn, before the next one of its class has its own: about three mails. The last one
   *  of a turn may go beyond; that counts against the next turn. */
  fairQuantumBytes: 4_096,
  /** Of this many legs at least one is of the next lower class that waits. At the bound: that one goes first, once. */
  agingLegs: 16,
  /** Flows that had their turn, remembered for each class of a hop, and hops with such a memory. At the bound: who had
   *  it longest ago begins anew, level with the others. */
  flowsRememberedMax: 1_024,
  hopsRememberedMax: 1_024,
  /** By how many the flows one look passes may exceed what it found there. At the bound: it answers with fewer. */
  flowsPassedOverMax: 64,
  /** Rows read of one flow at first; twice as many each time more are wanted. */
  flowPortionRows: 8,
  /** Rows one call may return or change, whatever `limit` says. */
  rowsPerCallMax: 1_000,
  /** Lifetime in milliseconds: 180 days (reliability 4.4). At the bound: refused. */
  lifetimeMsMax: 180 * 86_400_000,
  /** Mutations in one commit, default, and their bytes. At the bound: the rest waits for the next commit. */
  groupMessagesMax: 50,
  groupBytesMax: 1024 * 1024,
  /** Longest pause in milliseconds between two commits under load, so that more changes share a flush. */
  groupRestMsMax: 10,
  /** Calls and their bytes waiting for a commit. At the bound: the commit happens inside the call (backpressure). */
  queuedCallsMax: 4_096,
  queuedBytesMax: 16 * 1024 * 1024,
  /** Received ranges waiting for a lazy commit, in bytes and pieces; then they are committed at once. */
  lazyBytesMax: 256 * 1024,
  lazyCallsMax: 256,
  /** Longest wait in milliseconds of a lazily committed range. */
  lazyDelayMs: 500,
  /** Unfinished incoming payloads and their bytes (as a share of the quota). At the bound: the one touched
   *  longest ago is dropped; its sender starts that payload again. Never accepted mail. */
  partialsMax: 1_024,
  partialQuotaShare: 0.25,
  /** Milliseconds after which an unfinished payload that nobody continues is dropped. */
  partialIdleMsMax: 30 * 86_400_000,
  /** Envelope ids remembered. At the bound: those nearest to being forgotten go first, the watermark rises. */
  seenRowsMax: 1_000_000,
  /** Milliseconds an id is remembered beyond its lifetime: a copy ages slower on nodes that sleep. */
  seenMarginMs: 30 * 86_400_000,
  /** Ended messages and ended deliveries kept for looking back. At the bound: the oldest go; their count stays. */
  historyRowsMax: 100_000,
  /** Bad ends waiting until somebody is told of them. At the bound: the oldest is forgotten; its end stays recorded. */
  untoldRowsMax: 100_000,
  /** Notes passed on towards an origin for one envelope, by kind. At the bound: a repeat changes nothing. */
  passedRefusalsMax: 3,
  /** Small named values and bytes of each. At the bound: refused. */
  stateNamesMax: 4_096,
  stateBytesMax: 64 * 1024,
  /** Spool time is written at least this often, in milliseconds (reliability 4.4). */
  timePersistMs: 60_000,
  /** Spool milliseconds between two looks for ids, notes and partials to be forgotten, unless something expires:
   *  an idle store must not wear out its flash. */
  forgetEveryMs: 3_600_000,
  /** Rows removed by one round of housekeeping, and free pages given back to the file system. */
  housekeepingRows: 1_000,
  vacuumPages: 256,
} as const;
