import type { DeliveryKind, MessageClass } from "@estafette/contract";

/*
 *   submit ──► message ──compose──► envelope ──leg──► neighbour            (own users' mail going out)
 *   heard  ──► partial ──complete─► envelope ──leg──► neighbour            (transit)
 *                              └──► delivery ──────► bridge                (arrived)
 *
 * Everything that moves is one row here. All times are spool time: milliseconds this spool has lived,
 * counted on the boot clock and carried over restarts (see {@link Spool.nowMs}). A wall clock that is wrong
 * by decades therefore expires nothing early.
 */

/** 16 bytes, SHA-256 of the immutable bytes. */
export type EnvelopeId = Uint8Array;
/** 16-byte address of a node. */
export type NodeAddress = Uint8Array;

/** What users, inner messages of a batch and mailboxes deduplicate on. */
export interface MessageKey {
  readonly origin: NodeAddress;
  /** Random 32-bit number drawn at each start of the origin. */
  readonly epoch: number;
  readonly sequence: number;
}

/** 0 flash, 1 priority, 2 normal, 3 bulk. */
export const CLASS_RANK: Readonly<Record<MessageClass, 0 | 1 | 2 | 3>> = {
  flash: 0,
  priority: 1,
  normal: 2,
  bulk: 3,
};

/** Where a message accepted here can end. Exactly one of these is recorded for each. */
export type EndState =
  | "delivered" // handed over at its destination (here, or proven by a receipt)
  | "forwarded" // another node took custody and no receipt was asked for
  | "expired"
  | "refused" // somebody entitled said never
  | "deleted"; // by the operator

/** Where a copy goes next. `link` null: no link is up or planned yet. */
export interface Hop {
  readonly link: string | null;
  readonly neighbour: NodeAddress;
}

/** A message of one of this node's own users (or of the gateway itself), not yet composed. */
export interface NewMessage {
  readonly key: MessageKey;
  /** Shown to users; several messages of one submission share it. */
  readonly submissionId: string;
  readonly account: string | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly destination: NodeAddress;
  readonly mode: "end-to-end" | "exit" | "clear-signed";
  readonly class: MessageClass;
  readonly lifetimeMs: number;
  readonly receipt: boolean;
  /** Content sealed to the local at-rest key. */
  readonly body: Uint8Array;
  readonly bodyKind: "mail" | "text" | "notice";
  readonly hop: Hop;
}

export interface MessageRecord extends Omit<NewMessage, "body" | "hop"> {
  readonly acceptedAtMs: number;
  readonly deadlineMs: number;
  readonly bodyBytes: number;
  /** Set by compose. */
  readonly envelopeId: EnvelopeId | null;
  readonly end: EndState | null;
  readonly endedAtMs: number | null;
  /** Why it ended, or what it waits for, in words for its sender. */
  readonly detail: string;
}

/** A complete, verified envelope to be held. */
export interface NewEnvelope {
  readonly id: EnvelopeId;
  /** Immutable bytes and signature as received or signed. */
  readonly head: Uint8Array;
  /** Transit fields and chain as they were when kept; opaque here. */
  readonly transit: Uint8Array;
  readonly destination: NodeAddress;
  readonly class: MessageClass;
  readonly lifetimeMs: number;
  /** Age when kept, in milliseconds. */
  readonly ageMs: number;
  readonly payload: Uint8Array;
  /** Neighbour it came from; null for our own. */
  readonly from: NodeAddress | null;
  /** Who signed it, where that is not `from`: each origin has its own share of the link. Not kept in the record. */
  readonly origin?: NodeAddress;
  readonly ackCommitment: Uint8Array | null;
  /** Empty for an envelope whose way is not known yet is a programming error: plan first. */
  readonly hops: readonly Hop[];
}

export interface EnvelopeRecord extends Omit<NewEnvelope, "payload" | "hops" | "origin"> {
  readonly payloadBytes: number;
  readonly keptAtMs: number;
  readonly deadlineMs: number;
}

/** One copy of one thing on its way over one link to one neighbour. */
export interface Leg {
  readonly legId: number;
  readonly hop: Hop;
  readonly class: MessageClass;
  readonly deadlineMs: number;
  readonly attempts: number;
  readonly what:
    | { readonly kind: "message"; readonly key: MessageKey }
    | { readonly kind: "envelope"; readonly id: EnvelopeId }
    | { readonly kind: "note"; readonly noteId: number; readonly bytes: Uint8Array };
}

