import { invariant } from "@estafette/contract";
import { toRecord as toDelivery } from "./delivery-table.js";
import { flowOfEnvelope, flowOfMessage } from "./flow.js";
import { joinsOf } from "./leg-row.js";
import { SPOOL_LIMITS } from "./limits.js";
import {
  CLASS_RANK,
  type EnvelopeId,
  type Hop,
  type NewDelivery,
  type NewEnvelope,
  type NewMessage,
  type NewNote,
  type NotesKept,
  type WhenLast,
} from "./records.js";
import type { Spool } from "./spool.js";
import type { Tables } from "./tables.js";

/** What an arrival is, as {@link Spool.acceptArrival} takes it. */
type Arrival = Parameters<Spool["acceptArrival"]>[0];

export function keepMessages(
  { messages, legs, deliveries }: Tables,
  fresh: readonly NewMessage[],
  here: readonly NewDelivery[],
): void {
  invariant(fresh.length <= SPOOL_LIMITS.batchItemsMax, "a submission is within SPOOL_LIMITS.batchItemsMax");
  for (const message of fresh) {
    const { messageNo, deadlineMs } = messages.insert(message);
    const rank = CLASS_RANK[message.class];
    const { hop, body } = message;
    const share = { flow: flowOfMessage(message), bytes: body.length };
    legs.insert({ target: { messageNo }, hop, rank, deadlineMs, joins: joinsOf(message), ...share });
  }
  const { batchItemsMax } = SPOOL_LIMITS;
  invariant(here.length <= batchItemsMax, "deliveries are within SPOOL_LIMITS.batchItemsMax");
  for (const delivery of here) deliveries.insert(delivery);
}

/** What tells somebody of a bad end, instead of the row that said so. Not told: that row is gone, nothing is kept. */
export function tell(tables: Tables, told: Parameters<Spool["tell"]>[0]): { told: boolean } & NotesKept {
  if (!tables.untold.remove(told.untoldId)) return { told: false, noteHops: [] };
  keepMessages(tables, told.messages, told.deliveries);
  return { told: true, noteHops: keepNotes(tables, told.notes, told.envelopeId ?? null, told.last) };
}

/** Notes, and those that are due because the last delivery of their envelope has ended. */
export function keepNotes(
  tables: Tables,
  notes: readonly NewNote[],
  id: EnvelopeId | null,
  last: WhenLast | null | undefined,
): readonly Hop[] {
  const all = [...notes, ...(id && last ? notesWhenLast(tables, id, last) : [])];
  tables.legs.insertNotes(all);
  return all.map((note) => note.hop);
}

function notesWhenLast({ seen, deliveries }: Tables, id: EnvelopeId, last: WhenLast): readonly NewNote[] {
  if (seen.get(id) === null || deliveries.isAnyOpenOf(id)) return [];
  const all = deliveries.ofEnvelope(id).map(toDelivery);
  return all.length > 0 ? last(all) : [];
}

export function keepEnvelope(tables: Tables, envelope: NewEnvelope): "kept" | "already-held" {
  if (tables.seen.get(envelope.id) !== null) return "already-held";
  const bytes = envelope.head.length + envelope.payload.length;
  insertEnvelope(tables, envelope, { flow: flowOfEnvelope(envelope), bytes });
  tables.partials.drop(envelope.id);
  return "kept";
}

export function keepArrival(
  tables: Tables,
  arrival: Arrival,
): { outcome: "kept" | "already-held" } & NotesKept {
  const { envelope } = arrival;
  if (envelope !== null) {
    if (tables.seen.get(envelope.id) !== null) return { outcome: "already-held", noteHops: [] };
    tables.seen.add(envelope);
    tables.partials.drop(envelope.id);
  }
  const { batchItemsMax } = SPOOL_LIMITS;
  invariant(arrival.deliveries.length <= batchItemsMax, "an arrival is within SPOOL_LIMITS.batchItemsMax");
  for (const delivery of arrival.deliveries) tables.deliveries.insert(delivery);
  return { outcome: "kept", noteHops: keepNotes(tables, arrival.notes, envelope?.id ?? null, arrival.last) };
}

/** @param share Whose turn it takes, and how much of it. */
export function insertEnvelope(
  { envelopes, legs, seen }: Tables,
  envelope: NewEnvelope,
  share: { readonly flow: Uint8Array; readonly bytes: number },
): void {
  const { hops } = envelope;
  invariant(hops.length >= 1, "an envelope is planned before it is kept");
  invariant(hops.length <= SPOOL_LIMITS.hopsMax, "the hops of an envelope are within SPOOL_LIMITS.hopsMax");
  const { envelopeNo, deadlineMs } = envelopes.insert(envelope);
  const rank = CLASS_RANK[envelope.class];
  for (const hop of hops)
    legs.insert({ target: { envelopeNo }, hop, rank, deadlineMs, joins: null, ...share });
  seen.add(envelope);
}

/** Bytes a change adds to the store, for the quota. At least 1: it grows. */
export function messageBytes(messages: readonly NewMessage[]): number {
  return messages.reduce((sum, one) => sum + one.body.length + 64 * one.to.length, 1);
}

export function envelopeBytes(envelope: NewEnvelope): number {
  return 1 + envelope.head.length + envelope.transit.length + envelope.payload.length;
}

export function arrivalBytes(deliveries: readonly NewDelivery[], notes: readonly NewNote[]): number {
  const kept = deliveries.reduce((sum, one) => sum + one.body.length + one.context.length, 1);
  return kept + notes.length * SPOOL_LIMITS.noteBytesMax;
}
