import { InvariantError } from "@estafette/contract";
import type { Ballast } from "./ballast.js";
import type { Bodies } from "./bodies.js";
import type { Connection } from "./connection.js";
import { diskFull, diskTrouble, errorCode } from "./files.js";
import type { Change } from "./group-commit.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { Meters } from "./meters.js";
import { PowerCut } from "./power-cut.js";
import type { Quota } from "./quota.js";

export type Outcome =
  | { readonly done: true; readonly value: unknown }
  | { readonly done: false; readonly error: unknown };

/** The disk had no room while committing; nothing of this attempt happened. */
const NO_ROOM = Symbol("no room");

/** Runs changes in one SQLite transaction, each in its own savepoint, and survives a full disk. */
export class Transaction {
  constructor(
    private readonly parts: {
      readonly connection: Connection;
      readonly bodies: Bodies;
      readonly meters: Meters;
      readonly quota: Quota;
      readonly ballast: Ballast;
      /** Writes counters and spool time into the one row of `store`. */
      readonly writeStore: () => void;
      readonly reach: (faultPoint: string) => void;
    },
  ) {}

  /**
   * One outcome per change, in order. Throws only what stops the store: I/O errors, corruption, a power cut.
   * SQLite drops the whole transaction when it runs out of pages in the middle of a statement; then everything
   * but the change that asked for too much is run again.
   */
  commit(changes: readonly Change[]): readonly Outcome[] {
    const refused = new Map<Change, unknown>();
    // Each round refuses at least one change more, gives the ballast back, or is the last.
    for (let round = 0; round <= changes.length + 1; round++) {
      const refusedBefore = refused.size;
      const outcomes = this.attempt(changes, refused);
      if (outcomes !== NO_ROOM) return outcomes;
      if (refused.size > refusedBefore || this.parts.ballast.release()) continue;
      const growing = changes.filter((change) => change.growsBytes > 0 && !refused.has(change));
      for (const change of growing.length > 0 ? growing : changes) refused.set(change, diskFull());
    }
    return changes.map((change) => ({ done: false, error: refused.get(change) ?? diskFull() }));
  }

  /** Keeps the write-ahead log within its bound. Throws what stops the store. */
  trim(): void {
    if (this.parts.connection.walBytes() < SPOOL_LIMITS.walBytesMax) return;
    this.parts.reach("before-checkpoint");
    this.copyBack();
    this.parts.reach("after-checkpoint");
  }

  /** Copies the log back. Where the disk has no room even with the ballast given back, the log simply stays. */
  copyBack(): void {
    const { connection, ballast } = this.parts;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        connection.checkpoint();
        return;
      } catch (error) {
        if (diskTrouble(error) !== "full") throw error;
        if (!ballast.release()) return;
      }
    }
  }

  private attempt(changes: readonly Change[], refused: Map<Change, unknown>): Outcome[] | typeof NO_ROOM {
    const { connection, bodies, meters, quota, writeStore, reach } = this.parts;
    const atStart = { readings: meters.readings(), bodies: bodies.mark() };
    const outcomes: Outcome[] = [];
    try {
      connection.control("BEGIN IMMEDIATE");
      quota.measure();
      for (const change of changes) {
        const refusal = refused.get(change) ?? (quota.admits(addedBy(change)) ? null : diskFull());
        outcomes.push(refusal === null ? this.runOne(change, refused) : { done: false, error: refusal });
      }
      writeStore();
      bodies.syncNames();
      reach("before-commit");
      connection.control("COMMIT");
    } catch (error) {
      if (error !== NO_ROOM && diskTrouble(error) !== "full") throw error;
      if (connection.inTransaction) connection.control("ROLLBACK");
      meters.restore(atStart.readings);
      bodies.revert(atStart.bodies);
      return NO_ROOM;
    }
    reach("after-commit");
    bodies.settle();
    return outcomes;
  }

  private runOne(change: Change, refused: Map<Change, unknown>): Outcome {
    const { connection, bodies, meters, ballast } = this.parts;
    const before = { readings: meters.readings(), bodies: bodies.mark() };
    connection.control("SAVEPOINT change");
    try {
      const value = change.run();
      connection.control("RELEASE change");
      return { done: true, value };
    } catch (error) {
      const trouble = diskTrouble(error);
      if (trouble === "fault" || error instanceof PowerCut) throw error;
      if (!connection.inTransaction) {
        if (change.growsBytes > 0 || !ballast.canRelease) refused.set(change, diskFull(error));
        throw NO_ROOM;
      }
      connection.control("ROLLBACK TO change");
      connection.control("RELEASE change");
      meters.restore(before.readings);
      bodies.revert(before.bodies);
      if (trouble === "full" && change.growsBytes === 0 && ballast.release()) throw NO_ROOM;
      return { done: false, error: trouble === "full" ? diskFull(error) : ruled(error) };
    }
  }
}

function addedBy(change: Change): number {
  return change.added?.() ?? change.growsBytes;
}

/** The schema is the last guard of our own statements: what it refuses, our code or its caller got wrong. */
function ruled(error: unknown): unknown {
  if (!errorCode(error).startsWith("SQLITE_CONSTRAINT")) return error;
  const sentence = error instanceof Error ? error.message : "a rule of the schema";
  return new InvariantError("EST_INVARIANT", `the schema refused a change: ${sentence}`, { cause: error });
}
