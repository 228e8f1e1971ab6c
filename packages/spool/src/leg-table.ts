import { invariant } from "@estafette/contract";
import type { Row } from "./connection.js";
import { JOINED, JOINS, LEG, toLeg } from "./leg-row.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { Hop, Leg, NewNote } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

/** Notes travel among the urgent, behind flash only: a receipt frees space upstream. Our choice. */
const NOTE_RANK = 1;

/** The one query every lane asks again and again: an index probe, never a sort. */
export const READY_SQL = `${JOINED} INDEXED BY legs_ready ${JOINS}
  WHERE l.state = ${LEG.ready} AND l.link = ? AND l.neighbour = ? AND l.class = ? AND l.deadline_ms > ?
  ORDER BY l.deadline_ms, l.leg_id LIMIT ?`;

/** Messages that may share an envelope with one: the same probe, with what an envelope has one of. */
export const JOINABLE_SQL = `${JOINED} INDEXED BY legs_joinable ${JOINS}
  WHERE l.state = ${LEG.ready} AND l.link = ? AND l.neighbour = ? AND l.class = ? AND l.joins = ? AND l.deadline_ms > ?
  ORDER BY l.deadline_ms, l.leg_id LIMIT ?`;

export interface LegTarget {
  readonly messageNo?: number;
  readonly envelopeNo?: number;
}

/** A copy that begins its way. */
export interface NewLeg {
  readonly target: LegTarget;
  readonly hop: Hop;
  readonly rank: number;
  readonly deadlineMs: number;
  /** What an envelope has one of, see {@link joinsOf}; null: not to be joined. */
  readonly joins: Uint8Array | null;
}

/** Copies on their way: what goes next over which link to whom. */
export class LegTable {
  private readonly insertRow;
  private readonly selectReady;
  private readonly selectJoinable;
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
      `INSERT INTO legs (state, link, neighbour, class, deadline_ms, joins, not_before_ms, attempts,
       message_no, envelope_no, note) VALUES (${LEG.ready}, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)`,
    );
    this.selectReady = prepare(READY_SQL);
    this.selectJoinable = prepare(JOINABLE_SQL);
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

  insert({ target, hop, rank, deadlineMs, joins }: NewLeg): void {
    const { messageNo = null, envelopeNo = null } = target;
    const link = linkColumn(hop.link);
    this.insertRow.run(link, hop.neighbour, rank, deadlineMs, joins, messageNo, envelopeNo, null);
  }

  insertNotes(notes: readonly NewNote[]): void {
    invariant(notes.length <= SPOOL_LIMITS.batchItemsMax, "notes are within SPOOL_LIMITS.batchItemsMax");
    for (const { hop, bytes, lifetimeMs } of notes) {
      invariant(bytes.length <= SPOOL_LIMITS.noteBytesMax, "a note is within SPOOL_LIMITS.noteBytesMax");
      const deadlineMs = this.store.nowMs() + rows.lifetimeColumn(lifetimeMs);
      const link = linkColumn(hop.link);
      this.insertRow.run(link, hop.neighbour, NOTE_RANK, deadlineMs, null, null, null, bytes);
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

  /** Ready messages of one hop and class that may share an envelope, nearest deadline first. */
  joinable(where: {
    readonly link: string;
    readonly neighbour: Uint8Array;
    readonly rank: number;
    readonly joins: Uint8Array;
    readonly limit: number;
  }): Leg[] {
    const { link, neighbour, rank, joins } = where;
    const limit = rows.rowsColumn(where.limit);
    return this.selectJoinable.all(link, neighbour, rank, joins, this.store.nowMs(), limit).map(toLeg);
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
