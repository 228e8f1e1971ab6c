import type {
  DeliveryRecord,
  EndState,
  EnvelopeId,
  EnvelopeRecord,
  Failure,
  Hop,
  Leg,
  LegOutcome,
  LegSettled,
  MessageKey,
  MessageRecord,
  NewDelivery,
  NewEnvelope,
  NewMessage,
  NewNote,
  NodeAddress,
  NotesKept,
  PartialRange,
  PartialRecord,
  PassedNote,
  SeenRecord,
  SpoolStats,
  Untold,
  WhenLast,
} from "./records.js";

/**
 * The durable store. Every method that changes something resolves after its group has been committed with
 * `synchronous=FULL`; a rejected promise means it did not happen. Rejects with OperatingError
 * EST_OPERATING_DISK_FULL (nothing changed, later may work) or EST_OPERATING_DISK_FAULT (stop the process).
 */
export interface Spool {
  /** Spool time in milliseconds. Never steps back, also across restarts and reboots. */
  nowMs(): number;

  // ── keep ────────────────────────────────────────────────────────────────────────────────────────────
  /** All messages of one submission, in one commit, each with its leg; and its deliveries here. */
  acceptMessages(messages: readonly NewMessage[], deliveries?: readonly NewDelivery[]): Promise<void>;
  /** Keeps a transit envelope with its legs, marks it seen, drops its partial. */
  acceptEnvelope(envelope: NewEnvelope): Promise<"kept" | "already-held">;
  /** Keeps what an envelope addressed to this node contained: marks the envelope seen, drops its partial and
   *  inserts those deliveries whose (message key, recipient) was never delivered here. In one commit.
   *  `envelope` is null for a message between two users of this node. Notes go in the same commit. */
  acceptArrival(arrival: {
    readonly envelope: {
      readonly id: EnvelopeId;
      readonly from: NodeAddress | null;
      readonly lifetimeMs: number;
      readonly ageMs: number;
      readonly ackCommitment: Uint8Array | null;
    } | null;
    readonly deliveries: readonly NewDelivery[];
    readonly notes: readonly NewNote[];
    readonly last?: WhenLast | null;
  }): Promise<{ readonly outcome: "kept" | "already-held" } & NotesKept>;
  /** Replaces waiting messages by the finished envelope that carries them (same hop). In one commit. */
  compose(composed: {
    readonly messages: readonly MessageKey[];
    readonly envelope: NewEnvelope;
  }): Promise<void>;
  /** Other messages that wait for the same hop, destination, mode and class, this one first, then as
   *  {@link ready} orders them: what may be joined. As many as `limit` and `bodyBytesMax` hold, but always this one; none when it no longer waits. */
  companions(
    leg: Leg,
    limits: { readonly limit: number; readonly bodyBytesMax: number },
  ): Promise<readonly { readonly leg: Leg; readonly record: MessageRecord }[]>;
  /** Takes an envelope of ours apart: its open messages, all named, wait again with these bodies. False: it is gone.
   *  Rejects with EST_PROTOCOL_STATE when one is not named, or it is not ours. Those that ended meanwhile stay ended. */
  decompose(
    id: EnvelopeId,
    waiting: readonly { readonly key: MessageKey; readonly body: Uint8Array; readonly hop: Hop }[],
  ): Promise<boolean>;
  /** A small signed or self-proving record for a neighbour: ack, refusal. At most 256 bytes. */
  addNotes(notes: readonly NewNote[]): Promise<void>;
  /** Keeps a note that goes on towards the origin of envelope `id`, unless one of its kind was passed on before
   *  (refusals: a few are). Answers whether it was kept. */
  passOn(id: EnvelopeId, kind: PassedNote, note: NewNote): Promise<boolean>;

  // ── plan and carry ──────────────────────────────────────────────────────────────────────────────────
  /** Legs that are due, in the order in which they are to go: urgent class first, though of 16 one is of the next lower
   *  class that waits; inside a class those of each flow in turn, a flow being who a message is of or whom an envelope
   *  came from; inside a flow nearest deadline, then what came first. Changes nothing: what is settled as taken, and
   *  what is composed, counts as gone. A few index probes per class and flow, however long the queue is. */
  ready(where: {
    readonly link: string;
    readonly neighbour: NodeAddress;
    readonly limit: number;
  }): Promise<readonly Leg[]>;
  /** Legs without a link, or on `link`, for planning again when links change. */
  legs(where: {
    readonly link: string | null;
    readonly afterLegId: number;
    readonly limit: number;
  }): Promise<readonly Leg[]>;
  /** Moves a leg to another link or neighbour. */
  replan(legId: number, hop: Hop): Promise<void>;
  /** Moves waiting legs whose time has come to ready; returns the hops that got work and when to call again. */
  promote(): Promise<{ readonly hops: readonly Hop[]; readonly nextAtMs: number | null }>;
  message(key: MessageKey): Promise<MessageRecord | null>;
  messageBody(key: MessageKey): Promise<Uint8Array | null>;
  envelope(id: EnvelopeId): Promise<EnvelopeRecord | null>;
  envelopePayload(id: EnvelopeId): Promise<Uint8Array | null>;
  /** Held envelopes for a destination, or for all whose address starts with `prefix`; by id order. */
  envelopesFor(prefix: Uint8Array, limit: number): Promise<readonly EnvelopeRecord[]>;
  messagesFor(prefix: Uint8Array, limit: number): Promise<readonly MessageRecord[]>;

