import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { OperatingError } from "@estafette/contract";
import Database from "better-sqlite3";
import { diskFault, errorCode } from "./files.js";
import { SPOOL_LIMITS } from "./limits.js";

/** What may be bound to a statement or come out of one. */
export type Value = number | string | Uint8Array | null;
export type Row = Readonly<Record<string, Value>>;

/** A compiled statement. Rows are typed by the caller, who wrote the columns beside it. */
export interface Statement<R = Row> {
  get(...values: readonly Value[]): R | undefined;
  all(...values: readonly Value[]): R[];
  run(...values: readonly Value[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
}

/** SQLite older than this corrupts in rare checkpoint races (SQLite release notes 3.51.3, reliability §0.9). */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** The one connection of a store: every rule about durability is set, and checked, here. */
export class Connection {
  private readonly database: Database.Database;
  private readonly walPath: string;
  private readonly statements = new Map<string, Database.Statement>();

  /** @throws OperatingError EST_OPERATING_LOCKED when another process has the database open. */
  constructor(
    directory: string,
    private readonly quotaBytes: number,
    private readonly synchronous: "FULL" | "NORMAL" | "OFF",
  ) {
    const path = join(directory, "spool.db");
    this.walPath = `${path}-wal`;
    this.database = new Database(path, { timeout: 0 });
    try {
      this.configure();
    } catch (error) {
      this.database.close();
      if (errorCode(error) === "SQLITE_BUSY") {
        throw new OperatingError("EST_OPERATING_LOCKED", `${path} is in use`, { cause: error });
      }
      throw error;
    }
  }

  private configure(): void {
    // Before anything that reads: the kernel drops this lock with the process, and the log's index stays out of
    // a shared file.
    this.exec("PRAGMA locking_mode = EXCLUSIVE");
    assertVersion(this.text("SELECT sqlite_version()"));
    this.exec(`PRAGMA page_size = ${SPOOL_LIMITS.pageBytes}`);
    this.exec("PRAGMA auto_vacuum = INCREMENTAL");
    if (this.text("PRAGMA journal_mode = WAL") !== "wal") throw diskFault("the database refuses its log");
    this.exec(`PRAGMA synchronous = ${this.synchronous}`);
    // An automatic checkpoint swallows I/O errors; ours in checkpoint() does not.
    this.exec("PRAGMA wal_autocheckpoint = 0");
    this.exec(`PRAGMA journal_size_limit = ${SPOOL_LIMITS.walBytesMax}`);
    this.exec(`PRAGMA max_page_count = ${Math.floor(this.quotaBytes / SPOOL_LIMITS.pageBytes)}`);
    // An I/O error in a mapped page is a signal that kills the process.
    this.exec("PRAGMA mmap_size = 0");
    this.exec("PRAGMA cell_size_check = ON");
    this.exec("PRAGMA foreign_keys = ON");
    this.exec("PRAGMA trusted_schema = OFF");
    this.exec("PRAGMA secure_delete = ON");
    this.exec("PRAGMA temp_store = MEMORY");
    this.exec("PRAGMA cache_size = -8000");
  }

  /** Call after the first write: better-sqlite3 is built to fall back to NORMAL there (reliability §0.2). */
  assertSynchronous(): void {
    const wanted = { OFF: 0, NORMAL: 1, FULL: 2 }[this.synchronous];
    if (this.number("PRAGMA synchronous") !== wanted) throw diskFault("the database does not sync its log");
  }

  prepare<R = Row>(sql: string): Statement<R> {
    return this.database.prepare<Value[], R>(sql) as Statement<R>;
  }

  exec(sql: string): void {
    this.database.exec(sql);
  }

  /** Like {@link exec} for BEGIN, COMMIT and savepoints, which come with every change: compiled once. */
  control(sql: string): void {
    this.compiled(sql, false).run();
  }

  number(sql: string): number {
    const value: unknown = this.compiled(sql, true).get();
    return typeof value === "number" ? value : Number.NaN;
  }

  text(sql: string): string {
    const value: unknown = this.database.prepare(sql).pluck().get();
    return typeof value === "string" ? value : "";
  }

  /** Only for statements written in this package, of which there are few. */
  private compiled(sql: string, isReading: boolean): Database.Statement {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const fresh = this.database.prepare(sql);
    if (isReading) fresh.pluck();
    this.statements.set(sql, fresh);
    return fresh;
  }

  get inTransaction(): boolean {
    return this.database.inTransaction;
  }

  /** Bytes of pages that hold something. */
  usedBytes(): number {
    const pages = this.number("PRAGMA page_count") - this.number("PRAGMA freelist_count");
    return pages * SPOOL_LIMITS.pageBytes;
  }

  walBytes(): number {
    return existsSync(this.walPath) ? statSync(this.walPath).size : 0;
  }

  /** Copies the log back into the database and cuts it to zero. Throws what SQLite throws. */
  checkpoint(): void {
    this.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Gives some free pages back to the file system, when there are many. */
  vacuumWhenWorthwhile(): void {
    const { vacuumPages } = SPOOL_LIMITS;
    if (this.number("PRAGMA freelist_count") < 2 * vacuumPages) return;
    this.exec(`PRAGMA incremental_vacuum(${vacuumPages})`);
  }

  /** Sentences about what is wrong; empty when the database is sound. */
  quickCheck(): readonly string[] {
    const rows = this.prepare<{ quick_check: string }>("PRAGMA quick_check(20)").all();
    return rows.map((row) => row.quick_check).filter((sentence) => sentence !== "ok");
  }

  close(): void {
    this.database.close();
  }
}

function assertVersion(version: string): void {
  const parts = version.split(".").map(Number);
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) throw diskFault(`SQLite ${version} is too old; ${OLDEST_SQLITE.join(".")} is needed`);
  }
}
