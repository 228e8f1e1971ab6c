import { invariant } from "@estafette/contract";
import type { Row, Statement, Value } from "./connection.js";
import type { FlowSource } from "./fair-share.js";
import { NOTES_FLOW } from "./flow.js";
import { HopTurns, type Turns } from "./hop-turns.js";
import { JOINED, JOINS, LEG, toLeg } from "./leg-row.js";
import { SPOOL_LIMITS } from "./limits.js";
import { CLASS_RANK, type Hop, type Leg, type NewNote } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

/** Notes travel among the urgent, behind flash only: a receipt frees space upstream. Our choice. */
const NOTE_RANK = 1;

/** Legs of one class that may go over one link to one neighbour now. */
const READY = `l.state = ${LEG.ready} AND l.link = ? AND l.neighbour = ? AND l.class = ?`;
/** Of one flow in its order, and the flow after one: what every lane asks again and again. Probes, never a sort. */
const inFlow = (index: string, where: string) => `${JOINED} INDEXED BY ${index} ${JOINS}
  WHERE ${where} AND l.flow = ? AND l.deadline_ms > ? ORDER BY l.deadline_ms, l.leg_id LIMIT ?`;
const nextFlow = (index: string, where: string) => `SELECT l.flow FROM legs AS l INDEXED BY ${index}
  WHERE ${where} AND l.flow > ? ORDER BY l.flow LIMIT 1`;

/** Everything that may go, and messages that may share an envelope with one. */
export const READY_SQL = { first: inFlow("legs_ready", READY), next: nextFlow("legs_ready", READY) };
const JOINABLE = `${READY} AND l.joins = ?`;
export const JOINABLE_SQL = {
  first: inFlow("legs_joinable", JOINABLE),
  next: nextFlow("legs_joinable", JOINABLE),
};

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
  /** Whose turn it takes in its class, and how much of it: 0 when that is counted already. */
  readonly flow: Uint8Array;
  readonly bytes: number;
}

interface Where {
  readonly link: string;
  readonly neighbour: Uint8Array;
  readonly limit: number;
}

