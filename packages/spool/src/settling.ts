import type { Row } from "./connection.js";
import { toRecord as toEnvelope } from "./envelope-table.js";
import type {
  DeliveryRecord,
  EndState,
  EnvelopeId,
  EnvelopeRecord,
  Failure,
  Leg,
  LegOutcome,
  LegSettled,
  MessageKey,
  MessageRecord,
} from "./records.js";
import * as rows from "./rows.js";
import type { Tables } from "./tables.js";

/*
 * answer to a leg ──┬─ retry   ─► waits                       (nothing ends)
 *                   ├─ taken   ─► leg gone ─┬─ others left ─► nothing ends (taken by the destination: none are left)
 *                   └─ refused ─► leg gone ─┤
 *                                           └─ last one ─┬─ somebody took it ─► forwarded, or kept for a receipt
 *                                                        └─ nobody did       ─► refused
 */

const NOTHING_SETTLED: LegSettled = { ended: [], cancelled: [] };
const FORWARDED = "handed over to the next node";
const EXPIRED = "its time was over before it was delivered";

export function settleLeg(tables: Tables, legId: number, outcome: LegOutcome): LegSettled {
  const { legs, messages, envelopes } = tables;
  const leg = legs.row(legId);
  if (leg === undefined) return NOTHING_SETTLED;
  const message = leg.message_no === null ? undefined : messages.byNo(rows.number(leg, "message_no"));
  const envelope = leg.envelope_no === null ? undefined : envelopes.byNo(rows.number(leg, "envelope_no"));
  if (outcome.outcome === "retry") {
    legs.retry(legId, outcome.atMs);
    if (message !== undefined) messages.note(rows.number(message, "message_no"), outcome.why);
    if (envelope !== undefined) messages.noteInEnvelope(rows.bytes(envelope, "id"), outcome.why);
    return NOTHING_SETTLED;
  }
  legs.remove(legId);
  const isTaken = outcome.outcome === "taken";
  if (isTaken) legs.served(leg);
  const why = outcome.outcome === "refused" ? outcome.why : FORWARDED;
  if (message !== undefined) {
    return { ended: [endOne(tables, message, isTaken ? "forwarded" : "refused", why)], cancelled: [] };
  }
  if (envelope === undefined) return NOTHING_SETTLED;
  const cancelled = isTaken && isForDestination(leg, envelope) ? cancelOthers(tables, envelope) : [];
  return { ended: settleCopy(tables, envelope, outcome), cancelled };
}

/** The leg is gone, and with it perhaps the last reason to keep the copy. */
function settleCopy(
  tables: Tables,
  envelope: Row,
  outcome: Exclude<LegOutcome, { readonly outcome: "retry" }>,
): readonly MessageRecord[] {
  const { legs, envelopes } = tables;
  const isTaken = outcome.outcome === "taken";
  const envelopeNo = rows.number(envelope, "envelope_no");
  if (isTaken) envelopes.countTaken(envelopeNo);
  if (legs.ofEnvelope(envelopeNo).length > 0) return [];
  const takenCount = rows.number(envelope, "taken_count") + (isTaken ? 1 : 0);
  if (takenCount > 0) return settleTaken(tables, envelope);
  const { why, reason = 0 } = outcome.outcome === "refused" ? outcome : { why: FORWARDED };
  noteTransitEnd(tables, envelope, { end: "refused", detail: why, reason });
  return purge(tables, envelope, "refused", why);
}

function isForDestination(leg: Row, envelope: Row): boolean {
  return Buffer.compare(rows.bytes(leg, "neighbour"), rows.bytes(envelope, "destination")) === 0;
}

/** It is where it was going: nobody need carry it any more. */
function cancelOthers({ legs }: Tables, envelope: Row): readonly Leg[] {
  const envelopeNo = rows.number(envelope, "envelope_no");
  const others = legs.ofEnvelope(envelopeNo);
  legs.removeOf({ envelopeNo });
  return others;
}

