import { LIMITS } from "@estafette/protocol";

/** Every bound of this package: the unit is in the name, what happens at the bound is in the comment. */
export const LINK_LIMITS = {
  /** Smallest parcel a conversation can live in. A channel below this is refused at creation. */
  parcelBytesMin: 48,
  parcelBytesMax: 65_535,
  /** From here on a channel counts as fat: more transfers open. */
  fatParcelBytesMin: 1024,
  /** Transfers open each way on a fat or slow channel. Ours: `not-now`/busy; theirs: answered NOT_NOW busy. */
  linkTransfersOpenMax: 64,
  linkTransfersOpenSlowMax: 8,
  /** Notes open each way. Ours beyond: settled `not-now`; theirs beyond: ignored, the sender repeats. */
  notesOpenMax: 64,
  noteBytesMax: LIMITS.noteBytesMax,
  /** Parts of one note. A note that needs more does not exist at the smallest parcel. */
  notePartsMax: 16,
  /** An offer beyond these is answered NEVER too-large. */
  headBytesMax: LIMITS.headBytesMax,
  payloadBytesMax: LIMITS.payloadBytesMax,
  unitsMax: 1 << 18,
  unitBytesMin: 8,
  /** Units of others; larger: the parcel is refused. */
  unitBytesHeardMax: 65_535,
  /** Units we cut ourselves: one fills a parcel, or several where parcels are larger than this. */
  unitBytesMax: 4096,
  /**
   * An urgent message waits for at most one parcel, and a link that goes down cuts one in two, so parcels are kept
   * below this airtime (our choice: at 9600 bit/s the frame then costs 1.4 %), as long as they carry `slowParcelBytesEnough`; on channels slower than that they have `slowParcelBytes`, because the frame
   * around each would cost too much.
   */
  parcelAirtimeMsMax: 750,
  slowParcelBytesEnough: 256,
  slowParcelBytes: 280,
  /** Bitmap of one WANT; the rest is reported after the next POLL. */
  wantBitmapBytesMax: 64,
  /** Verdicts and finished notes remembered per session, oldest forgotten first (then: UNKNOWN, offered again). */
  verdictsKeptMax: 1024,
  /** WITHDRAW and UNKNOWN answers waiting to be sent; beyond: dropped, the neighbour asks again. */
  answersPendingMax: 256,
  /** Rounds of repair for one transfer; beyond: withdrawn and settled `broken`. */
  repairRoundsMax: 512,
  /** Pieces of one handshake message; beyond: refused. */
  helloFragmentsMax: 16,
  /** Handshake messages being put together at once; beyond: the oldest is dropped. */
  helloReassembliesMax: 4,
  /** Answered handshakes of one way whose initiator is not proven yet; beyond: the oldest of that way is dropped. */
  candidatesPerWayMax: 4,
  /**
   * Life of a candidate in waits for an answer; then it no longer keeps us from saying that we do not know some
   * data, nor from beginning ourselves. Our choice: the initiator's first data comes within one.
   */
  candidateLifeAnswers: 3,
  /**
   * After a restart in the middle of a handshake both ends talk again within this many waits for an answer, on a
   * channel that loses nothing meanwhile; three times as many at 10 % loss. A promise to be tested, not enforced.
   */
  recoveryAnswersMax: 12,
  /** First messages remembered so that an old one is not answered twice. */
  handshakeTokensKeptMax: 32,
  /**
   * Things done for strangers, of each kind: this many at once, then one per second or, where that is longer, one
   * per as many times the airtime of a full answer. Beyond: ignored. Our choice: a forger costs at most a few
   * per cent of a slow channel.
   */
  handshakeAnswersBurstMax: 8,
  strangerRefillMsMin: 1000,
  strangerRefillAirtimes: 16,
  strangerAnswerBytes: 160,
  /** Messages of one attempt before a fresh one; and of one whose third message got only a reset. */
  attemptTriesMax: 4,
  disownedTriesMax: 2,
  /** Questions that got only a reset, since the neighbour was heard, before we believe it, on a channel that may lose the true answer. */
  resetSilencesMin: 2,
  /** Handshake messages sent without an answer before `lost`. */
  handshakeTriesLossyMax: 24,
  handshakeTriesLosslessMax: 6,
  /** Questions without any answer before `lost`. */
  silentAsksLossyMax: 24,
  silentAsksLosslessMax: 5,
  /**
   * Wrong tags under one key, after which it opens nothing more and a handshake makes new ones: at 8 bytes a tag
   * somebody who guesses succeeds with a chance of 2^−44 (RFC 8439 has no bound of its own; our choice).
   */
  forgedPerKeyMax: 2 ** 20,
  /** What the relay says about itself in a handshake; longer: refused. */
  greetingBytesMax: 24,
  /** Wrong tags in a row after which the far end is told that it may have to shake hands again. */
  forgedInRowMax: 4,
  /** Parcels behind the newest one that are still accepted, once each. */
  replayWindowParcels: 256,
  /** Parcels under one key; beyond: `lost`, a new conversation makes new keys. Our choice: far below 2^64. */
  parcelsPerSessionMax: 2 ** 40,
  /**
   * Channel time of one burst on half duplex, in milliseconds; then the other side may speak. At first, and whenever
   * the other side has something to say, the smaller, or two of the largest parcels where they take longer; while it
   * only answers, more by this factor each time up to the larger: then a turn costs less, and its urgent message still
   * waits for one burst only. Our choice.
   */
  burstMsMin: 8000,
  burstMsMax: 60_000,
  burstGrowth: 4,
  /** After a handshake, how long the first word waits for something to carry, in milliseconds. */
  firstWordGraceMs: 500,
  /** How long an answer is held back for a decision or commit of ours, in milliseconds. */
  decisionGraceMs: 1000,
  /** Shortest patience on a channel that loses nothing, in milliseconds. */
  answerLosslessMsMin: 10_000,
  /**
   * On a channel that may lose parcels so many silences in a row are taken for loss: the question comes again without
   * growing patience. Our choice: at 20 % loss a question and its answer get through with 64 %, so that one more than
   * these fail once in sixty.
   */
  silencesTakenForLoss: 3,
  /** Growth of patience per unanswered question, and its bound. */
  backOffFactor: 1.5,
  backOffMax: 6,
  /** Events not yet taken; beyond: heard() drops parcels. */
  eventsPendingMax: 8192,
} as const;
