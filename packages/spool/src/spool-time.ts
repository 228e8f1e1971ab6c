import type { Clock } from "@estafette/contract";

/** What was known about time at the last commit. */
export interface StoredTime {
  readonly spoolMs: number;
  readonly bootId: string;
  readonly monotonicMs: number;
  readonly unixMs: number;
  readonly clockTrusted: boolean;
}

/**
 * Milliseconds this spool has lived. Within one boot the boot clock counts, also while the gateway is down.
 * Over a reboot the gap is added only when the wall clock was trusted before and is now: an hour too little
 * expires nothing early, an hour too much would (design §4.6).
 */
export class SpoolTime {
  private readonly baseMs: number;
  private readonly startedMs: number;
  private latestMs: number;

  constructor(
    private readonly clock: Clock,
    stored: StoredTime | null,
  ) {
    this.startedMs = clock.monotonicMs();
    this.baseMs = stored === null ? 0 : stored.spoolMs + this.sinceStored(stored);
    this.latestMs = Math.floor(this.baseMs);
  }

  /** Whole milliseconds; never less than before. */
  nowMs(): number {
    const elapsedMs = Math.max(0, this.clock.monotonicMs() - this.startedMs);
    this.latestMs = Math.max(this.latestMs, Math.floor(this.baseMs + elapsedMs));
    return this.latestMs;
  }

  stored(): StoredTime {
    return {
      spoolMs: this.nowMs(),
      bootId: this.clock.bootId(),
      monotonicMs: Math.floor(this.clock.monotonicMs()),
      unixMs: Math.floor(this.clock.unixMs()),
      clockTrusted: this.clock.trust() === "trusted",
    };
  }

  private sinceStored(stored: StoredTime): number {
    if (stored.bootId === this.clock.bootId()) return Math.max(0, this.startedMs - stored.monotonicMs);
    if (!stored.clockTrusted || this.clock.trust() !== "trusted") return 0;
    return Math.max(0, this.clock.unixMs() - stored.unixMs);
  }
}
