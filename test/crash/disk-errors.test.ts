import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openSpool } from "@estafette/spool";
import { afterEach, describe, expect, it } from "vitest";
import { brokenPromises, readJournal, stillClock } from "./expectations.js";
import { readRecording } from "./recording.js";
import { canRecord, compileRecorder, countFrom, Places, runRecorded } from "./toolchain.js";

const places = new Places();
afterEach(() => places.clear());

const ROUNDS = 25;
const EX_TEMPFAIL = 75;

/** A place with a compiled recorder, and the workload with a fault in its disk. */
function workshop() {
  const place = places.make("disk-errors");
  const library = compileRecorder(place);
  let runs = 0;
  return (faults: Record<string, string>) => {
    const own = join(place, String(++runs));
    const run = { state: `${own}-state`, journal: `${own}-journal`, seed: 5, rounds: ROUNDS, firstItem: 1 };
    const log = `${own}-log`;
    const result = runRecorded({ ...run, synchronous: "FULL" }, { library, log, faults });
    return { ...run, log, ...result };
  };
}

async function brokenIn(run: {
  readonly state: string;
  readonly journal: string;
}): Promise<readonly string[]> {
  const store = await openSpool({ directory: run.state, clock: stillClock(), ballastBytes: 0 });
  try {
    return await brokenPromises(store, readJournal(readFileSync(run.journal, "utf8")));
  } finally {
    await store.close();
  }
}

/** At most `most` numbers from 1 to `last`, spread evenly; all of them when there are few. */
function spread(last: number, most: number): number[] {
  const step = Math.max(1, last / most);
  return [
    ...new Set(Array.from({ length: Math.min(most, last) }, (_, index) => 1 + Math.floor(index * step))),
  ];
}

describe.skipIf(!canRecord)("the disk fails", () => {
  it("a sync that fails stops the store, and nothing acknowledged is lost", {
    timeout: 600_000,
  }, async () => {
    const work = workshop();
    const whole = work({});
    expect(whole.status).toBe(0);
    const acts = readRecording(whole.log);
    const firstPromise = acts.findIndex(({ kind }) => kind === "J");
    const syncs = acts.filter(({ kind }) => kind === "S" || kind === "D");
    expect(syncs.length).toBeGreaterThan(50);
    for (const at of spread(syncs.length, countFrom("EIO_RUNS", 25))) {
      const run = work({ CRASH_SYNC_EIO: String(at) });
      const act = syncs[at - 1]!;
      // SQLite overlooks some errors while it makes a new database, and that the folder of a new log cannot be
      // synced; the store copies the log back and syncs that folder itself before it promises anything.
      const isFolder = act.kind === "D" && !act.path.endsWith("/bodies");
      const mayGoOn = isFolder || acts.indexOf(act) < firstPromise;
      expect([EX_TEMPFAIL, mayGoOn ? 0 : EX_TEMPFAIL], `sync ${at} of ${act.path}`).toContain(run.status);
      if (readJournalIfAny(run.journal) !== "") expect(await brokenIn(run)).toEqual([]);
    }
  });

  it("a disk that is full for a while refuses, goes on and loses nothing", { timeout: 600_000 }, async () => {
    const work = workshop();
    const whole = work({});
    const writeCount = readRecording(whole.log).filter(({ kind }) => kind === "W").length;
    let finished = 0;
    for (const at of spread(writeCount, countFrom("ENOSPC_RUNS", 20))) {
      const run = work({ CRASH_WRITE_ENOSPC: `${at},${1 + (at % 40)}` });
      // A store that is being opened may find no room; one that is open refuses and goes on.
      const mayStop = run.stderr.startsWith("EST_OPERATING_DISK_FULL") ? EX_TEMPFAIL : 0;
      expect([0, mayStop], `write ${at}: ${run.stderr}`).toContain(run.status);
      if (run.status === 0) finished++;
      if (readJournalIfAny(run.journal) !== "")
        expect({ at, broken: await brokenIn(run) }).toEqual({ at, broken: [] });
    }
    expect(finished).toBeGreaterThan(5);
  });
});

function readJournalIfAny(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
