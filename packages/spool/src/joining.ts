import { invariant, ProtocolError } from "@estafette/contract";
import type { Row } from "./connection.js";
import { flowOfEnvelope, flowOfMessage } from "./flow.js";
import { insertEnvelope } from "./keeping.js";
import { joinsOf } from "./leg-row.js";
import { SPOOL_LIMITS } from "./limits.js";
import { toRecord } from "./message-table.js";
import type { EnvelopeId, Hop, Leg, MessageKey, MessageRecord, NewEnvelope } from "./records.js";
import * as rows from "./rows.js";
import type { Tables } from "./tables.js";

/*
 *  message ─┐                         ┌─► message
 *  message ─┼─ compose ─► envelope ───┤ decompose
 *  message ─┘                         └─► message        each way in one commit
 */

/** A message that waits to be composed, with its leg. */
export interface Companion {
  readonly leg: Leg;
  readonly record: MessageRecord;
}

/** The message of this leg and those that may be joined with it. Empty when it no longer waits. */
export function companions(
  { legs, messages }: Tables,
  leg: Leg,
  { limit, bodyBytesMax }: { readonly limit: number; readonly bodyBytesMax: number },
): readonly Companion[] {
  const waiting = (one: Leg): MessageRecord | null => {
    const row = one.what.kind === "message" ? messages.byKey(one.what.key) : undefined;
    return row !== undefined && isWaiting(row) ? toRecord(row) : null;
  };
  const lead = waiting(leg);
  if (lead === null || leg.hop.link === null) return [];
  const found: Companion[] = [{ leg, record: lead }];
  let bytes = lead.bodyBytes;
  for (const other of legs.joinable(leg, joinsOf(lead))) {
    const record = other.legId === leg.legId ? null : waiting(other);
    if (record === null) continue;
    bytes += record.bodyBytes;
    if (found.length >= limit || bytes > bodyBytesMax) break;
    found.push({ leg: other, record });
  }
  return found;
}

function isWaiting(row: Row): boolean {
  return row.end_state === null && row.envelope_id === null;
}

/** @throws ProtocolError EST_PROTOCOL_STATE when one of the messages no longer waits: pick again. */
export function compose(tables: Tables, keys: readonly MessageKey[], envelope: NewEnvelope): void {
  const { messages, legs } = tables;
  invariant(keys.length <= SPOOL_LIMITS.batchItemsMax, "a batch is within SPOOL_LIMITS.batchItemsMax");
  let lead: Row | null = null;
  for (const key of keys) {
    const row = messages.byKey(key);
    if (row === undefined || !isWaiting(row)) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "a message to be composed no longer waits");
    }
    lead ??= row;
    legs.compose(rows.number(row, "message_no"));
    messages.markComposed(row, envelope.id);
  }
  const flow = lead === null ? flowOfEnvelope(envelope) : flowOfMessage(toRecord(lead));
  insertEnvelope(tables, envelope, { flow, bytes: 0 });
}

/** A message that is to wait again, and the content it waits with. */
export interface Returning {
  readonly key: MessageKey;
  readonly body: Uint8Array;
  readonly hop: Hop;
}

/**
 * False when the envelope is gone. Messages that ended meanwhile stay ended.
 * @throws ProtocolError EST_PROTOCOL_STATE when it is not ours, or a message that is open in it is not named: its
 *   content would be lost.
 */
export function decompose(tables: Tables, id: EnvelopeId, waiting: readonly Returning[]): boolean {
  const { messages, legs, envelopes } = tables;
  const { batchItemsMax } = SPOOL_LIMITS;
  invariant(waiting.length <= batchItemsMax, "what waits again is within SPOOL_LIMITS.batchItemsMax");
  const envelope = envelopes.byId(id);
  if (envelope === undefined) return false;
  for (const one of waiting) waitAgain(tables, id, one);
  if (envelope.from_neighbour !== null || messages.openInEnvelope(id).length > 0) {
    throw new ProtocolError("EST_PROTOCOL_STATE", "an envelope taken apart leaves no message behind");
  }
  legs.removeOf({ envelopeNo: rows.number(envelope, "envelope_no") });
  envelopes.release(envelope);
  return true;
}

function waitAgain({ messages, legs }: Tables, id: EnvelopeId, { key, body, hop }: Returning): void {
  const row = messages.byKey(key);
  const isIn = row !== undefined && row.end_state === null && isOf(row, id);
  if (!isIn) return;
  messages.markWaiting(row, body);
  const record = toRecord(row);
  legs.insert({
    target: { messageNo: rows.number(row, "message_no") },
    hop,
    rank: rows.number(row, "class"),
    deadlineMs: rows.number(row, "deadline_ms"),
    joins: joinsOf(record),
    flow: flowOfMessage(record),
    bytes: body.length,
  });
}

function isOf(row: Row, id: EnvelopeId): boolean {
  const envelopeId = rows.bytesOrNull(row, "envelope_id");
  return envelopeId !== null && Buffer.compare(envelopeId, id) === 0;
}