/** A message that reached its destination gateway and waits for a bridge. */
export interface NewDelivery {
  readonly key: MessageKey;
  readonly kind: DeliveryKind;
  readonly from: string;
  readonly to: readonly string[];
  /** Sealed to the local at-rest key. */
  readonly body: Uint8Array;
  readonly envelopeId: EnvelopeId | null;
  /** Which message of that envelope it is, from 0; null: the only one. */
  readonly place: number | null;
  /** Opaque to the spool: token to reveal, verified path, … sealed at rest too. */
  readonly context: Uint8Array;
  readonly lifetimeMs: number;
}

export interface DeliveryRecord extends Omit<NewDelivery, "body"> {
  readonly deliveryId: number;
  readonly arrivedAtMs: number;
  readonly deadlineMs: number;
  readonly attempts: number;
  /** Recipients served so far. */
  readonly deliveredCount: number;
  /** An earlier attempt was begun and its outcome never recorded. */
  readonly uncertain: boolean;
  /** Recipients still to be served. */
  readonly pending: readonly string[];
  readonly end: EndState | null;
  readonly detail: string;
}

export interface PartialRange {
  readonly start: number;
  readonly end: number;
}

export interface PartialRecord {
  readonly id: EnvelopeId;
  readonly totalBytes: number;
  /** Sorted, disjoint, non-adjacent. */
  readonly ranges: readonly PartialRange[];
}

export interface SpoolStats {
  /** Uncomposed messages + envelopes + deliveries not ended, by class rank, and their bytes. */
  readonly waitingCount: readonly [number, number, number, number];
  readonly waitingBytes: number;
  readonly partialBytes: number;
  readonly deliveriesPending: number;
  /** 0…1 of the configured quota, or of the file system, whichever is fuller. */
  readonly fill: number;
  readonly ended: Readonly<Record<EndState, number>>;
}

export interface SeenRecord {
  readonly from: NodeAddress | null;
  readonly ackCommitment: Uint8Array | null;
}

/** One recipient that got nothing, for its sender. */
export interface Failure {
  readonly recipient: string;
  /** RFC 3463, for example `5.1.1`; null: follows from the end. */
  readonly status: string | null;
  readonly detail: string;
}

/**
 * A bad end that somebody is still to be told of. Kept in the same commit as the end, removed by {@link Spool.tell} in
 * the same commit as what tells them: no crash between the two leaves a sender without an answer, or with two.
 */
export interface Untold {
  readonly untoldId: number;
  /** `message`: of an own user. `delivery`: somebody's mail that ended here. `envelope`: a transit copy. */
  readonly kind: "message" | "delivery" | "envelope";
  /** Null for an envelope. */
  readonly key: MessageKey | null;
  /** What the sender was told when it was accepted; "" where that is not known here. */
  readonly submissionId: string;
  /** Never "" for messages and deliveries: notices are not answered. */
  readonly from: string;
  readonly failures: readonly Failure[];
  readonly end: "expired" | "refused";
  /** Reason of a signed receipt [0…255], SPEC.md §11.2. */
  readonly reason: number;
  readonly detail: string;
  readonly envelopeId: EnvelopeId | null;
  /** Of the delivery, as it was kept; empty otherwise. */
  readonly context: Uint8Array;
  /** Recipients of the delivery that were served all the same. */
  readonly deliveredCount: number;
}

/** Kinds of notes that travel towards an origin. */
export type PassedNote = "accepted" | "final" | "refusal";

/** What is to happen to a leg after a neighbour (or our own patience) answered. */
export type LegOutcome =
  | { readonly outcome: "taken" } // ACCEPTED or HAVE: the neighbour has custody of this copy
  | { readonly outcome: "retry"; readonly atMs: number; readonly why: string }
  | {
      readonly outcome: "refused";
      readonly why: string;
      /** For the signed refusal of a transit copy, SPEC.md §11.2; default 0. */
      readonly reason?: number;
    };

/** What came of an answer to a leg. */
export interface LegSettled {
  /** Messages that ended by it. */
  readonly ended: readonly MessageRecord[];
  /** Copies over other links that are no longer to be sent, because the destination itself has the envelope. */
  readonly cancelled: readonly Leg[];
}

/**
 * Called in the same commit when every delivery of a completely received envelope has ended, with all of them: what its
 * origin is told then. Once per envelope as long as its deliveries are remembered.
 */
export type WhenLast = (deliveries: readonly DeliveryRecord[]) => readonly NewNote[];

/** Where notes kept by a call are to go. */
export interface NotesKept {
  readonly noteHops: readonly Hop[];
}

export interface NewNote {
  readonly hop: Hop;
  readonly bytes: Uint8Array;
  readonly lifetimeMs: number;
}
