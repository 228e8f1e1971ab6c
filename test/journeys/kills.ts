import type { seededRng } from "@estafette/conformance";
import { uniformBelow } from "@estafette/contract";
import { type GatewayProcess, timeScale } from "./processes.js";

type Rng = ReturnType<typeof seededRng>;

/** `next` resolves at the next `ring`. */
export interface Bell {
  ring(): void;
  next(): Promise<void>;
}

export function bell(): Bell {
  const waiting: (() => void)[] = [];
  return {
    ring() {
      for (const wake of waiting.splice(0)) wake();
    },
    next: () => new Promise((resolve) => void waiting.push(resolve)),
  };
}

/** Kills each gateway `timesEach` times with -9, in a random order and at random times, and starts it again. */
export async function killAtRandom(options: {
  readonly gateways: readonly GatewayProcess[];
  readonly timesEach: number;
  readonly rng: Rng;
  /** Rung when a mail program calls: every other kill comes just after one, so that a 250 may be lost on its way. */
  readonly calls: Bell;
  /** Told while the killed one lies there as it fell, with how many have fallen so far. */
  readonly onFallen: (gateway: GatewayProcess, count: number) => void;
  /** Ends it, when the journey has failed elsewhere. */
  readonly signal: AbortSignal;
}): Promise<void> {
  const { gateways, timesEach, rng, calls, onFallen, signal } = options;
  const victims = shuffled(Array.from({ length: timesEach }, () => gateways).flat(), rng);
  for (const [i, victim] of victims.entries()) {
    await pause(((1_000 + uniformBelow(rng, 3_000)) * 10) / timeScale);
    if (i % 2 === 0) await Promise.race([calls.next(), pause(3_000)]);
    await pause(uniformBelow(rng, 200));
    if (signal.aborted) return;
    await victim.kill();
    onFallen(victim, i + 1);
    if (signal.aborted) return;
    await victim.start();
  }
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

function shuffled<T>(items: readonly T[], rng: Rng): readonly T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(uniformBelow(rng, left.length), 1));
}
