import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool } from "@estafette/spool";
import fc from "fast-check";
import { expect, it } from "vitest";
import { HISTORY_ACTS, liveHistory } from "./spool-history.js";
import { SpoolWorld } from "./spool-world.js";

const root = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const RUNS = Number(process.env.SPOOL_HISTORIES ?? 100);

const step = fc.record({
  act: fc.constantFrom(...HISTORY_ACTS),
  pick: fc.nat({ max: 200 }),
  more: fc.nat({ max: 200 }),
});

it("the disk spool does in any history what the model does", { timeout: 600_000 }, async () => {
  let lived = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
    const directory = await mkdtemp(join(root, "estafette-history-"));
    const stores = new Map<object, { abandon(): void }>();
    const world = await SpoolWorld.make(async (clock) => ({
      async open() {
        const spool = await openSpool({ directory, clock, ballastBytes: 0 });
        stores.set(spool, spool);
        return spool;
      },
      crash: (spool) => stores.get(spool)?.abandon(),
      dispose: () => rm(directory, { recursive: true, force: true }),
    }));
    try {
      await liveHistory(world, steps);
      lived += steps.length;
    } finally {
      await world.dispose();
    }
  });
  await fc.assert(property, { numRuns: RUNS });
  expect(lived).toBeGreaterThan(RUNS * 10);
});
