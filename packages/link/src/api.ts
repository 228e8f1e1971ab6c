import type { MessageClass, Rng } from "@estafette/contract";

/*
 *              heard(parcel) ─►┌──────────────┐─► events: established, offered, head, range, complete,
 *   offer / note / decide … ─► │ Conversation │           note, settled, lost
 *                    tick   ─► └──────────────┘─► nextParcel(): what to put on the channel now, or null
 *
 * One conversation with one neighbour over one bearer. It does no I/O, reads no clock and keeps nothing:
 * the relay feeds it, commits what it reports, and answers. The channel pulls: each time it is free the relay
 * asks nextParcel(), so the most urgent thing goes next, decided at the last moment.
 */

/** What both ends need to know about the channel; from the bearer's capabilities. */
export interface ChannelTraits {
  readonly parcelBytesMax: number;
  readonly duplex: "full" | "half";
  readonly lossy: boolean;
  readonly ordered: boolean;
  /** False on amateur links: frames are authenticated but not encrypted. */
  readonly encrypt: boolean;
  /** Milliseconds one parcel of this many bytes occupies the channel. */
  readonly airtimeMs: (byteCount: number) => number;
  /** Beyond airtime, in milliseconds: change of direction, and how long an answer may typically take. */
  readonly turnaroundMs: number;
  readonly answerMs: number;
}

/** Public and secret halves this node uses on links: the X25519 sealing key of the current epoch. */
export interface LinkIdentity {
  readonly address: Uint8Array;
  readonly rootPublic: Uint8Array;
  readonly staticPublic: Uint8Array;
  /** X25519 with the static secret; the secret itself stays in the identity. */
  agree(theirPublic: Uint8Array): Uint8Array;
}

/** A neighbour we may talk to. */
export interface KnownNeighbour {
  readonly address: Uint8Array;
  readonly rootPublic: Uint8Array;
  readonly staticPublic: Uint8Array;
  /** 32 bytes shared after an earlier handshake, for resumption; null when never met or forgotten. */
  readonly pairSecret: Uint8Array | null;
}

export interface ConversationInit {
  readonly self: LinkIdentity;
  /** The neighbour expected at the far end (KK, resumption), or null: learn it from the handshake (XX). */
  readonly expected: KnownNeighbour | null;
  /** For XX, and for a listener with several configured peers: is this authenticated key admitted? */
  readonly admit: (rootPublic: Uint8Array, staticPublic: Uint8Array) => KnownNeighbour | null;
  readonly channel: ChannelTraits;
  readonly rng: Rng;
  readonly nowMs: number;
  /** Told to the neighbour in every handshake, 0…24 bytes; what it says is the relay's. */
  readonly greeting: Uint8Array;
}

/** Something we have for the neighbour. `key` is ours, returned in `settled`. */
export interface OutgoingTransfer {
  readonly key: number;
  readonly id: Uint8Array;
  readonly class: MessageClass;
  /** Head as defined by SPEC.md: immutable bytes, signature, transit fields, chain. */
  readonly head: Uint8Array;
  readonly payload: Uint8Array;
  /** The head as told together with the whole payload, where that is shorter. Default: {@link head}. */
  readonly pushHead?: Uint8Array;
  /**
   * Ask first whether it is wanted. False: there is nothing to save by asking, so head and payload go at once, in
   * one piece where they fit into one parcel.
   */
  readonly probe: boolean;
  /** Transfers of one class take turns by this name (neighbour, sender); those of one flow go in order. Default "". */
  readonly flow?: string;
}

export interface OutgoingNote {
  readonly key: number;
  /** ≤ 256 bytes. */
  readonly bytes: Uint8Array;
}

export type Answer =
  | {
      readonly answer: "want" /** Payload ranges we already hold. */;
      readonly held: readonly { readonly start: number; readonly end: number }[];
    }
  | { readonly answer: "have" }
  | { readonly answer: "not-now"; readonly retryAfterS: number; readonly reason: NotNowReason }
  | { readonly answer: "never"; readonly reason: NeverReason };

export type NotNowReason = "busy" | "share" | "full" | "fault" | "untrusted-clock";
export type NeverReason =
  | "expired"
  | "denied"
  | "too-large"
  | "no-route"
  | "hop-limit"
  | "invalid"
  | "loop"
  | "policy"
  /** The head refers to a template that is not here: tell it in full. */
  | "template"
  /** The content refers to a context that is not here: seal it anew. */
  | "context";

