import { invariant } from "@estafette/contract";
import type { Row } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { EnvelopeId, Failure, MessageKey, Untold } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

const INSERT = `INSERT INTO untold (kind, origin, epoch, sequence, submission_id, sender, failures, end_state, reason,
  detail, envelope_id, context, delivered_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** What a new row says; everything but its number. */
export type NewUntold = Omit<Untold, "untoldId">;

/** Bad ends somebody is still to be told of. Written with the end, removed with what tells them. */
export class UntoldTable {
  private readonly insertRow;
  private readonly selectOldest;
  private readonly deleteRow;
  private readonly deleteOldest;

  constructor(store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    this.insertRow = prepare(INSERT);
    this.selectOldest = prepare("SELECT * FROM untold ORDER BY untold_no LIMIT ?");
    this.deleteRow = prepare("DELETE FROM untold WHERE untold_no = ?");
    this.deleteOldest = prepare("DELETE FROM untold WHERE untold_no <= ?");
  }

  add(one: NewUntold): void {
    const { key, failures } = one;
    invariant(
      failures.length <= SPOOL_LIMITS.recipientsMax,
      "failures are within SPOOL_LIMITS.recipientsMax",
    );
    const { lastInsertRowid } = this.insertRow.run(
      one.kind,
      key?.origin ?? null,
      key?.epoch ?? null,
      key?.sequence ?? null,
      one.submissionId,
      one.from,
      JSON.stringify(failures.map((f) => ({ ...f, detail: rows.detailColumn(f.detail) }))),
      one.end,
      one.reason,
      rows.detailColumn(one.detail),
      one.envelopeId,
      one.context,
      one.deliveredCount,
    );
    // Numbers only grow, so this keeps at most the newest untoldRowsMax without counting them.
    const forgottenNo = Number(lastInsertRowid) - SPOOL_LIMITS.untoldRowsMax;
    if (forgottenNo > 0) this.deleteOldest.run(forgottenNo);
  }

  list(limit: number): readonly Untold[] {
    return this.selectOldest.all(rows.rowsColumn(limit)).map(toUntold);
  }

  /** False when it is gone: somebody was told before. */
  remove(untoldId: number): boolean {
    return this.deleteRow.run(untoldId).changes === 1;
  }
}

function toUntold(row: Row): Untold {
  return {
    untoldId: rows.number(row, "untold_no"),
    kind: rows.text(row, "kind") as Untold["kind"],
    key: row.origin === null ? null : (rows.keyOf(row) satisfies MessageKey),
    submissionId: rows.text(row, "submission_id"),
    from: rows.text(row, "sender"),
    failures: JSON.parse(rows.text(row, "failures")) as readonly Failure[],
    end: rows.text(row, "end_state") as Untold["end"],
    reason: rows.number(row, "reason"),
    detail: rows.text(row, "detail"),
    envelopeId: rows.bytesOrNull(row, "envelope_id") satisfies EnvelopeId | null,
    context: rows.bytes(row, "context"),
    deliveredCount: rows.number(row, "delivered_count"),
  };
}
