import { type Clock, type Rng, uniformBelow } from "@estafette/contract";

/** When to try again after failed sessions, as the vendor's table has it: each wait is drawn evenly up to its bound, the
 *  last one is kept in full and repeats. */
export class RetryTable {
  #failures = 0;
  #nextMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly rng: Rng,
    /** Bounds in milliseconds, at least one. */
    private readonly boundsMs: readonly number[],
  ) {}

  /** Milliseconds until the next try; 0: now. */
  get waitMs(): number {
    return Math.max(0, this.#nextMs - this.clock.monotonicMs());
  }

  /** A session failed. `atLeastMs`: what its status asks for. Returns the wait. */
  failed(atLeastMs: number): number {
    const boundMs = this.boundsMs[Math.min(this.#failures, this.boundsMs.length - 1)] ?? 0;
    const isLast = this.#failures >= this.boundsMs.length - 1;
    this.#failures++;
    const drawnMs = isLast || boundMs === 0 ? boundMs : uniformBelow(this.rng, boundMs + 1);
    const waitMs = Math.max(drawnMs, atLeastMs);
    this.#nextMs = this.clock.monotonicMs() + waitMs;
    return waitMs;
  }

  /** A session took place, or the network is back: the next try is free. */
  reset(): void {
    this.#failures = 0;
    this.#nextMs = 0;
  }
}