export type ConversationEvent =
  /** Mutually authenticated; `pairSecret` is to be kept for resumption before anything is sent under it. */
  | {
      readonly type: "established";
      readonly neighbour: KnownNeighbour;
      readonly resumed: boolean;
      readonly pairSecret: Uint8Array;
      /** What the neighbour's relay told us. */
      readonly greeting: Uint8Array;
    }
  /**
   * Everything at once: head ‖ payload in one piece. Verify, commit, then accept() or reject(). The same bytes may
   * come again under another tag in a later conversation.
   */
  | { readonly type: "pushed"; readonly tag: number; readonly bytes: Uint8Array }
  /**
   * Header-only probe. Answer with decide(). `eager`: the data follows unasked, so head, range and complete may
   * come before you decide; decide(want) may then only say what is held, reject() ends it at any time.
   */
  | {
      readonly type: "offered";
      readonly tag: number;
      readonly id: Uint8Array;
      readonly class: MessageClass;
      readonly headBytes: number;
      readonly payloadBytes: number;
      readonly eager: boolean;
    }
  /** The head is complete: check it now, before more payload is spent. reject() if it is no good. */
  | { readonly type: "head"; readonly tag: number; readonly bytes: Uint8Array }
  /** New payload bytes, to be kept as a partial. */
  | { readonly type: "range"; readonly tag: number; readonly start: number; readonly bytes: Uint8Array }
  /** Everything is here. Verify, commit, then accept() or reject(). */
  | { readonly type: "complete"; readonly tag: number }
  /** The neighbour took this offer back; the tag means nothing any more. */
  | { readonly type: "withdrawn"; readonly tag: number }
  /** A note. Commit, then acceptNote(). */
  | { readonly type: "note"; readonly tag: number; readonly bytes: Uint8Array }
  /** The neighbour's answer to something of ours. */
  | { readonly type: "settled"; readonly key: number; readonly result: TransferResult }
  /** The other side no longer answers, or the handshake failed; open transfers settle as `broken` first. */
  | { readonly type: "lost"; readonly why: string };

export type TransferResult =
  | { readonly result: "accepted" } // it has custody: said only after its commit
  | { readonly result: "already-held" }
  | { readonly result: "not-now"; readonly retryAfterS: number; readonly reason: NotNowReason }
  | { readonly result: "never"; readonly reason: NeverReason }
  | { readonly result: "broken" };

export interface ConversationStatus {
  readonly state: "idle" | "handshake" | "established" | "lost";
  /** Transfers and notes not settled yet, ours; and theirs being received. */
  readonly outgoingCount: number;
  readonly incomingCount: number;
  readonly parcelsSent: number;
  readonly parcelsHeard: number;
  readonly bytesSent: number;
  readonly bytesHeard: number;
  /** Segments sent again after a repair request. */
  readonly segmentsRepeated: number;
  readonly parcelsRefused: number;
}

export interface Conversation {
  /** Begins the handshake (both sides may). */
  start(nowMs: number): void;
  /** A parcel from the channel. Never throws: what is wrong is counted and dropped. */
  heard(bytes: Uint8Array, nowMs: number): void;
  /** Time has passed: repeats, gives up. */
  tick(nowMs: number): void;
  /** When tick() has something to do, on the caller's clock; null: nothing is pending. */
  nextTickMs(): number | null;
  /**
   * What to transmit now, or null. Called when the channel is free, and after every input. `leastUrgent`: transfers
   * of lesser classes are not spoken of, as when only the share of a budget is left that is kept for the urgent;
   * handshakes, answers and notes go all the same. Default: all classes.
   */
  nextParcel(nowMs: number, leastUrgent?: MessageClass): Uint8Array | null;
  /** Events since the last call, in order. */
  takeEvents(): readonly ConversationEvent[];

  /** Room for more offers? Bounded by LIMITS.linkTransfersOpenMax. */
  canOffer(): boolean;
  offer(transfer: OutgoingTransfer, nowMs: number): void;
  sendNote(note: OutgoingNote, nowMs: number): void;
  /** Takes back something of ours that is no longer needed (ended, expired, moved to another link). */
  withdraw(key: number, nowMs: number): void;

  decide(tag: number, answer: Answer, nowMs: number): void;
  reject(tag: number, answer: Exclude<Answer, { answer: "want" }>, nowMs: number): void;
  /** Only after the commit. */
  accept(tag: number, nowMs: number): void;
  acceptNote(tag: number, nowMs: number): void;

  /** The channel went away (bearer `down`). Everything open settles as broken; the pair secret stays valid. */
  close(nowMs: number, why: string): void;
  status(): ConversationStatus;
}
