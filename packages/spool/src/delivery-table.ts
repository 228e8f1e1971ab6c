import { createHash } from "node:crypto";
import type { Row } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import { DELIVERY_RANK } from "./meters.js";
import type { DeliveryRecord, EndState, MessageKey, NewDelivery } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

/** Of the column `state`. A held delivery has a damaged body: it waits for its deadline. */
const DELIVERY = { due: 0, begun: 1, held: 2 } as const;

const COLUMNS = `delivery_id, state, origin, epoch, sequence, kind, sender, recipients, pending, envelope_id, place, context,
  lifetime_ms, body_bytes, body_no, arrived_at_ms, deadline_ms, next_at_ms, attempts, uncertain, delivered_count,
  end_state, detail`;

const INSERT = `INSERT INTO deliveries (state, origin, epoch, sequence, kind, sender, recipients, pending,
  envelope_id, place, context, lifetime_ms, body_bytes, body_no, arrived_at_ms, deadline_ms, next_at_ms, detail)
  VALUES (${DELIVERY.due}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`;

/** What one attempt came to, as the caller of settleDelivery tells it. */
export interface AttemptResult {
  readonly delivered: readonly string[];
  readonly refused: readonly string[];
  readonly retryAtMs: number | null;
  readonly detail: string;
  readonly uncertain?: boolean;
}

/** Messages that arrived and wait for a bridge; and, forever, who was served with what. */
export class DeliveryTable {
  private readonly insertRow;
  private readonly insertClaim;
  private readonly deleteClaim;
  private readonly selectById;
  private readonly selectDue;
  private readonly selectNext;
  private readonly selectExpired;
  private readonly selectOfEnvelope;
  private readonly selectOpenOf;
  private readonly selectNewest;
  private readonly selectNewestOpen;
  private readonly updateBegun;
  private readonly updateAttempt;
  private readonly updateEnd;
  private readonly updateHeld;
  private readonly updateInterrupted;
  private readonly deleteOldest;

  constructor(private readonly store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    const select = (rest: string) => prepare(`SELECT ${COLUMNS} FROM deliveries ${rest}`);
    const isDue = `end_state IS NULL AND state = ${DELIVERY.due}`;
    this.insertRow = prepare(INSERT);
    this.insertClaim = prepare("INSERT OR IGNORE INTO claims (claim) VALUES (?)");
    this.deleteClaim = prepare("DELETE FROM claims WHERE claim = ?");
    this.selectById = select("WHERE delivery_id = ?");
    this.selectDue = select(
      `WHERE ${isDue} AND next_at_ms <= ? AND deadline_ms > ? ORDER BY next_at_ms, delivery_id LIMIT ?`,
    );
    this.selectNext = prepare(
      `SELECT next_at_ms FROM deliveries WHERE ${isDue} AND next_at_ms > ? ORDER BY next_at_ms LIMIT 1`,
    );
    this.selectExpired = select(
      "WHERE end_state IS NULL AND state <> 1 AND deadline_ms <= ? ORDER BY deadline_ms LIMIT ?",
    );
    this.selectOpenOf = select("WHERE envelope_id = ? AND end_state IS NULL LIMIT 1");
    this.selectOfEnvelope = select("WHERE envelope_id = ? ORDER BY delivery_id");
    this.selectNewest = select("ORDER BY delivery_id DESC LIMIT ?");
    this.selectNewestOpen = select(
      "INDEXED BY deliveries_open WHERE end_state IS NULL ORDER BY delivery_id DESC LIMIT ?",
    );
    this.updateBegun = prepare(
      `UPDATE deliveries SET state = ${DELIVERY.begun}, attempts = attempts + 1,
       uncertain = CASE state WHEN ${DELIVERY.begun} THEN 1 ELSE uncertain END WHERE delivery_id = ?`,
    );
    this.updateAttempt = prepare(
      `UPDATE deliveries SET state = ${DELIVERY.due}, pending = ?, delivered_count = delivered_count + ?,
       next_at_ms = ?, detail = ?, uncertain = MAX(uncertain, ?) WHERE delivery_id = ?`,
    );
    this.updateEnd = prepare(
      `UPDATE deliveries SET state = ${DELIVERY.due}, end_state = ?, ended_at_ms = ?, detail = ?, body_no = NULL,
       context = x'' WHERE delivery_id = ?`,
    );
    this.updateHeld = prepare(
      `UPDATE deliveries SET state = ${DELIVERY.held}, detail = ? WHERE delivery_id = ? AND end_state IS NULL`,
    );
    this.updateInterrupted = prepare(
      `UPDATE deliveries SET state = ${DELIVERY.due}, uncertain = 1 WHERE state = ${DELIVERY.begun}`,
    );
    this.deleteOldest = prepare(
      `DELETE FROM deliveries WHERE delivery_id IN
       (SELECT delivery_id FROM deliveries WHERE end_state IS NOT NULL ORDER BY ended_at_ms LIMIT ?)`,
    );
  }

