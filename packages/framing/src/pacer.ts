import { type Clock, sleep } from "@estafette/contract";

/** Estimates when a device that gives no word has sent our frame: time on our clock, and on a shared channel whatever we
 *  hear meanwhile has kept ours waiting for as long. */
export class Pacer {
  #freeAtMs = 0;
  #writtenAtMs = 0;

  /** `holdBackMsMax`: what others send holds ours back no longer than this, in milliseconds. */
  constructor(
    private readonly clock: Clock,
    private readonly holdBackMsMax: number,
  ) {}

  /** Frames that occupy the channel for `occupiedMs`, access included, go to the device now. */
  wrote(occupiedMs: number): void {
    this.#writtenAtMs = this.clock.monotonicMs();
    this.#freeAtMs = this.#writtenAtMs + occupiedMs;
  }

  /** A frame of the others ended now, having occupied the channel for `occupiedMs`. */
  heard(occupiedMs: number): void {
    const nowMs = this.clock.monotonicMs();
    if (this.#freeAtMs <= nowMs) return;
    const waitedMs = Math.min(occupiedMs, nowMs - this.#writtenAtMs);
    const latestMs = this.#writtenAtMs + this.holdBackMsMax;
    this.#freeAtMs = Math.max(this.#freeAtMs, Math.min(this.#freeAtMs + waitedMs, latestMs));
  }

  /** Resolves when the device should be free, or `signal` aborts. */
  async untilFree(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#freeAtMs - this.clock.monotonicMs();
      if (waitMs <= 0 || signal.aborted) return;
      await sleep(this.clock, waitMs, signal);
    }
  }

  /** The device was opened again: nothing of ours is under way. */
  reset(): void {
    this.#freeAtMs = 0;
  }
}