/** A neighbour has custody. Messages that asked for a receipt stay open, and with them our copy. */
function settleTaken(tables: Tables, envelope: Row): readonly MessageRecord[] {
  const { messages, envelopes } = tables;
  const open = messages.openInEnvelope(rows.bytes(envelope, "id"));
  const awaited = open.filter((row) => row.receipt === 1);
  const ended = open
    .filter((row) => row.receipt !== 1)
    .map((row) => messages.end(row, "forwarded", FORWARDED));
  if (awaited.length === 0) envelopes.release(envelope);
  for (const row of awaited)
    messages.note(rows.number(row, "message_no"), `${FORWARDED}; waiting for a receipt`);
  return ended;
}

/** Ends one message; when it ends badly, its sender is to be told. Notices have no sender and are not answered. */
function endOne(tables: Tables, row: Row, end: EndState, detail: string, told = false): MessageRecord {
  const record = tables.messages.end(row, end, detail);
  if (told || record.from === "" || (end !== "expired" && end !== "refused")) return record;
  tables.untold.add({
    kind: "message",
    key: record.key,
    submissionId: record.submissionId,
    from: record.from,
    failures: record.to.map((recipient) => ({ recipient, status: null, detail: record.detail })),
    end,
    reason: 0,
    detail: record.detail,
    envelopeId: record.envelopeId,
    context: NOTHING,
    deliveredCount: 0,
  });
  return record;
}

const NOTHING = new Uint8Array(0);
/** Reason "lifetime" of a signed receipt, SPEC.md §11.2. */
const REASON_LIFETIME = 1;

/** A copy of somebody else's that goes no further: its origin is to be told, hop by hop. */
function noteTransitEnd(
  tables: Tables,
  envelope: Row,
  how: { readonly end: "expired" | "refused"; readonly detail: string; readonly reason: number },
): void {
  if (envelope.from_neighbour === null) return;
  const envelopeId = rows.bytes(envelope, "id");
  const nobody = { key: null, submissionId: "", from: "", failures: [], context: NOTHING, deliveredCount: 0 };
  tables.untold.add({ kind: "envelope", ...nobody, ...how, envelopeId });
}

/** Recipients of a delivery that got nothing, whose sender may have to be told from here. */
export function noteUndelivered(
  tables: Tables,
  record: DeliveryRecord,
  end: "expired" | "refused",
  failures: readonly Failure[],
): void {
  if (record.from === "" || failures.length === 0) return;
  const { key, from, detail, envelopeId, context, deliveredCount } = record;
  const what = { key, from, detail, envelopeId, context, deliveredCount, submissionId: "" };
  tables.untold.add({ kind: "delivery", ...what, failures, end, reason: 0 });
}

/** Removes the copy with its legs and ends every message in it that is open. */
function purge(
  tables: Tables,
  envelope: Row,
  end: EndState,
  detail: string,
  told = false,
): readonly MessageRecord[] {
  const { messages, envelopes, legs } = tables;
  const open = messages.openInEnvelope(rows.bytes(envelope, "id"));
  const ended = open.map((row) => endOne(tables, row, end, detail, told));
  legs.removeOf({ envelopeNo: rows.number(envelope, "envelope_no") });
  envelopes.release(envelope);
  return ended;
}

export function settleEnvelope(
  tables: Tables,
  id: EnvelopeId,
  end: "delivered" | "refused",
  detail: string,
  told: boolean,
): readonly MessageRecord[] {
  const envelope = tables.envelopes.byId(id);
  return envelope === undefined ? [] : purge(tables, envelope, end, detail, told);
}

/** Null when there is no such message, or it ended before. */
export function endMessage(
  tables: Tables,
  key: MessageKey,
  end: EndState,
  detail: string,
): MessageRecord | null {
  const row = tables.messages.byKey(key);
  if (row === undefined || row.end_state !== null) return null;
  return endRow(tables, row, end, detail);
}