/** Copies on their way: what goes next over which link to whom. */
export class LegTable {
  private readonly insertRow;
  private readonly turns = new HopTurns();
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
      `INSERT INTO legs (state, link, neighbour, class, deadline_ms, joins, flow, bytes,
       not_before_ms, attempts, message_no, envelope_no, note)
       VALUES (${LEG.ready}, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)`,
    );
    this.selectReady = { first: prepare(READY_SQL.first), next: prepare(READY_SQL.next) };
    this.selectJoinable = { first: prepare(JOINABLE_SQL.first), next: prepare(JOINABLE_SQL.next) };
    this.selectUnplanned = joined(
      "WHERE l.state < 2 AND l.link IS NULL AND l.leg_id > ? ORDER BY l.leg_id LIMIT ?",
    );
    this.selectOnLink = joined("WHERE l.state < 2 AND l.link = ? AND l.leg_id > ? ORDER BY l.leg_id LIMIT ?");
    this.selectOfMessage = joined("WHERE l.message_no = ? ORDER BY l.leg_id LIMIT ?");
    this.selectOfEnvelope = joined("WHERE l.envelope_no = ? ORDER BY l.leg_id LIMIT ?");
    this.selectRow = prepare(
      `SELECT leg_id, link, neighbour, class, flow, bytes, message_no, envelope_no, note IS NOT NULL AS is_note
       FROM legs WHERE leg_id = ?`,
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
    this.deleteOfMessage = prepare(
      "DELETE FROM legs WHERE message_no = ? RETURNING link, neighbour, class, flow, bytes",
    );
    this.deleteOfEnvelope = prepare("DELETE FROM legs WHERE envelope_no = ?");
    this.deleteOldNotes = prepare(
      `DELETE FROM legs WHERE leg_id IN
       (SELECT leg_id FROM legs WHERE note IS NOT NULL AND deadline_ms <= ? ORDER BY deadline_ms LIMIT ?)`,
    );
  }

  insert({ target, hop, rank, deadlineMs, joins, flow, bytes }: NewLeg): void {
    const { messageNo = null, envelopeNo = null } = target;
    const where = [linkColumn(hop.link), hop.neighbour, rank, deadlineMs] as const;
    this.insertRow.run(...where, joins, flow, bytes, messageNo, envelopeNo, null);
  }

  insertNotes(notes: readonly NewNote[]): void {
    invariant(notes.length <= SPOOL_LIMITS.batchItemsMax, "notes are within SPOOL_LIMITS.batchItemsMax");
    for (const { hop, bytes, lifetimeMs } of notes) {
      invariant(bytes.length <= SPOOL_LIMITS.noteBytesMax, "a note is within SPOOL_LIMITS.noteBytesMax");
      const deadlineMs = this.store.nowMs() + rows.lifetimeColumn(lifetimeMs);
      const where = [linkColumn(hop.link), hop.neighbour, NOTE_RANK, deadlineMs] as const;
      this.insertRow.run(...where, null, NOTES_FLOW, bytes.length, null, null, bytes);
    }
  }

  /** In the order in which they are to go: classes by urgency and age, flows of a class in turn. */
  ready({ link, neighbour, limit }: Where): Leg[] {
    const { aging, shares } = this.turns.at(link, neighbour);
    const wanted = rows.rowsColumn(limit);
    const classes = shares.map((share, rank) =>
      share.inOrder(this.flows(this.selectReady, [link, neighbour, rank], wanted)),
    );
    const found: Leg[] = [];
    if (wanted === 0) return found;
    for (const { leg } of aging.inOrder(classes)) if (found.push(leg) >= wanted) break;
    return found;
  }

  /** Ready messages of one hop and class that may share an envelope with `lead`, in the order of their flows' turns. */
  *joinable(lead: Leg, joins: Uint8Array): Generator<Leg, undefined> {
    const { link, neighbour } = lead.hop;
    const row = this.row(lead.legId);
    if (link === null || row === undefined) return;
    const paid = { flow: rows.bytes(row, "flow"), bytes: rows.number(row, "bytes") };
    const rank = CLASS_RANK[lead.class];
    const share = this.turns.at(link, neighbour).shares[rank];
    const source = this.flows(
      this.selectJoinable,
      [link, neighbour, rank, joins],
      SPOOL_LIMITS.rowsPerCallMax,
    );
    for (const { leg } of share?.inOrder(source, { paid, isPart: true }) ?? []) yield leg;
  }

  /** @param wanted Nobody takes more of one flow. */
  private flows(
    select: { readonly first: Statement; readonly next: Statement },
    where: readonly Value[],
    wanted: number,
  ): FlowSource<{ readonly leg: Leg; readonly bytes: number }> {
    const nowMs = this.store.nowMs();
    return {
      next: (after) => {
        const row = select.next.get(...where, after);
        return row === undefined ? null : rows.bytes(row, "flow");
      },
      first: (flow, limit) =>
        select.first
          .all(...where, flow, nowMs, Math.min(limit, wanted))
          .map((row) => ({ leg: toLeg(row), bytes: rows.number(row, "bytes") })),
    };
  }

  /**
   * A leg went: its flow has had that much of its turn. Where the change is rolled back or run again it counts all the
   * same, or twice: turns are courtesy, not accounts.
   */
  served(row: Row): void {
    this.charge(row)?.aging.served(rows.number(row, "class"));
  }

  private charge(row: Row): Turns | null {
    const link = rows.textOrNull(row, "link");
    if (link === null) return null;
    const turns = this.turns.at(link, rows.bytes(row, "neighbour"));
    const share = turns.shares[rows.number(row, "class")];
    share?.charge(rows.bytes(row, "flow"), rows.number(row, "bytes"));
    return turns;
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

  /** The message goes into an envelope: what it takes of its flow's turn is counted here, by its own bytes. */
  compose(messageNo: number): void {
    for (const row of this.deleteOfMessage.all(messageNo)) this.charge(row);
  }

  removeOf(target: LegTarget): void {
    if (target.messageNo !== undefined) this.deleteOfMessage.all(target.messageNo);
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
