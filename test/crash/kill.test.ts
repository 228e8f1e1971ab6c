import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openSpool } from "@estafette/spool";
import { afterEach, describe, expect, it } from "vitest";
import { brokenPromises, readJournal, stillClock } from "./expectations.js";
import { countFrom, Places, type Run, seeded, workloadArguments } from "./toolchain.js";

const places = new Places();
afterEach(() => places.clear());

/** Starts the workload, and kills it at once and without warning `delayMs` after it began to work. */
function killAfter(
  run: Run,
  delayMs: number,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, workloadArguments(run), {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8");
    });
    child.once("message", () => setTimeout(() => child.kill("SIGKILL"), delayMs));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stderr }));
  });
}

describe("the process is killed at any moment", () => {
  it("nothing acknowledged is lost, cycle after cycle on one store", { timeout: 1_200_000 }, async () => {
    const place = places.make("kill");
    const run = {
      state: join(place, "state"),
      journal: join(place, "journal"),
      seed: 3,
      synchronous: "FULL",
    } as const;
    const chance = seeded(3);
    const cycles = countFrom("KILL_CYCLES", 40);
    let promises = 0;
    for (let cycle = 1; cycle <= cycles; cycle++) {
      const { code, stderr } = await killAfter(
        { ...run, rounds: 1_000_000, firstItem: cycle * 100_000 },
        Math.floor(chance() * 60),
      );
      expect({ code, stderr }).toEqual({ code: null, stderr: "" });
      const journal = readJournal(readFileSync(run.journal, "utf8"));
      // The lists of a store are short; older items were looked at in their own cycle, the counters cover them.
      const recent = new Map([...journal].filter(([item]) => Number(item.slice(1)) >= (cycle - 1) * 100_000));
      promises = [...journal.values()].filter((one) => one.acknowledged !== "none").length;
      const store = await openSpool({ directory: run.state, clock: stillClock(`look ${cycle}`) });
      expect(await brokenPromises(store, recent)).toEqual([]);
      await store.close();
    }
    expect(promises).toBeGreaterThan(cycles);
  });
});
