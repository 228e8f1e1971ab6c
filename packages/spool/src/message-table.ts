import type { Row } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import {
  CLASS_RANK,
  type EndState,
  type EnvelopeId,
  type MessageKey,
  type MessageRecord,
  type NewMessage,
} from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

const COLUMNS = `message_no, origin, epoch, sequence, submission_id, account, sender, recipients, destination,
  mode, class, lifetime_ms, receipt, body_kind, body_bytes, body_no, accepted_at_ms, deadline_ms, envelope_id,
  end_state, ended_at_ms, detail`;

const INSERT = `INSERT INTO messages (origin, epoch, sequence, submission_id, account, sender, recipients,
  destination, mode, class, lifetime_ms, receipt, body_kind, body_bytes, body_no, accepted_at_ms, deadline_ms, detail)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`;

/** Messages of this node's own users, from acceptance to their one end, and a while after. */
export class MessageTable {
  private readonly insertRow;
  private readonly selectByKey;
  private readonly selectByNo;
  private readonly selectOpenInEnvelope;
  private readonly selectDue;
  private readonly selectFor;
  private readonly selectNewest;
  private readonly selectNewestOpen;
  private readonly selectSubmission;
  private readonly updateComposed;
  private readonly updateWaiting;
  private readonly updateDetail;
  private readonly updateEnvelopeDetail;
  private readonly updateEnd;
  private readonly deleteOldest;

  constructor(private readonly store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    const select = (rest: string) => prepare(`SELECT ${COLUMNS} FROM messages ${rest}`);
    this.insertRow = prepare(INSERT);
    this.selectByKey = select("WHERE origin = ? AND epoch = ? AND sequence = ?");
    this.selectByNo = select("WHERE message_no = ?");
    this.selectOpenInEnvelope = select(
      "INDEXED BY messages_envelope WHERE end_state IS NULL AND envelope_id = ? ORDER BY message_no",
    );
    this.selectDue = select("WHERE end_state IS NULL AND deadline_ms <= ? ORDER BY deadline_ms LIMIT ?");
    this.selectFor = select(
      `WHERE end_state IS NULL AND envelope_id IS NULL AND destination BETWEEN ? AND ?
       ORDER BY message_no LIMIT ?`,
    );
    this.selectNewest = select("ORDER BY message_no DESC LIMIT ?");
    this.selectNewestOpen = select(
      "INDEXED BY messages_open WHERE end_state IS NULL ORDER BY message_no DESC LIMIT ?",
    );
    this.selectSubmission = select(
      "WHERE submission_id = ? AND (? = 0 OR end_state IS NULL) ORDER BY message_no DESC LIMIT ?",
    );
    this.updateComposed = prepare("UPDATE messages SET envelope_id = ?, body_no = NULL WHERE message_no = ?");
    this.updateWaiting = prepare(
      "UPDATE messages SET envelope_id = NULL, body_no = ?, body_bytes = ? WHERE message_no = ?",
    );
    this.updateDetail = prepare("UPDATE messages SET detail = ? WHERE message_no = ?");
    this.updateEnvelopeDetail = prepare(
      "UPDATE messages SET detail = ? WHERE end_state IS NULL AND envelope_id = ?",
    );
    this.updateEnd = prepare(
      "UPDATE messages SET end_state = ?, ended_at_ms = ?, detail = ?, body_no = NULL WHERE message_no = ?",
    );
    this.deleteOldest = prepare(
      `DELETE FROM messages WHERE message_no IN
       (SELECT message_no FROM messages WHERE end_state IS NOT NULL ORDER BY ended_at_ms LIMIT ?)`,
    );
  }

  /** Returns the row number and deadline for the message's leg. */
  insert(message: NewMessage): { readonly messageNo: number; readonly deadlineMs: number } {
    const { key } = message;
    const nowMs = this.store.nowMs();
    const lifetimeMs = rows.lifetimeColumn(message.lifetimeMs);
    const rank = CLASS_RANK[message.class];
    const { lastInsertRowid } = this.insertRow.run(
      key.origin,
      key.epoch,
      key.sequence,
      message.submissionId.slice(0, SPOOL_LIMITS.wordCharsMax),
      message.account,
      message.from,
      rows.wordsColumn(message.to),
      message.destination,
      message.mode,
      rank,
      lifetimeMs,
      message.receipt ? 1 : 0,
      message.bodyKind,
      message.body.length,
      this.store.bodies.keep(message.body),
      nowMs,
      nowMs + lifetimeMs,
    );
    this.store.meters.waiting(rank, message.body.length, 1);
    return { messageNo: Number(lastInsertRowid), deadlineMs: nowMs + lifetimeMs };
  }

