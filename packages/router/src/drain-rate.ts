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

  /** When all would have drained, if so many bytes more went out at `startMs`. */
  freeAfterMs(byteCount: number, startMs: number): number {
    const beganMs = Math.max(this.#freeAtMs, startMs - LIMITS.drainLatenessMsMax);
    return beganMs + (byteCount * 1_000) / this.bytesPerS;
  }

  /** What went out before a restart has drained at `atMs`, not before. */
  holdUntil(atMs: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, atMs);
  }

  /** A parcel began to go out at `startMs`. */
  spend(byteCount: number, startMs: number): void {
    this.#freeAtMs = this.freeAfterMs(byteCount, startMs);
  }
}