  /** Keeps the part of a delivery that nobody here was served with, or is waiting for; perhaps nothing. */
  insert(delivery: NewDelivery): void {
    const recipients = rows.wordsColumn(delivery.to);
    const pending = delivery.to.filter((to) => this.insertClaim.run(claimOf(delivery.key, to)).changes === 1);
    if (pending.length === 0) return;
    const nowMs = this.store.nowMs();
    const lifetimeMs = rows.lifetimeColumn(delivery.lifetimeMs);
    this.insertRow.run(
      delivery.key.origin,
      delivery.key.epoch,
      delivery.key.sequence,
      delivery.kind,
      delivery.from,
      recipients,
      rows.wordsColumn(pending),
      delivery.envelopeId,
      delivery.place,
      delivery.context,
      lifetimeMs,
      delivery.body.length,
      this.store.bodies.keep(delivery.body),
      nowMs,
      nowMs + lifetimeMs,
      nowMs,
    );
    this.store.meters.waiting(DELIVERY_RANK, delivery.body.length, 1);
    this.store.meters.add("deliveriesPending", 1);
  }

  byId(deliveryId: number): Row | undefined {
    return this.selectById.get(deliveryId);
  }

  due(limit: number): { readonly due: readonly DeliveryRecord[]; readonly nextAtMs: number | null } {
    const nowMs = this.store.nowMs();
    const wanted = rows.rowsColumn(limit);
    const due = this.selectDue.all(nowMs, nowMs, wanted).map(toRecord);
    if (due.length === wanted) return { due, nextAtMs: nowMs };
    const next = this.selectNext.get(nowMs);
    return { due, nextAtMs: next === undefined ? null : rows.number(next, "next_at_ms") };
  }

  /** Open ones, hand-overs under way apart, whose deadline is at `byMs` or earlier, the earliest first. */
  expired(limit: number, byMs = this.store.nowMs()): readonly Row[] {
    return this.selectExpired.all(byMs, rows.rowsColumn(limit));
  }

  isAnyOpenOf(id: Uint8Array): boolean {
    return this.selectOpenOf.get(id) !== undefined;
  }

  ofEnvelope(id: Uint8Array): readonly Row[] {
    return this.selectOfEnvelope.all(id);
  }

  /** Newest first. */
  list(filter: { openOnly?: boolean; limit: number }): readonly Row[] {
    const limit = rows.rowsColumn(filter.limit);
    return filter.openOnly ? this.selectNewestOpen.all(limit) : this.selectNewest.all(limit);
  }

  begin(deliveryId: number): void {
    this.updateBegun.run(deliveryId);
  }

  /** Attempts begun before this start whose outcome nobody recorded. */
  markInterrupted(): void {
    this.updateInterrupted.run();
  }

  hold(deliveryId: number, detail: string): void {
    this.updateHeld.run(rows.detailColumn(detail), deliveryId);
  }

