import { InvariantError, invariant } from "@estafette/contract";
import type { Row } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import * as rows from "./rows.js";
import type { Hop, Leg, NewNote } from "./spool.js";
import type { Store } from "./store.js";

/** Of the column `state`. A held leg belongs to a damaged body: it waits for its deadline, nothing else. */
const LEG = { waiting: 0, ready: 1, held: 2 } as const;

/** Notes travel among the urgent, behind flash only: a receipt frees space upstream. Our choice. */
const NOTE_RANK = 1;

const JOINED = `SELECT l.leg_id, l.link, l.neighbour, l.class, l.deadline_ms, l.attempts, l.note,
  m.origin, m.epoch, m.sequence, e.id FROM legs AS l`;
const JOINS = `LEFT JOIN messages AS m ON m.message_no = l.message_no
  LEFT JOIN envelopes AS e ON e.envelope_no = l.envelope_no`;

/** The one query every lane asks again and again: an index probe, never a sort. */
export const READY_SQL = `${JOINED} INDEXED BY legs_ready ${JOINS}
  WHERE l.state = ${LEG.ready} AND l.link = ? AND l.neighbour = ? AND l.class = ? AND l.deadline_ms > ?
  ORDER BY l.deadline_ms, l.leg_id LIMIT ?`;

export interface LegTarget {
  readonly messageNo?: number;
  readonly envelopeNo?: number;
}

/** Copies on their way: what goes next over which link to whom. */
export class LegTable {
  private readonly insertRow;
  private readonly selectReady;
  private readonly selectUnplanned;
  private readonly selectOnLink;
  private readonly selectOfMessage;
  private readonly selectOfEnvelope;
  private readonly selectRow;
  private readonly selectNextWaiting;
  private readonly promoteDue;
  private readonly updateHop;
  private readonly updateRetry;
  private readonly holdMessage;
  private readonly holdEnvelope;
  private readonly deleteOne;
  private readonly deleteOfMessage;
  private readonly deleteOfEnvelope;
  private readonly deleteOldNotes;

  constructor(private readonly store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    const joined = (rest: string) => prepare(`${JOINED} ${JOINS} ${rest}`);
    this.insertRow = prepare(
      `INSERT INTO legs (state, link, neighbour, class, deadline_ms, not_before_ms, attempts, message_no,
       envelope_no, note) VALUES (${LEG.ready}, ?, ?, ?, ?, 0, 0, ?, ?, ?)`,
    );
    this.selectReady = prepare(READY_SQL);
    this.selectUnplanned = joined(
      "WHERE l.state < 2 AND l.link IS NULL AND l.leg_id > ? ORDER BY l.leg_id LIMIT ?",
    );
    this.selectOnLink = joined("WHERE l.state < 2 AND l.link = ? AND l.leg_id > ? ORDER BY l.leg_id LIMIT ?");
    this.selectOfMessage = joined("WHERE l.message_no = ? ORDER BY l.leg_id LIMIT ?");
    this.selectOfEnvelope = joined("WHERE l.envelope_no = ? ORDER BY l.leg_id LIMIT ?");
    this.selectRow = prepare(
      "SELECT leg_id, message_no, envelope_no, note IS NOT NULL AS is_note FROM legs WHERE leg_id = ?",
    );
    this.selectNextWaiting = prepare(
      "SELECT not_before_ms FROM legs WHERE state = 0 ORDER BY not_before_ms LIMIT 1",
    );
    this.promoteDue = prepare(
      `UPDATE legs SET state = ${LEG.ready} WHERE leg_id IN
       (SELECT leg_id FROM legs WHERE state = 0 AND not_before_ms <= ? ORDER BY not_before_ms LIMIT ?)
       RETURNING link, neighbour`,
    );
    this.updateHop = prepare("UPDATE legs SET link = ?, neighbour = ? WHERE leg_id = ?");
    this.updateRetry = prepare(
      "UPDATE legs SET state = ?, not_before_ms = ?, attempts = attempts + 1 WHERE leg_id = ?",
    );
    this.holdMessage = prepare(`UPDATE legs SET state = ${LEG.held} WHERE message_no = ?`);
    this.holdEnvelope = prepare(`UPDATE legs SET state = ${LEG.held} WHERE envelope_no = ?`);
    this.deleteOne = prepare("DELETE FROM legs WHERE leg_id = ?");
    this.deleteOfMessage = prepare("DELETE FROM legs WHERE message_no = ?");
    this.deleteOfEnvelope = prepare("DELETE FROM legs WHERE envelope_no = ?");
    this.deleteOldNotes = prepare(
      `DELETE FROM legs WHERE leg_id IN
       (SELECT leg_id FROM legs WHERE note IS NOT NULL AND deadline_ms <= ? ORDER BY deadline_ms LIMIT ?)`,
    );
  }

  insert(target: LegTarget, hop: Hop, rank: number, deadlineMs: number): void {
    const { messageNo = null, envelopeNo = null } = target;
    this.insertRow.run(linkColumn(hop.link), hop.neighbour, rank, deadlineMs, messageNo, envelopeNo, null);
  }

