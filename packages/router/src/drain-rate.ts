import { LIMITS } from "./limits.js";

/**
 * Bytes per second in the long run: a parcel may go when those before it have drained. Within any time T at most
 * rate × (T + {@link LIMITS.drainLatenessMsMax}) bytes and one parcel more go out.
 */
export class DrainRate {
  #freeAtMs = 0;

  constructor(public bytesPerS: number) {}

  /** Milliseconds until the next parcel may go, whatever its size; 0: now. */
  waitMs(nowMs: number): number {
    return Math.max(0, Math.ceil(this.#freeAtMs - nowMs));
  }

  /** A parcel began to go out at `startMs`. */
  spend(byteCount: number, startMs: number): void {
    const beganMs = Math.max(this.#freeAtMs, startMs - LIMITS.drainLatenessMsMax);
    this.#freeAtMs = beganMs + (byteCount * 1_000) / this.bytesPerS;
  }
}
