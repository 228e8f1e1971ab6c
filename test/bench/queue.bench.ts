import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@estafette/contract";
import { type NewMessage, openSpool, type Spool } from "@estafette/spool";

/** What the queue costs at one length. Times are medians, wall-clock milliseconds of this machine. */
export interface QueueCost {
  readonly queuedCount: number;
  /** One turn of a lane: ask for the most urgent leg, settle it as taken (one commit). */
  readonly turnMs: number;
  /** Asking alone: the index probes. */
  readonly readyMs: number;
  /** Asking with nothing due, the case that is slow in queues without an index for it. */
  readonly nothingReadyMs: number;
  /** Looking up one message by its key, and those for a destination prefix. */
  readonly lookUpMs: number;
  readonly prefixMs: number;
}

export interface QueueBench {
  readonly costs: readonly QueueCost[];
  /** The longest queue's turn as a multiple of the shortest queue's; the budget is 1.5. */
  readonly growth: number;
  readonly keptPerSecondAlone: number;
  readonly keptPerSecondInGroups: number;
}

export interface QueueBenchOptions {
  /** Queue lengths, ascending. Default 1 000, 100 000, 1 000 000. */
  readonly lengths?: readonly number[];
  /** Turns measured at each length, default 1 000. */
  readonly turns?: number;
  /** Where the store is made, default the system's temporary directory. */
  readonly directory?: string;
}

const LINKS = ["radio", "satellite", "harbour", "island"] as const;
const SENDERS = 100;
const CLASSES = ["priority", "normal", "bulk"] as const;
const LIFETIME_MS = 86_400_000;
const NEIGHBOUR = new Uint8Array(16).fill(9);
const FILL_AT_ONCE = 500;
const QUOTA_BYTES = 8 * 2 ** 30;

