import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const WORKLOAD = join(here, "workload.mjs");

/** Memory, where there is such a place: the recorder decides what is durable, not the disk. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Whether recordings are possible here: Linux with a C compiler. */
export const canRecord =
  process.platform === "linux" && spawnSync("cc", ["--version"], { stdio: "ignore" }).status === 0;

/** A new directory that {@link Places.clear} removes. */
export class Places {
  private readonly made: string[] = [];

  make(name: string): string {
    const place = mkdtempSync(join(ROOT, `estafette-${name}-`));
    this.made.push(place);
    return place;
  }

  clear(): void {
    for (const place of this.made.splice(0)) rmSync(place, { recursive: true, force: true });
  }
}

/** Compiles the recorder into `place` and returns the library's path. */
export function compileRecorder(place: string): string {
  const library = join(place, "recorder.so");
  const source = join(here, "recorder.c");
  const { status, stderr } = spawnSync("cc", [
    "-shared",
    "-fPIC",
    "-O1",
    "-o",
    library,
    source,
    "-ldl",
    "-lpthread",
  ]);
  if (status !== 0) throw new Error(`the recorder does not compile: ${stderr}`);
  return library;
}

/** One run of the workload, under the recorder when a library is named. */
export interface Run {
  readonly state: string;
  readonly journal: string;
  readonly seed: number;
  readonly rounds: number;
  readonly firstItem: number;
  readonly synchronous: "FULL" | "NORMAL" | "OFF";
}

export function workloadArguments(run: Run): string[] {
  const { state, journal, seed, rounds, firstItem, synchronous } = run;
  return [WORKLOAD, state, journal, String(seed), String(rounds), String(firstItem), synchronous];
}

/** Runs the workload to its end. `faults` are variables of the recorder, see recorder.c. */
export function runRecorded(
  run: Run,
  recorder: { readonly library: string; readonly log: string; readonly faults?: Record<string, string> },
): { readonly status: number | null; readonly stderr: string } {
  const env = {
    ...process.env,
    LD_PRELOAD: recorder.library,
    CRASH_DIR: run.state,
    CRASH_JOURNAL: run.journal,
    CRASH_LOG: recorder.log,
    ...recorder.faults,
  };
  const { status, stderr } = spawnSync(process.execPath, workloadArguments(run), { env, encoding: "utf8" });
  return { status, stderr };
}

/** The number a variable of the environment gives, or `otherwise`. */
export function countFrom(variable: string, otherwise: number): number {
  const value = Number(process.env[variable] ?? "");
  return Number.isInteger(value) && value > 0 ? value : otherwise;
}

/** Small, fast and the same in each run; for tests only. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
