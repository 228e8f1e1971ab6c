import { LINK_LIMITS } from "./limits.js";

/**
 * How often something an unauthenticated parcel asks of us may be done: a few times at once, then once per
 * `refillMs` (milliseconds). What one budget lost to a forger, another still has.
 */
export class AnswerBudget {
  private left: number = LINK_LIMITS.handshakeAnswersBurstMax;

  constructor(
    private readonly refillMs: number,
    private refilledAtMs: number,
  ) {}

  /** Takes one from the budget; false when there is none. */
  spend(nowMs: number): boolean {
    const refill = Math.max(0, nowMs - this.refilledAtMs) / this.refillMs;
    this.refilledAtMs = nowMs;
    this.left = Math.min(this.left + refill, LINK_LIMITS.handshakeAnswersBurstMax);
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}