  /** Records one attempt. Recipients not named, or not pending, change nothing. */
  settle(row: Row, result: AttemptResult): DeliveryRecord {
    const deliveryId = rows.number(row, "delivery_id");
    const key = rows.keyOf(row);
    const before = rows.words(row, "pending");
    const delivered = new Set(result.delivered);
    const refused = new Set(result.refused);
    const pending = before.filter((to) => !delivered.has(to) && !refused.has(to));
    const servedCount = before.filter((to) => delivered.has(to)).length;
    for (const to of before) {
      if (refused.has(to) && !delivered.has(to)) this.deleteClaim.run(claimOf(key, to));
    }
    const detail = rows.detailColumn(result.detail);
    const nextAtMs = rows.wholeMs(result.retryAtMs ?? this.store.nowMs());
    const uncertain = result.uncertain === true ? 1 : 0;
    this.updateAttempt.run(rows.wordsColumn(pending), servedCount, nextAtMs, detail, uncertain, deliveryId);
    if (pending.length === 0) {
      const total = rows.number(row, "delivered_count") + servedCount;
      this.close(row, total > 0 ? "delivered" : "refused", detail);
    }
    return this.recordAfter(row);
  }

  /** Its time is over; `pending` keeps naming those who got nothing. */
  expire(row: Row): DeliveryRecord {
    const key = rows.keyOf(row);
    for (const to of rows.words(row, "pending")) this.deleteClaim.run(claimOf(key, to));
    this.close(
      row,
      "expired",
      rows.text(row, "detail") || "its time was over before it could be handed over",
    );
    return this.recordAfter(row);
  }

  /** The context leaves the disk when a delivery ends; the caller who ends it still gets it. */
  private recordAfter(row: Row): DeliveryRecord {
    const after = this.byId(rows.number(row, "delivery_id")) ?? row;
    return { ...toRecord(after), context: rows.bytes(row, "context") };
  }

  private close(row: Row, end: EndState, detail: string): void {
    const { meters, bodies } = this.store;
    this.updateEnd.run(end, this.store.nowMs(), detail, rows.number(row, "delivery_id"));
    bodies.drop(rows.number(row, "body_no"));
    meters.waiting(DELIVERY_RANK, rows.number(row, "body_bytes"), -1);
    meters.add("deliveriesPending", -1);
    meters.add("deliveryHistory", 1);
    const excess = meters.get("deliveryHistory") - SPOOL_LIMITS.historyRowsMax;
    if (excess > 0) meters.add("deliveryHistory", -this.deleteOldest.run(excess).changes);
  }
}

/** 16 bytes that stand for (message, recipient): small, because they are kept forever. */
function claimOf(key: MessageKey, recipient: string): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(12));
  numbers.setUint32(0, key.epoch);
  numbers.setBigUint64(4, BigInt(key.sequence));
  const hash = createHash("sha256").update("estafette/v1/claim\0").update(key.origin);
  return hash.update(new Uint8Array(numbers.buffer)).update(recipient).digest().subarray(0, 16);
}

export function toRecord(row: Row): DeliveryRecord {
  return {
    deliveryId: rows.number(row, "delivery_id"),
    key: rows.keyOf(row),
    kind: rows.text(row, "kind") as DeliveryRecord["kind"],
    from: rows.text(row, "sender"),
    to: rows.words(row, "recipients"),
    envelopeId: rows.bytesOrNull(row, "envelope_id"),
    place: rows.numberOrNull(row, "place"),
    context: rows.bytes(row, "context"),
    lifetimeMs: rows.number(row, "lifetime_ms"),
    arrivedAtMs: rows.number(row, "arrived_at_ms"),
    deadlineMs: rows.number(row, "deadline_ms"),
    attempts: rows.number(row, "attempts"),
    deliveredCount: rows.number(row, "delivered_count"),
    uncertain: row.uncertain === 1,
    pending: rows.words(row, "pending"),
    end: rows.textOrNull(row, "end_state") as EndState | null,
    detail: rows.text(row, "detail"),
  };
}
