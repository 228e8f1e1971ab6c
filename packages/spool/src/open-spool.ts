import { existsSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Clock, ConfigError } from "@estafette/contract";
import { Ballast } from "./ballast.js";
import { Bodies } from "./bodies.js";
import { Connection } from "./connection.js";
import { DiskSpool, type Parts } from "./disk-spool.js";
import { diskFault, diskFull, diskTrouble, syncDirectory, writeDurable } from "./files.js";
import { GroupCommit } from "./group-commit.js";
import { SPOOL_LIMITS } from "./limits.js";
import { DirectoryLock } from "./lock.js";
import { type FaultPoint, marked } from "./power-cut.js";
import { Quota } from "./quota.js";
import { migrate } from "./schema.js";
import type { Store } from "./store.js";
import { StoreRow } from "./store-row.js";
import { Tables } from "./tables.js";
import { Transaction } from "./transaction.js";

export interface SpoolOptions {
  /** A directory of its own, made when missing (mode 0700). */
  readonly directory: string;
  readonly clock: Clock;
  /** Bytes of database and bodies together [1 MiB…], default 1 GiB. */
  readonly quotaBytes?: number;
  /** Most changes in one commit, default 50, and how long one waits for company, default 0 ms: while one
   *  commit blocks, others gather by themselves. */
  readonly groupCommit?: { readonly messagesMax?: number; readonly delayMs?: number };
  /** Bytes set aside for a full disk, default 4 MiB; 0 for worlds of many stores on one disk that cannot fill. */
  readonly ballastBytes?: number;
  /** A no-op in production. When it throws, the store is cut off as by a power cut and nobody waiting hears again. */
  readonly faultPoint?: FaultPoint;
  /** LOSES ACKNOWLEDGED MAIL on a power cut. Only so that the crash test can show that it would notice. */
  readonly unsafeSynchronous?: "NORMAL" | "OFF";
}

/**
 * Opens the durable store in a directory, making or migrating it.
 * @throws OperatingError EST_OPERATING_LOCKED when another process or store has the directory;
 *   EST_OPERATING_DISK_FAULT when it cannot be read or is damaged; EST_OPERATING_DISK_FULL when there is no room
 *   to make it.
 * @throws ConfigError EST_CONFIG_VALUE when a newer release or another program wrote it.
 */
export async function openSpool(options: SpoolOptions): Promise<DiskSpool> {
  const quotaBytes = options.quotaBytes ?? SPOOL_LIMITS.quotaBytesDefault;
  if (!(quotaBytes >= SPOOL_LIMITS.quotaBytesMin)) {
    throw new ConfigError("EST_CONFIG_VALUE", `the spool needs at least ${SPOOL_LIMITS.quotaBytesMin} bytes`);
  }
  try {
    makeDirectory(options.directory);
    const lock = DirectoryLock.take(options.directory, options.clock.bootId());
    try {
      return openLocked(options, quotaBytes, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    const trouble = diskTrouble(error);
    if (trouble === null) throw error;
    if (trouble === "full") throw diskFull(error);
    throw diskFault(`the spool in ${options.directory} cannot be opened`, error);
  }
}

function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  syncDirectory(dirname(directory));
}

function openLocked(options: SpoolOptions, quotaBytes: number, lock: DirectoryLock): DiskSpool {
  const { directory } = options;
  const connection = new Connection(directory, quotaBytes, options.unsafeSynchronous ?? "FULL");
  try {
    // SQLite overlooks an error of the sync that makes a new database one with a log; copying the log back
    // writes that page again, and reports.
    if (migrate(connection)) connection.checkpoint();
    checkAfterFault(connection, directory);
    return assemble(options, quotaBytes, lock, connection);
  } catch (error) {
    connection.close();
    throw error;
  }
}

function assemble(
  options: SpoolOptions,
  quotaBytes: number,
  lock: DirectoryLock,
  connection: Connection,
): DiskSpool {
  const { directory, clock } = options;
  const reach = marked(options.faultPoint);
  const storeRow = new StoreRow(connection, clock);
  const { meters, time } = storeRow;
  const bodies = new Bodies(connection, meters, directory, reach);
  const ballast = new Ballast(directory, options.ballastBytes ?? SPOOL_LIMITS.ballastBytes);
  const quota = new Quota({ connection, meters, ballast, directory, quotaBytes });
  const store: Store = { connection, meters, bodies, nowMs: () => time.nowMs() };
  const tables = new Tables(store, quotaBytes);
  const writeStore = (): void => storeRow.write();
  const transaction = new Transaction({ connection, bodies, meters, quota, ballast, writeStore, reach });

  bodies.sweep();
  ballast.restore();
  const [outcome] = transaction.commit([{ growsBytes: 0, run: () => tables.deliveries.markInterrupted() }]);
  if (!outcome?.done) throw outcome?.error;
  connection.assertSynchronous();
  syncDirectory(directory);

  let stopTimer = (): void => {};
  const shut: Parts["shut"] = (how) => {
    stopTimer();
    if (how === "whole") transaction.copyBack();
    connection.close();
    if (how === "cut") lock.abandon();
    else lock.release();
  };
  const onFault = (): void => leaveFaultMark(directory);
  const onPowerCut = (): void => spool.abandon();
  const settings = {
    messagesMax: options.groupCommit?.messagesMax ?? SPOOL_LIMITS.groupMessagesMax,
    delayMs: options.groupCommit?.delayMs ?? 0,
  };
  const group = new GroupCommit(clock, transaction, settings, onFault, onPowerCut);
  const spool = new DiskSpool({ store, tables, group, fill: () => quota.fill(), shut });
  const persist = (): void => {
    stopTimer = clock.timer(SPOOL_LIMITS.timePersistMs, () => {
      persist();
      if (storeRow.ageMs() >= SPOOL_LIMITS.timePersistMs)
        group.background(() => connection.vacuumWhenWorthwhile());
    });
  };
  persist();
  return spool;
}

/** The sentence for whoever looks into the directory, and the reason to check the database at the next start. */
function leaveFaultMark(directory: string): void {
  try {
    writeDurable(join(directory, "fault"), new TextEncoder().encode("an I/O error stopped this spool\n"));
  } catch (error) {
    // The disk has just failed; that this too fails adds nothing.
    if (diskTrouble(error) === null) throw error;
  }
}

function checkAfterFault(connection: Connection, directory: string): void {
  const mark = join(directory, "fault");
  if (!existsSync(mark)) return;
  const [wrong] = connection.quickCheck();
  if (wrong !== undefined) throw diskFault(`the database is damaged: ${wrong}`);
  unlinkSync(mark);
}
