import type { Row } from "./connection.js";
import { CLASS_RANK, type EnvelopeId, type EnvelopeRecord, type NewEnvelope } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

const COLUMNS = `envelope_no, id, head, transit, destination, class, lifetime_ms, age_ms, from_neighbour,
  ack_commitment, body_no, payload_bytes, taken_count, kept_at_ms, deadline_ms`;

const INSERT = `INSERT INTO envelopes (id, head, transit, destination, class, lifetime_ms, age_ms, from_neighbour,
  ack_commitment, body_no, payload_bytes, kept_at_ms, deadline_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Complete envelopes held here: in transit, or our own until taken or receipted. */
export class EnvelopeTable {
  private readonly insertRow;
  private readonly selectById;
  private readonly selectByNo;
  private readonly selectDue;
  private readonly selectFor;
  private readonly selectForOne;
  private readonly selectNewest;
  private readonly updateTaken;
  private readonly deleteRow;

  constructor(private readonly store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    const select = (rest: string) => prepare(`SELECT ${COLUMNS} FROM envelopes ${rest}`);
    this.insertRow = prepare(INSERT);
    this.selectById = select("WHERE id = ?");
    this.selectByNo = select("WHERE envelope_no = ?");
    this.selectDue = select("WHERE deadline_ms <= ? ORDER BY deadline_ms LIMIT ?");
    this.selectForOne = select("WHERE destination = ? ORDER BY id LIMIT ?");
    this.selectFor = select("WHERE destination BETWEEN ? AND ? ORDER BY id LIMIT ?");
    this.selectNewest = select("ORDER BY envelope_no DESC LIMIT ?");
    this.updateTaken = prepare("UPDATE envelopes SET taken_count = taken_count + 1 WHERE envelope_no = ?");
    this.deleteRow = prepare("DELETE FROM envelopes WHERE envelope_no = ?");
  }

  insert(envelope: NewEnvelope): { readonly envelopeNo: number; readonly deadlineMs: number } {
    const nowMs = this.store.nowMs();
    const lifetimeMs = rows.lifetimeColumn(envelope.lifetimeMs);
    const ageMs = Math.min(Math.max(0, rows.wholeMs(envelope.ageMs)), lifetimeMs);
    const deadlineMs = nowMs + lifetimeMs - ageMs;
    const rank = CLASS_RANK[envelope.class];
    const { lastInsertRowid } = this.insertRow.run(
      envelope.id,
      envelope.head,
      envelope.transit,
      envelope.destination,
      rank,
      lifetimeMs,
      ageMs,
      envelope.from,
      envelope.ackCommitment,
      this.store.bodies.keep(envelope.payload),
      envelope.payload.length,
      nowMs,
      deadlineMs,
    );
    this.store.meters.waiting(rank, envelope.payload.length, 1);
    return { envelopeNo: Number(lastInsertRowid), deadlineMs };
  }

  byId(id: EnvelopeId): Row | undefined {
    return this.selectById.get(id);
  }

  byNo(envelopeNo: number): Row | undefined {
    return this.selectByNo.get(envelopeNo);
  }

  /** Those whose deadline is at `byMs` or earlier, the earliest first. */
  due(limit: number, byMs = this.store.nowMs()): readonly Row[] {
    return this.selectDue.all(byMs, rows.rowsColumn(limit));
  }

  heldFor(prefix: Uint8Array, limit: number): readonly Row[] {
    if (prefix.length === 16) return this.selectForOne.all(prefix, rows.rowsColumn(limit));
    const { from, to } = rows.prefixRange(prefix);
    return this.selectFor.all(from, to, rows.rowsColumn(limit));
  }

  /** Newest first. */
  list(limit: number): readonly Row[] {
    return this.selectNewest.all(rows.rowsColumn(limit));
  }

  countTaken(envelopeNo: number): void {
    this.updateTaken.run(envelopeNo);
  }

  /** Gives the copy up. Its legs must be gone. */
  release(row: Row): void {
    this.deleteRow.run(rows.number(row, "envelope_no"));
    this.store.bodies.drop(rows.number(row, "body_no"));
    this.store.meters.waiting(rows.number(row, "class"), rows.number(row, "payload_bytes"), -1);
  }
}

export function toRecord(row: Row): EnvelopeRecord {
  return {
    id: rows.bytes(row, "id"),
    head: rows.bytes(row, "head"),
    transit: rows.bytes(row, "transit"),
    destination: rows.bytes(row, "destination"),
    class: rows.className(row.class),
    lifetimeMs: rows.number(row, "lifetime_ms"),
    ageMs: rows.number(row, "age_ms"),
    from: rows.bytesOrNull(row, "from_neighbour"),
    ackCommitment: rows.bytesOrNull(row, "ack_commitment"),
    payloadBytes: rows.number(row, "payload_bytes"),
    keptAtMs: rows.number(row, "kept_at_ms"),
    deadlineMs: rows.number(row, "deadline_ms"),
  };
}
