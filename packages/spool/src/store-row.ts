import type { Clock } from "@estafette/contract";
import type { Connection } from "./connection.js";
import { Meters } from "./meters.js";
import * as rows from "./rows.js";
import { SpoolTime } from "./spool-time.js";

/** The one row that goes with every commit: spool time and counters. */
export class StoreRow {
  readonly meters: Meters;
  readonly time: SpoolTime;
  private readonly update;
  private writtenAtMs: number;

  constructor(connection: Connection, clock: Clock) {
    const row = connection
      .prepare("SELECT spool_ms, boot_id, monotonic_ms, unix_ms, clock_trusted, meters FROM store")
      .get();
    this.meters = new Meters(row === undefined ? "{}" : rows.text(row, "meters"));
    this.time = new SpoolTime(
      clock,
      row === undefined
        ? null
        : {
            spoolMs: rows.number(row, "spool_ms"),
            bootId: rows.text(row, "boot_id"),
            monotonicMs: rows.number(row, "monotonic_ms"),
            unixMs: rows.number(row, "unix_ms"),
            clockTrusted: row.clock_trusted === 1,
          },
    );
    this.writtenAtMs = this.time.nowMs();
    if (row === undefined) {
      connection.exec(
        `INSERT INTO store (only_row, spool_ms, boot_id, monotonic_ms, unix_ms, clock_trusted, seen_watermark_ms,
         meters) VALUES (1, 0, '', 0, 0, 0, 0, '{}')`,
      );
    }
    this.update = connection.prepare(
      "UPDATE store SET spool_ms = ?, boot_id = ?, monotonic_ms = ?, unix_ms = ?, clock_trusted = ?, meters = ?",
    );
  }

  /** Call inside a transaction. */
  write(): void {
    const t = this.time.stored();
    const { spoolMs, bootId, monotonicMs, unixMs } = t;
    const meters = JSON.stringify(this.meters.readings());
    this.update.run(spoolMs, bootId, monotonicMs, unixMs, t.clockTrusted ? 1 : 0, meters);
    this.writtenAtMs = spoolMs;
  }

  /** Milliseconds of spool time since the last write. */
  ageMs(): number {
    return this.time.nowMs() - this.writtenAtMs;
  }
}
