import { type Clock, sleep } from "@estafette/contract";
import { frameAirtimeMs, type SerialConfig } from "./config.js";
import { SERIAL_LIMITS } from "./limits.js";

/** Estimates when the modem has finished our frame. A transparent modem says nothing, so this is airtime on our clock;
 *  on a half-duplex channel whatever we hear meanwhile has kept ours waiting for as long. */
export class Pacer {
  #freeAtMs = 0;
  #writtenAtMs = 0;

  constructor(
    private readonly config: SerialConfig,
    private readonly clock: Clock,
  ) {}

  /** A frame of ours goes to the port now. */
  wrote(byteCount: number): void {
    this.#writtenAtMs = this.clock.monotonicMs();
    this.#freeAtMs = this.#writtenAtMs + this.#occupiedMs(byteCount);
  }

  /** A frame of the others ended now. */
  heard(byteCount: number): void {
    if (this.config.duplex === "full") return;
    const nowMs = this.clock.monotonicMs();
    if (this.#freeAtMs <= nowMs) return;
    const waitedMs = Math.min(this.#occupiedMs(byteCount), nowMs - this.#writtenAtMs);
    const latestMs = this.#writtenAtMs + SERIAL_LIMITS.holdBackMsMax;
    this.#freeAtMs = Math.max(this.#freeAtMs, Math.min(this.#freeAtMs + waitedMs, latestMs));
  }

  /** Resolves when the modem should be free, or `signal` aborts. */
  async untilFree(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#freeAtMs - this.clock.monotonicMs();
      if (waitMs <= 0 || signal.aborted) return;
      await sleep(this.clock, waitMs, signal);
    }
  }

  #occupiedMs(byteCount: number): number {
    return frameAirtimeMs(this.config, byteCount) + this.config.frameOverheadMs;
  }

  /** The port was opened again: nothing of ours is under way. */
  reset(): void {
    this.#freeAtMs = 0;
  }
}