  // ── settle ──────────────────────────────────────────────────────────────────────────────────────────
  /** Records an answer. When an envelope's last leg is taken, the copy is released unless a receipt is awaited;
   *  own messages in it end `forwarded`. When its last leg is refused, own messages end `refused`. Taken by the
   *  destination itself it is the last: what waits for other hops is cancelled with it. Bad ends also become
   *  {@link untold}, here and below. */
  settleLeg(legId: number, outcome: LegOutcome): Promise<LegSettled>;
  /** A verified receipt or signed refusal for an envelope: copies still here are purged and own messages end.
   *  `told`: whoever refused has told the senders already. */
  settleEnvelope(
    id: EnvelopeId,
    end: "delivered" | "refused",
    detail: string,
    told?: boolean,
  ): Promise<readonly MessageRecord[]>;
  /** Ends some messages of an envelope; the envelope goes with its last one. */
  settleMessages(
    keys: readonly MessageKey[],
    end: "delivered" | "forwarded" | "refused",
    detail: string,
    told?: boolean,
  ): Promise<readonly MessageRecord[]>;
  endMessage(key: MessageKey, end: EndState, detail: string): Promise<MessageRecord | null>;
  /** Ends and removes what is past its deadline (own messages, transit envelopes, deliveries), at most `limit`. */
  expire(limit: number): Promise<{
    readonly messages: readonly MessageRecord[];
    readonly envelopes: readonly EnvelopeRecord[];
    readonly deliveries: readonly DeliveryRecord[];
  }>;

  /** Ends somebody is still to be told of, oldest first. */
  untold(limit: number): Promise<readonly Untold[]>;
  /** Keeps what tells them and forgets that they are to be told, in one commit. False, and nothing kept: told before. */
  tell(told: {
    readonly untoldId: number;
    readonly messages: readonly NewMessage[];
    readonly envelopeId?: EnvelopeId | null;
    readonly deliveries: readonly NewDelivery[];
    readonly notes: readonly NewNote[];
    readonly last?: WhenLast | null;
  }): Promise<{ readonly told: boolean } & NotesKept>;

  // ── deduplicate and resume ──────────────────────────────────────────────────────────────────────────
  /** Marked by acceptEnvelope, acceptArrival and compose only, that is after the signature was verified. */
  seen(id: EnvelopeId): Promise<SeenRecord | null>;
  partial(id: EnvelopeId): Promise<PartialRecord | null>;
  /** Keeps one range of a payload. Overlaps are fine: the first bytes stay. Lazily committed (≤ 1 s). */
  writePartial(id: EnvelopeId, totalBytes: number, start: number, bytes: Uint8Array): Promise<void>;
  /** The whole payload when every byte is there, else null. */
  readPartial(id: EnvelopeId): Promise<Uint8Array | null>;
  /** These bytes, when all of them are held, else null. */
  readPartialRange(id: EnvelopeId, start: number, end: number): Promise<Uint8Array | null>;
  dropPartial(id: EnvelopeId, ranges?: readonly PartialRange[]): Promise<void>;

  // ── deliveries ──────────────────────────────────────────────────────────────────────────────────────
  dueDeliveries(
    limit: number,
  ): Promise<{ readonly due: readonly DeliveryRecord[]; readonly nextAtMs: number | null }>;
  /** All deliveries of one envelope, ended or not. */
  deliveriesOf(id: EnvelopeId): Promise<readonly DeliveryRecord[]>;
  deliveryBody(deliveryId: number): Promise<Uint8Array | null>;
  /** Commits "we are about to hand this over": a crash from here on leaves `uncertain`. */
  beginDelivery(deliveryId: number): Promise<void>;
  /** One outcome per recipient served in this attempt. */
  settleDelivery(
    deliveryId: number,
    result: {
      readonly delivered: readonly string[];
      readonly refused: readonly string[];
      readonly retryAtMs: number | null;
      readonly detail: string;
      readonly notes?: readonly NewNote[];
      /** Of those refused, the ones whose sender is to be told from here: they become {@link untold}. */
      readonly failures?: readonly Failure[];
      /** Whether the outside may have taken it without our hearing so; the next attempt says so. Default false. */
      readonly uncertain?: boolean;
      readonly last?: WhenLast | null;
    },
  ): Promise<DeliveryRecord & NotesKept>;

  // ── the rest ────────────────────────────────────────────────────────────────────────────────────────
  listMessages(filter: {
    readonly submissionId?: string;
    readonly openOnly?: boolean;
    readonly limit: number;
  }): Promise<readonly MessageRecord[]>;
  listEnvelopes(limit: number): Promise<readonly EnvelopeRecord[]>;
  listDeliveries(filter: {
    readonly openOnly?: boolean;
    readonly limit: number;
  }): Promise<readonly DeliveryRecord[]>;
  legsOf(what: { readonly key: MessageKey } | { readonly id: EnvelopeId }): Promise<readonly Leg[]>;
  /** Small named values of the core (pair secrets, contexts, counters), ≤ 64 kB each, ≤ 4 096 names. */
  getState(name: string): Promise<Uint8Array | null>;
  putState(name: string, value: Uint8Array | null): Promise<void>;
  stats(): Promise<SpoolStats>;
  /** Resolves when everything written before this call is on disk. */
  flush(): Promise<void>;
  /** Flushes, checkpoints, closes. */
  close(): Promise<void>;
}
