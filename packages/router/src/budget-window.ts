import { LIMITS } from "./limits.js";

/** When a use ended, and how much it was. */
export type BudgetUse = readonly [endMs: number, amount: number];

/**
 * What was used of one resource in a sliding window. A use counts in full from its reservation until the window has
 * passed after its end, so that no window of this length, wherever it begins, holds more than was allowed.
 * All times are milliseconds on one clock that never steps back.
 */
export class BudgetWindow {
  readonly #uses: { endMs: number; amount: number }[] = [];

  /** `max`: the most in any window of `windowMs`, in the unit of the resource. */
  constructor(
    readonly windowMs: number,
    readonly max: number,
  ) {}

  /**
   * Milliseconds until `amount` fits beside what is `reserved`, when at most `allowed` may be used; 0: now. What
   * does not fit into an empty window, or waits for a reservation, is told to ask again a window later.
   */
  waitMs(amount: number, allowed: number, reserved: number, nowMs: number): number {
    let used = reserved + this.used(nowMs);
    if (used + amount <= allowed) return 0;
    for (const use of this.#uses) {
      used -= use.amount;
      if (used + amount <= allowed) return Math.max(1, Math.ceil(this.#leavesAtMs(use.endMs) - nowMs));
    }
    return this.windowMs;
  }

  /** Counts what was used until `endMs`. */
  record(amount: number, endMs: number): void {
    if (amount <= 0) return;
    const last = this.#uses.at(-1);
    const slotMs = this.windowMs / LIMITS.budgetSlots;
    if (last && Math.floor(last.endMs / slotMs) >= Math.floor(endMs / slotMs)) {
      last.amount += amount;
      last.endMs = Math.max(last.endMs, endMs);
    } else this.#uses.push({ endMs, amount });
    if (this.#uses.length > LIMITS.budgetEntriesMax) this.#joinOldest();
  }

  /** Amount counted now, reservations apart. */
  used(nowMs: number): number {
    let first = this.#uses[0];
    while (first && this.#leavesAtMs(first.endMs) <= nowMs) {
      this.#uses.shift();
      first = this.#uses[0];
    }
    return this.#uses.reduce((sum, use) => sum + use.amount, 0);
  }

  /** Plain data for a store. */
  uses(nowMs: number): readonly BudgetUse[] {
    this.used(nowMs);
    return this.#uses.map(({ endMs, amount }) => [endMs, amount] as const);
  }

  /** The clock has whole milliseconds: what ended within one has surely ended at the next. */
  #leavesAtMs(endMs: number): number {
    return endMs + 1 + this.windowMs;
  }

  #joinOldest(): void {
    const [oldest, next] = this.#uses;
    if (!oldest || !next) return;
    next.amount += oldest.amount;
    this.#uses.shift();
  }
}
