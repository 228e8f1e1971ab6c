import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "@estafette/contract";
import type { Connection, Row } from "./connection.js";
import { errorCode, syncDirectory, writeDurable } from "./files.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { Meters } from "./meters.js";

/** The stored bytes are not those that were kept. Concerns one item; the store goes on. */
export class DamagedBody extends Error {}

/** A place in the list of file effects to go back to. */
export interface BodyMark {
  readonly written: number;
  readonly dropped: number;
}

/*
 *   keep: bytes ──► bodies/<n>.tmp ──fsync──► bodies/<n> ──fsync(bodies/)──► row committed
 *   drop: row deleted and committed ──► unlink            (a cut between leaves an orphan; open sweeps it)
 */

/** Contents of messages, envelopes and deliveries: small ones in a row, large ones in a file of their own. */
export class Bodies {
  private readonly folder: string;
  private nextNo: number;
  private written: string[] = [];
  private dropped: string[] = [];
  private namesDirty = false;
  private readonly insert;
  private readonly select;
  private readonly remove;

  constructor(
    private readonly connection: Connection,
    private readonly meters: Meters,
    directory: string,
    private readonly reach: (faultPoint: string) => void,
  ) {
    this.folder = join(directory, "bodies");
    this.insert = connection.prepare(
      "INSERT INTO bodies (body_no, body_bytes, sha256, content) VALUES (?, ?, ?, ?)",
    );
    this.select = connection.prepare("SELECT body_bytes, sha256, content FROM bodies WHERE body_no = ?");
    this.remove = connection.prepare(
      "DELETE FROM bodies WHERE body_no = ? RETURNING body_bytes, content IS NULL AS is_file",
    );
    const last = connection.number("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'bodies'");
    this.nextNo = last + 1;
  }

  /** Creates the folder and removes files no row speaks of: leftovers of a cut. Returns how many. */
  sweep(): number {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const known = this.connection.prepare<{ found: number }>(
      "SELECT 1 AS found FROM bodies WHERE body_no = ? AND content IS NULL",
    );
    let swept = 0;
    for (const name of readdirSync(this.folder)) {
      if (/^[0-9]{1,15}$/.test(name) && known.get(Number(name)) !== undefined) continue;
      unlinkSync(join(this.folder, name));
      swept++;
    }
    return swept;
  }

  /** Stores a copy; its name is durable after {@link syncNames}, its row with the commit. */
  keep(bytes: Uint8Array): number {
    invariant(bytes.length <= SPOOL_LIMITS.bodyBytesMax, "a body is within SPOOL_LIMITS.bodyBytesMax");
    const bodyNo = this.nextNo++;
    const isFile = bytes.length > SPOOL_LIMITS.inlineBytesMax;
    this.insert.run(bodyNo, bytes.length, sha256(bytes), isFile ? null : bytes);
    if (!isFile) return bodyNo;
    const path = this.pathOf(bodyNo);
    this.written.push(path);
    this.reach("before-file-write");
    writeDurable(`${path}.tmp`, bytes);
    this.reach("before-file-rename");
    renameSync(`${path}.tmp`, path);
    this.namesDirty = true;
    this.meters.add("fileBytes", bytes.length);
    return bodyNo;
  }

  /** @throws DamagedBody when the bytes are missing or not the ones kept. */
  read(bodyNo: number): Uint8Array {
    const row = this.select.get(bodyNo);
    if (row === undefined) throw new DamagedBody(`body ${bodyNo} has no row`);
    const bytes = row.content instanceof Uint8Array ? plain(row.content) : this.readFile(bodyNo);
    const sound = row.sha256 instanceof Uint8Array && Buffer.compare(sha256(bytes), row.sha256) === 0;
    if (!sound) throw new DamagedBody(`body ${bodyNo} is not what was kept`);
    return bytes;
  }

  drop(bodyNo: number): void {
    const row: Row | undefined = this.remove.get(bodyNo);
    if (row?.is_file !== 1) return;
    this.dropped.push(this.pathOf(bodyNo));
    this.meters.add("fileBytes", -Number(row.body_bytes));
  }

  mark(): BodyMark {
    return { written: this.written.length, dropped: this.dropped.length };
  }

  /** A call was rolled back: its new files go, what it dropped stays. */
  revert(mark: BodyMark): void {
    for (const path of this.written.splice(mark.written)) {
      unlinkIfThere(path);
      unlinkIfThere(`${path}.tmp`);
    }
    this.dropped.length = mark.dropped;
  }

  /** Call before the commit. */
  syncNames(): void {
    if (!this.namesDirty) return;
    this.reach("before-folder-sync");
    syncDirectory(this.folder);
    this.namesDirty = false;
  }

  /** Call after the commit. */
  settle(): void {
    this.written = [];
    const gone = this.dropped;
    this.dropped = [];
    if (gone.length > 0) this.reach("before-unlink");
    for (const path of gone) unlinkIfThere(path);
  }

  private readFile(bodyNo: number): Uint8Array {
    try {
      return plain(readFileSync(this.pathOf(bodyNo)));
    } catch (error) {
      if (errorCode(error) === "ENOENT") throw new DamagedBody(`body ${bodyNo} has no file`);
      throw error;
    }
  }

  private pathOf(bodyNo: number): string {
    return join(this.folder, String(bodyNo));
  }
}

/** The same memory as a plain Uint8Array: what leaves the store is plain data. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