  byKey(key: MessageKey): Row | undefined {
    return this.selectByKey.get(key.origin, key.epoch, key.sequence);
  }

  byNo(messageNo: number): Row | undefined {
    return this.selectByNo.get(messageNo);
  }

  openInEnvelope(id: EnvelopeId): readonly Row[] {
    return this.selectOpenInEnvelope.all(id);
  }

  /** Open ones whose deadline is at `byMs` or earlier, the earliest first. */
  due(limit: number, byMs = this.store.nowMs()): readonly Row[] {
    return this.selectDue.all(byMs, rows.rowsColumn(limit));
  }

  waitingFor(prefix: Uint8Array, limit: number): readonly Row[] {
    const { from, to } = rows.prefixRange(prefix);
    return this.selectFor.all(from, to, rows.rowsColumn(limit));
  }

  /** Newest first. */
  list(filter: { submissionId?: string; openOnly?: boolean; limit: number }): readonly Row[] {
    const limit = rows.rowsColumn(filter.limit);
    if (filter.submissionId !== undefined) {
      return this.selectSubmission.all(filter.submissionId, filter.openOnly ? 1 : 0, limit);
    }
    return filter.openOnly ? this.selectNewestOpen.all(limit) : this.selectNewest.all(limit);
  }

  /** The envelope has the content now; ours goes. */
  markComposed(row: Row, id: EnvelopeId): void {
    this.updateComposed.run(id, rows.number(row, "message_no"));
    this.stopWaiting(row);
  }

  /** It waits again, with this content. The envelope that had it is about to go. */
  markWaiting(row: Row, body: Uint8Array): void {
    this.updateWaiting.run(this.store.bodies.keep(body), body.length, rows.number(row, "message_no"));
    this.store.meters.waiting(rows.number(row, "class"), body.length, 1);
  }

  note(messageNo: number, detail: string): void {
    this.updateDetail.run(rows.detailColumn(detail), messageNo);
  }

  noteInEnvelope(id: EnvelopeId, detail: string): void {
    this.updateEnvelopeDetail.run(rows.detailColumn(detail), id);
  }

  /** The one place where a message ends. Its legs must be gone. */
  end(row: Row, end: EndState, detail: string): MessageRecord {
    const messageNo = rows.number(row, "message_no");
    this.updateEnd.run(end, this.store.nowMs(), rows.detailColumn(detail), messageNo);
    this.stopWaiting(row);
    const { meters } = this.store;
    meters.add(end, 1);
    meters.add("messageHistory", 1);
    const ended = this.byNo(messageNo) ?? row;
    const excess = meters.get("messageHistory") - SPOOL_LIMITS.historyRowsMax;
    if (excess > 0) meters.add("messageHistory", -this.deleteOldest.run(excess).changes);
    return toRecord(ended);
  }

  private stopWaiting(row: Row): void {
    const bodyNo = rows.numberOrNull(row, "body_no");
    if (bodyNo === null) return;
    this.store.bodies.drop(bodyNo);
    this.store.meters.waiting(rows.number(row, "class"), rows.number(row, "body_bytes"), -1);
  }
}

export function toRecord(row: Row): MessageRecord {
  return {
    key: rows.keyOf(row),
    submissionId: rows.text(row, "submission_id"),
    account: rows.textOrNull(row, "account"),
    from: rows.text(row, "sender"),
    to: rows.words(row, "recipients"),
    destination: rows.bytes(row, "destination"),
    mode: rows.text(row, "mode") as MessageRecord["mode"],
    class: rows.className(row.class),
    lifetimeMs: rows.number(row, "lifetime_ms"),
    receipt: row.receipt === 1,
    bodyKind: rows.text(row, "body_kind") as MessageRecord["bodyKind"],
    acceptedAtMs: rows.number(row, "accepted_at_ms"),
    deadlineMs: rows.number(row, "deadline_ms"),
    bodyBytes: rows.number(row, "body_bytes"),
    envelopeId: rows.bytesOrNull(row, "envelope_id"),
    end: rows.textOrNull(row, "end_state") as EndState | null,
    endedAtMs: rows.numberOrNull(row, "ended_at_ms"),
    detail: rows.text(row, "detail"),
  };
}