/** Fills one store to each length in turn and measures. Prints nothing. */
export async function runQueueBench(options: QueueBenchOptions = {}): Promise<QueueBench> {
  const { lengths = [1_000, 100_000, 1_000_000], turns = 1_000, directory = tmpdir() } = options;
  const place = mkdtempSync(join(directory, "estafette-queue-"));
  const open = (name: string): Promise<Spool> =>
    openSpool({ directory: join(place, name), clock: machineClock(), quotaBytes: QUOTA_BYTES });
  const forRates = await open("rates");
  const spool = await open("queue");
  try {
    const rates = await keepRates(forRates);
    const costs: QueueCost[] = [];
    for (const length of lengths) {
      await fillTo(spool, length);
      costs.push(await costAt(spool, length, turns));
    }
    const first = costs[0]?.turnMs ?? 1;
    const last = costs.at(-1)?.turnMs ?? 1;
    return { costs, growth: last / first, ...rates };
  } finally {
    await forRates.close();
    await spool.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** A table for people. */
export function queueTable(bench: QueueBench): string {
  const head = "queued       turn ms   ready ms   nothing ready ms   look-up ms   prefix ms";
  const rows = bench.costs.map((cost) =>
    [
      String(cost.queuedCount).padEnd(11),
      cost.turnMs.toFixed(3).padStart(9),
      cost.readyMs.toFixed(4).padStart(10),
      cost.nothingReadyMs.toFixed(4).padStart(18),
      cost.lookUpMs.toFixed(4).padStart(12),
      cost.prefixMs.toFixed(4).padStart(11),
    ].join(" "),
  );
  const rates = [
    `a turn at the longest queue costs ${bench.growth.toFixed(2)} times one at the shortest (budget 1.5)`,
    `${Math.round(bench.keptPerSecondAlone)} messages/s kept one by one, ` +
      `${Math.round(bench.keptPerSecondInGroups)} in groups`,
  ];
  return [head, ...rows, ...rates].join("\n");
}

let nextSequence = 1;

function message(link: string): NewMessage {
  const sequence = nextSequence++;
  const destination = new Uint8Array(16);
  new DataView(destination.buffer).setUint32(0, Math.imul(sequence, 2_654_435_761));
  return {
    key: { origin: new Uint8Array(16).fill(1), epoch: 1, sequence },
    submissionId: `S${sequence}`,
    account: `user ${sequence % SENDERS}`,
    from: "anna@ship.example",
    to: ["ben@shore.example"],
    destination,
    mode: "end-to-end",
    class: CLASSES[sequence % CLASSES.length] ?? "normal",
    lifetimeMs: LIFETIME_MS + (sequence % 1_000) * 1_000,
    receipt: false,
    body: new Uint8Array(300).fill(sequence & 0xff),
    bodyKind: "text",
    hop: { link, neighbour: NEIGHBOUR },
  };
}

async function fillTo(spool: Spool, length: number): Promise<void> {
  let waiting = (await spool.stats()).waitingCount.reduce((sum, count) => sum + count, 0);
  while (waiting < length) {
    const count = Math.min(FILL_AT_ONCE, length - waiting);
    const batch = Array.from({ length: count }, (_, index) =>
      message(LINKS[index % LINKS.length] ?? "radio"),
    );
    await spool.acceptMessages(batch);
    waiting += count;
  }
}

async function costAt(spool: Spool, queuedCount: number, turns: number): Promise<QueueCost> {
  const where = { link: "radio", neighbour: NEIGHBOUR, limit: 1 };
  // Half of what is measured, before it is: the compiler and the page cache settle.
  await turnsOf(spool, where, Math.ceil(turns / 2));
  const turnMs = await turnsOf(spool, where, turns);
  const readyMs = await perCall(turns, () => spool.ready(where));
  const nothingReadyMs = await perCall(turns, () => spool.ready({ ...where, link: "elsewhere" }));
  const key = { origin: new Uint8Array(16).fill(1), epoch: 1, sequence: nextSequence - 1 };
  const lookUpMs = await perCall(turns, () => spool.message(key));
  const prefix = Uint8Array.of(0x9e, 0x37);
  const prefixMs = await perCall(turns, () => spool.messagesFor(prefix, 10));
  return { queuedCount, turnMs, readyMs, nothingReadyMs, lookUpMs, prefixMs };
}

/** Settles the next leg again and again and puts a new message behind, so that the length stays. */
async function turnsOf(spool: Spool, where: Parameters<Spool["ready"]>[0], turns: number): Promise<number> {
  const spentMs: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const startMs = performance.now();
    const [leg] = await spool.ready(where);
    if (leg === undefined) throw new Error("a leg is ready");
    await spool.settleLeg(leg.legId, { outcome: "taken" });
    spentMs.push(performance.now() - startMs);
    await spool.acceptMessages([message("radio")]);
  }
  return median(spentMs);
}

async function perCall(calls: number, call: () => Promise<unknown>): Promise<number> {
  const spentMs: number[] = [];
  for (let count = 0; count < calls; count++) {
    const startMs = performance.now();
    await call();
    spentMs.push(performance.now() - startMs);
  }
  return median(spentMs);
}

/** What a call usually costs; a mean would measure the other programs of this machine. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function keepRates(
  spool: Spool,
): Promise<{ keptPerSecondAlone: number; keptPerSecondInGroups: number }> {
  const alone = 300;
  const startMs = performance.now();
  for (let count = 0; count < alone; count++) await spool.acceptMessages([message("rates")]);
  const betweenMs = performance.now();
  const together = 3_000;
  await Promise.all(Array.from({ length: together }, () => spool.acceptMessages([message("rates")])));
  const endMs = performance.now();
  return {
    keptPerSecondAlone: (alone * 1_000) / (betweenMs - startMs),
    keptPerSecondInGroups: (together * 1_000) / (endMs - betweenMs),
  };
}

function machineClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    bootId: () => "bench",
    unixMs: () => Date.now(),
    trust: () => "trusted",
    timer(delayMs, onElapsed) {
      if (delayMs === 0) {
        const soon = setImmediate(onElapsed);
        return () => clearImmediate(soon);
      }
      const later = setTimeout(onElapsed, delayMs);
      return () => clearTimeout(later);
    },
  };
}
