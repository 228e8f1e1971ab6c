import type { Clock } from "@estafette/contract";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly onElapsed: () => void;
}

/** Time that passes only when told to: timers run in order of time, then of creation, and between two of them every
 *  promise that can settle does. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #lastOrder = 0;
  #timers: Timer[] = [];

  /** `startMs`: how long the machine has been up. */
  constructor(startMs = 1_000) {
    this.#nowMs = startMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  bootId(): string {
    return "virtual";
  }

  unixMs(): number {
    return EPOCH_MS + this.#nowMs;
  }

  trust(): "trusted" {
    return "trusted";
  }

  timer(delayMs: number, onElapsed: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, order: ++this.#lastOrder, onElapsed };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Lets `durationMs` pass. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settlePromises();
    for (let timer = this.#nextUntil(endMs); timer; timer = this.#nextUntil(endMs)) {
      const due = timer;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.onElapsed();
      await settlePromises();
    }
    this.#nowMs = endMs;
  }

  #nextUntil(endMs: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > endMs) continue;
      if (!next || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}

/** A clock that counts the timers given out through it and still pending. */
export function countingClock(clock: Clock): Clock & { readonly pendingTimers: number } {
  let pending = 0;
  return {
    monotonicMs: () => clock.monotonicMs(),
    bootId: () => clock.bootId(),
    unixMs: () => clock.unixMs(),
    trust: () => clock.trust(),
    timer(delayMs, onElapsed) {
      let over = false;
      const end = (): void => {
        if (!over) pending--;
        over = true;
      };
      pending++;
      const cancel = clock.timer(delayMs, () => {
        end();
        onElapsed();
      });
      return () => {
        end();
        cancel();
      };
    },
    get pendingTimers() {
      return pending;
    },
  };
}

/** Chains of promises in this house are shorter than this many steps between two timers. */
async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
}

const EPOCH_MS = Date.UTC(2026, 10, 1);
