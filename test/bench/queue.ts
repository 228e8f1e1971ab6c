import type { Effort, Figure, Part } from "./figures.js";
import { runQueueBench } from "./queue.bench.js";

/** The store: what keeping costs, and whether the queue's length matters. */
export const queue: Part = { name: "queue", run: measure };

async function measure(effort: Effort): Promise<readonly Figure[]> {
  const bench = await runQueueBench({ lengths: effort.queueLengths, turns: effort.queueTurns });
  const turns = bench.costs.map(
    (cost): Figure => ({
      id: `queue.turn-${cost.queuedCount}`,
      what: `pick the most urgent of ${cost.queuedCount} and settle it, one commit`,
      value: cost.turnMs,
      unit: "ms",
      aim: null,
    }),
  );
  const readies = bench.costs.map(
    (cost): Figure => ({
      id: `queue.ready-${cost.queuedCount}`,
      what: `pick alone, ${cost.queuedCount} queued`,
      value: cost.readyMs,
      unit: "ms",
      aim: null,
    }),
  );
  return [
    {
      id: "queue.kept-alone",
      what: "messages kept durably, one commit each",
      value: bench.keptPerSecondAlone,
      unit: "1/s",
      aim: null,
    },
    {
      id: "queue.kept-in-groups",
      what: "messages kept durably, all at once",
      value: bench.keptPerSecondInGroups,
      unit: "1/s",
      aim: null,
    },
    ...turns,
    ...readies,
    {
      id: "queue.growth",
      what: "a turn at the longest queue as a multiple of one at the shortest",
      value: bench.growth,
      unit: "×",
      aim: "≤ 1.5",
    },
    {
      id: "queue.growth-pick",
      what: "the same of the pick alone: a slow flush hides nothing here",
      value: (bench.costs.at(-1)?.readyMs ?? Number.NaN) / (bench.costs[0]?.readyMs ?? Number.NaN),
      unit: "×",
      aim: "≤ 1.5",
    },
  ];
}
