import { SPOOL_LIMITS } from "./limits.js";
import type { EnvelopeId, NodeAddress, PassedNote, SeenRecord } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

/** Envelope ids that are held, were carried or arrived: a second copy is answered HAVE. */
export class SeenTable {
  private readonly insertRow;
  private readonly selectRow;
  private readonly deleteForgotten;
  private readonly deleteNearest;
  private readonly raiseWatermark;
  private readonly selectPassed;
  private readonly updatePassed;

  constructor(private readonly store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    this.insertRow = prepare(
      "INSERT OR IGNORE INTO seen (id, from_neighbour, ack_commitment, forget_at_ms) VALUES (?, ?, ?, ?)",
    );
    this.selectRow = prepare("SELECT from_neighbour, ack_commitment FROM seen WHERE id = ?");
    this.deleteForgotten = prepare(
      `DELETE FROM seen WHERE id IN
       (SELECT id FROM seen WHERE forget_at_ms <= ? ORDER BY forget_at_ms LIMIT ?) RETURNING forget_at_ms`,
    );
    this.deleteNearest = prepare(
      `DELETE FROM seen WHERE id IN (SELECT id FROM seen ORDER BY forget_at_ms LIMIT ?) RETURNING forget_at_ms`,
    );
    this.selectPassed = prepare("SELECT passed_on FROM seen WHERE id = ?");
    this.updatePassed = prepare("UPDATE seen SET passed_on = ? WHERE id = ?");
    this.raiseWatermark = prepare("UPDATE store SET seen_watermark_ms = MAX(seen_watermark_ms, ?)");
  }

  get(id: EnvelopeId): SeenRecord | null {
    const row = this.selectRow.get(id);
    if (row === undefined) return null;
    return {
      from: rows.bytesOrNull(row, "from_neighbour"),
      ackCommitment: rows.bytesOrNull(row, "ack_commitment"),
    };
  }

  add(entry: {
    readonly id: EnvelopeId;
    readonly from: NodeAddress | null;
    readonly ackCommitment: Uint8Array | null;
    readonly lifetimeMs: number;
    readonly ageMs: number;
  }): void {
    // The claimed age is not trusted to shorten the memory: a replay would come with an age of its own.
    const forgetAtMs = this.store.nowMs() + rows.lifetimeColumn(entry.lifetimeMs) + SPOOL_LIMITS.seenMarginMs;
    const { changes } = this.insertRow.run(entry.id, entry.from, entry.ackCommitment, forgetAtMs);
    this.store.meters.add("seenRows", changes);
    const excess = this.store.meters.get("seenRows") - SPOOL_LIMITS.seenRowsMax;
    if (excess > 0) this.noteGone(this.deleteNearest.all(excess));
  }

  /**
   * True the first time a note of this kind is passed on for this envelope (refusals: the first few times), false
   * for repeats and for ids that are not known: whoever repeats a note costs nobody else a byte.
   */
  passOn(id: EnvelopeId, kind: PassedNote): boolean {
    const row = this.selectPassed.get(id);
    if (row === undefined) return false;
    const bits = rows.number(row, "passed_on");
    // Bit 0 accepted, bit 1 final; above them a count of refusals.
    const refusals = bits >> 2;
    const after = kind === "refusal" ? (refusals + 1) * 4 + (bits & 3) : bits | (kind === "accepted" ? 1 : 2);
    if (after === bits || (kind === "refusal" && refusals >= SPOOL_LIMITS.passedRefusalsMax)) return false;
    this.updatePassed.run(after, id);
    return true;
  }

  /** Forgets what is past its lifetime and margin. */
  prune(limit: number): void {
    this.noteGone(this.deleteForgotten.all(this.store.nowMs(), rows.rowsColumn(limit)));
  }

  /** An id that would have been forgotten at or before this spool time may have been seen all the same. */
  watermarkMs(): number {
    return this.store.connection.number("SELECT seen_watermark_ms FROM store");
  }

  private noteGone(gone: readonly { readonly [column: string]: unknown }[]): void {
    if (gone.length === 0) return;
    this.store.meters.add("seenRows", -gone.length);
    this.raiseWatermark.run(Math.max(...gone.map((row) => Number(row.forget_at_ms))));
  }
}