export function settleMessages(
  tables: Tables,
  keys: readonly MessageKey[],
  end: EndState,
  detail: string,
  told: boolean,
): readonly MessageRecord[] {
  const ended: MessageRecord[] = [];
  for (const key of keys) {
    const row = tables.messages.byKey(key);
    if (row !== undefined && row.end_state === null) ended.push(endRow(tables, row, end, detail, told));
  }
  return ended;
}

function endRow(tables: Tables, row: Row, end: EndState, detail: string, told = false): MessageRecord {
  const { messages, envelopes, legs } = tables;
  legs.removeOf({ messageNo: rows.number(row, "message_no") });
  const record = endOne(tables, row, end, detail, told);
  const id = rows.bytesOrNull(row, "envelope_id");
  const envelope = id === null ? undefined : envelopes.byId(id);
  // The last message in an envelope of ours takes the copy with it; other messages of the batch go on.
  if (id !== null && envelope !== undefined && messages.openInEnvelope(id).length === 0) {
    purge(tables, envelope, end, detail);
  }
  return record;
}

export interface Expired {
  readonly messages: readonly MessageRecord[];
  readonly envelopes: readonly EnvelopeRecord[];
  readonly deliveries: readonly DeliveryRecord[];
}

/** When {@link expire} would end something, in spool milliseconds, if nothing changed until then; Infinity: never. */
export function nextExpiryMs({ messages, envelopes, deliveries }: Tables): number {
  const ever = Number.MAX_SAFE_INTEGER;
  const earliest = [messages.due(1, ever), envelopes.due(1, ever), deliveries.expired(1, ever)].flat();
  return Math.min(...earliest.map((row) => rows.number(row, "deadline_ms")));
}

/** Messages that end because their envelope does are not counted in `limit`. */
export function expire(tables: Tables, limit: number): Expired {
  const { messages, envelopes, deliveries } = tables;
  const endedMessages: MessageRecord[] = [];
  const endedEnvelopes: EnvelopeRecord[] = [];
  for (const row of messages.due(limit)) endedMessages.push(endRow(tables, row, "expired", EXPIRED));
  for (const row of envelopes.due(limit - endedMessages.length)) {
    noteTransitEnd(tables, row, { end: "expired", detail: EXPIRED, reason: REASON_LIFETIME });
    const carried = purge(tables, row, "expired", EXPIRED);
    if (carried.length === 0) endedEnvelopes.push(toEnvelope(row));
    endedMessages.push(...carried);
  }
  const room = limit - endedMessages.length - endedEnvelopes.length;
  const endedDeliveries = deliveries.expired(room).map((row) => deliveries.expire(row));
  for (const one of endedDeliveries) {
    const failures = one.pending.map((recipient) => ({ recipient, status: null, detail: one.detail }));
    noteUndelivered(tables, one, "expired", failures);
  }
  return { messages: endedMessages, envelopes: endedEnvelopes, deliveries: endedDeliveries };
}

/** The stored bytes of an item are wrong: it is set aside until its deadline, and the rest goes on. */
export function quarantine(
  tables: Tables,
  item: { readonly key: MessageKey } | { readonly id: EnvelopeId } | { readonly deliveryId: number },
): void {
  const { messages, envelopes, deliveries, legs } = tables;
  const detail = "its stored content is damaged";
  if ("deliveryId" in item) {
    deliveries.hold(item.deliveryId, detail);
  } else if ("key" in item) {
    const row = messages.byKey(item.key);
    if (row === undefined || row.end_state !== null) return;
    legs.hold({ messageNo: rows.number(row, "message_no") });
    messages.note(rows.number(row, "message_no"), detail);
  } else {
    const row = envelopes.byId(item.id);
    if (row === undefined) return;
    legs.hold({ envelopeNo: rows.number(row, "envelope_no") });
    messages.noteInEnvelope(item.id, detail);
  }
}
