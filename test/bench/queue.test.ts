import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { queueTable, runQueueBench } from "./queue.bench.js";

/** `npm run bench` goes to a million; here the shape of the curve is watched. */
const LENGTHS = (process.env.QUEUE_LENGTHS ?? "1000,20000").split(",").map(Number);

/** In memory where there is such a place: what is left is our own work, not the moods of a shared disk. */
const MEMORY = existsSync("/dev/shm") ? { directory: "/dev/shm" } : {};

it("a turn of the queue costs the same at any length", { timeout: 1_200_000, retry: 2 }, async () => {
  const bench = await runQueueBench({ lengths: LENGTHS, turns: 300, ...MEMORY });
  console.log(`${queueTable(bench)}\n${JSON.stringify(bench)}`);
  expect(bench.costs).toHaveLength(LENGTHS.length);
  expect(bench.growth).toBeLessThanOrEqual(1.5);
});
