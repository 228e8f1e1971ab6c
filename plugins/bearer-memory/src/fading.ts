import { type Rng, uniformBelow } from "@estafette/contract";
import { MEMORY_LIMITS } from "./limits.js";
import type { Bursts } from "./profile.js";

/** Whether the channel is in a bad time now. Begins fair; draws the next change only when it is asked about. */
export class Fading {
  #bad = false;
  #changesAtMs: number;

  constructor(
    private readonly bursts: Bursts,
    private readonly rng: Rng,
  ) {
    this.#changesAtMs = this.#draw(bursts.everyMs);
  }

  isBad(nowMs: number): boolean {
    for (let changes = 0; this.#changesAtMs <= nowMs && changes < MEMORY_LIMITS.changesMax; changes++) {
      this.#bad = !this.#bad;
      this.#changesAtMs += this.#draw(this.#bad ? this.bursts.meanMs : this.bursts.everyMs);
    }
    // After a silence longer than all these changes last, the past no longer matters.
    if (this.#changesAtMs <= nowMs) this.#changesAtMs = nowMs + this.#draw(this.bursts.everyMs);
    return this.#bad;
  }

  /** Exponential with this mean, at least 1 ms. */
  #draw(meanMs: number): number {
    const evenly = (uniformBelow(this.rng, 1_000_000) + 1) / 1_000_001;
    return Math.max(1, -Math.log(evenly) * meanMs);
  }
}
