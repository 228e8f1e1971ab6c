import type { Clock, ClockTrust } from "@estafette/contract";

/**
 * A clock that stands still until told. A timer of 0 ms fires when the current code has run to its end;
 * any other only by {@link SpoolClock.advance}.
 */
export class SpoolClock implements Clock {
  private nowMs = 1_000;
  private boot = 1;
  private wallMs = 1_700_000_000_000;
  private trusted: ClockTrust = "untrusted";
  private timers: { readonly atMs: number; readonly onElapsed: () => void }[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  bootId(): string {
    return `boot ${this.boot}`;
  }

  unixMs(): number {
    return this.wallMs;
  }

  trust(): ClockTrust {
    return this.trusted;
  }

  timer(delayMs: number, onElapsed: () => void): () => void {
    if (delayMs > 0) {
      const timer = { atMs: this.nowMs + delayMs, onElapsed };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((other) => other !== timer);
      };
    }
    let isCancelled = false;
    void Promise.resolve().then(() => {
      if (!isCancelled) onElapsed();
    });
    return () => {
      isCancelled = true;
    };
  }

  /** Lets time pass and fires what falls due, in order. */
  advance(elapsedMs: number): void {
    const untilMs = this.nowMs + elapsedMs;
    for (;;) {
      const next = this.timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.moveTo(Math.max(this.nowMs, next.atMs));
      next.onElapsed();
    }
    this.moveTo(untilMs);
  }

  /** Timers that are set and have not fired. */
  get pendingTimerCount(): number {
    return this.timers.length;
  }

  setWall(unixMs: number, trust: ClockTrust): void {
    this.wallMs = unixMs;
    this.trusted = trust;
  }

  /** The machine was off for `gapMs`; its boot clock begins again. Timers are gone. */
  reboot(gapMs: number): void {
    this.boot++;
    this.nowMs = 5;
    this.wallMs += gapMs;
    this.timers = [];
  }

  private moveTo(atMs: number): void {
    this.wallMs += atMs - this.nowMs;
    this.nowMs = atMs;
  }
}