  insertNotes(notes: readonly NewNote[]): void {
    invariant(notes.length <= SPOOL_LIMITS.batchItemsMax, "notes are within SPOOL_LIMITS.batchItemsMax");
    for (const { hop, bytes, lifetimeMs } of notes) {
      invariant(bytes.length <= SPOOL_LIMITS.noteBytesMax, "a note is within SPOOL_LIMITS.noteBytesMax");
      const deadlineMs = this.store.nowMs() + rows.lifetimeColumn(lifetimeMs);
      this.insertRow.run(linkColumn(hop.link), hop.neighbour, NOTE_RANK, deadlineMs, null, null, bytes);
    }
  }

  ready(where: { readonly link: string; readonly neighbour: Uint8Array; readonly limit: number }): Leg[] {
    const limit = rows.rowsColumn(where.limit);
    const nowMs = this.store.nowMs();
    const found: Leg[] = [];
    for (let rank = 0; rank <= 3 && found.length < limit; rank++) {
      const more = this.selectReady.all(where.link, where.neighbour, rank, nowMs, limit - found.length);
      found.push(...more.map(toLeg));
    }
    return found;
  }

  on(where: { readonly link: string | null; readonly afterLegId: number; readonly limit: number }): Leg[] {
    const limit = rows.rowsColumn(where.limit);
    const found =
      where.link === null
        ? this.selectUnplanned.all(where.afterLegId, limit)
        : this.selectOnLink.all(where.link, where.afterLegId, limit);
    return found.map(toLeg);
  }

  ofMessage(messageNo: number): Leg[] {
    return this.selectOfMessage.all(messageNo, SPOOL_LIMITS.hopsMax).map(toLeg);
  }

  ofEnvelope(envelopeNo: number): Leg[] {
    return this.selectOfEnvelope.all(envelopeNo, SPOOL_LIMITS.hopsMax).map(toLeg);
  }

  row(legId: number): Row | undefined {
    return this.selectRow.get(legId);
  }

  replan(legId: number, hop: Hop): void {
    this.updateHop.run(linkColumn(hop.link), hop.neighbour, legId);
  }

  retry(legId: number, atMs: number): void {
    const notBeforeMs = rows.wholeMs(atMs);
    const state = notBeforeMs > this.store.nowMs() ? LEG.waiting : LEG.ready;
    this.updateRetry.run(state, notBeforeMs, legId);
  }

  /** When the first waiting leg is due, in spool milliseconds. */
  nextWaitingMs(): number | null {
    const row = this.selectNextWaiting.get();
    return row === undefined ? null : rows.number(row, "not_before_ms");
  }

  /** Makes due legs ready; returns the hops that got work, each once. */
  promote(): Hop[] {
    const promoted = this.promoteDue.all(this.store.nowMs(), SPOOL_LIMITS.rowsPerCallMax);
    const hops = new Map<string, Hop>();
    for (const row of promoted) {
      const hop = { link: rows.textOrNull(row, "link"), neighbour: rows.bytes(row, "neighbour") };
      hops.set(`${Buffer.from(hop.neighbour).toString("hex")} ${hop.link ?? ""}`, hop);
    }
    return [...hops.values()];
  }

  hold(target: LegTarget): void {
    if (target.messageNo !== undefined) this.holdMessage.run(target.messageNo);
    if (target.envelopeNo !== undefined) this.holdEnvelope.run(target.envelopeNo);
  }

  remove(legId: number): void {
    this.deleteOne.run(legId);
  }

  removeOf(target: LegTarget): void {
    if (target.messageNo !== undefined) this.deleteOfMessage.run(target.messageNo);
    if (target.envelopeNo !== undefined) this.deleteOfEnvelope.run(target.envelopeNo);
  }

  removeOldNotes(limit: number): void {
    this.deleteOldNotes.run(this.store.nowMs(), rows.rowsColumn(limit));
  }
}

function linkColumn(link: string | null): string | null {
  invariant(
    (link?.length ?? 0) <= SPOOL_LIMITS.wordCharsMax,
    "a link name is within SPOOL_LIMITS.wordCharsMax",
  );
  return link;
}

function toLeg(row: Row): Leg {
  return {
    legId: rows.number(row, "leg_id"),
    hop: { link: rows.textOrNull(row, "link"), neighbour: rows.bytes(row, "neighbour") },
    class: rows.className(row.class),
    deadlineMs: rows.number(row, "deadline_ms"),
    attempts: rows.number(row, "attempts"),
    what: whatOf(row),
  };
}

function whatOf(row: Row): Leg["what"] {
  if (row.note instanceof Uint8Array) {
    return { kind: "note", noteId: rows.number(row, "leg_id"), bytes: rows.bytes(row, "note") };
  }
  if (row.id instanceof Uint8Array) return { kind: "envelope", id: rows.bytes(row, "id") };
  if (row.origin instanceof Uint8Array) return { kind: "message", key: rows.keyOf(row) };
  throw new InvariantError("EST_INVARIANT", "a leg carries a message, an envelope or a note");
}
