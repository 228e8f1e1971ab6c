import { LINK_LIMITS } from "./limits.js";
import type { Timing } from "./timing.js";

/*
 * Whose turn it is on a half-duplex channel. On full duplex everybody may always speak.
 *
 *            nothing to say, nobody heard
 *            ┌────────────── idle ◄───────────────┐ waited in vain
 *   random wait, speak        ▲ OVER sent         │
 *            └──────────► burst ── OVER+ASK ──► waiting
 *                             ▲                   │ heard OVER
 *                             └───── turn ◄───────┘
 */
export class Turn {
  private readonly half: boolean;
  private inBurst = false;
  private granted = false;
  private burstMs = 0;
  /** What a burst may take while both have something to say. */
  private readonly shortMs: number;
  private allowedMs: number;
  /** Our last burst ended because it was full. */
  private filled = false;
  private waitUntilMs: number | null = null;
  private busyUntilMs: number | null = null;
  private quietUntilMs: number | null = null;
  /** Numbers our bursts, so that nothing is asked twice in one; on full duplex each parcel is one. */
  burst = 0;
  /** Waits in vain since the neighbour was last heard. */
  silentAsks = 0;

  constructor(private readonly timing: Timing) {
    this.half = timing.channel.duplex === "half";
    this.shortMs = timing.shortBurstMs();
    this.allowedMs = this.shortMs;
  }

  /** May we speak now, having something to say? Draws the random wait when nobody has the turn. */
  maySpeak(nowMs: number): boolean {
    if (!this.half) return true;
    if (this.waitUntilMs !== null || this.busyUntilMs !== null) return false;
    if (this.inBurst || this.granted) return true;
    this.quietUntilMs ??= nowMs + this.timing.contentionMs(this.silentAsks);
    return false;
  }

  /** Would one more parcel of this size exceed the burst? */
  burstFull(thisBytes: number, nextBytes: number): boolean {
    if (!this.half) return false;
    const { airtimeMs } = this.timing.channel;
    this.filled = this.burstMs + airtimeMs(thisBytes) + airtimeMs(nextBytes) > this.allowedMs;
    return this.filled;
  }

  /** Something urgent waits for an answer: what is less urgent keeps it waiting no longer than a short burst. */
  hurry(): void {
    this.allowedMs = Math.min(this.allowedMs, this.burstMs + this.shortMs);
  }

  /** We handed out a parcel. */
  sent(nowMs: number, parcelBytes: number, how: { readonly over: boolean; readonly ask: boolean }): void {
    const airtimeMs = this.timing.channel.airtimeMs(parcelBytes);
    if (!this.half) {
      this.burst++;
      return;
    }
    const sentAtMs = nowMs + airtimeMs;
    this.quietUntilMs = null;
    this.granted = false;
    this.inBurst = true;
    this.burstMs += airtimeMs;
    if (!how.over) return;
    this.endBurst();
    if (how.ask) this.waitUntilMs = sentAtMs + this.timing.repetitionMs(this.silentAsks);
    else this.quietUntilMs = sentAtMs + this.timing.nextParcelMs() + this.timing.contentionMs(0);
  }

  /** Nothing more to say after all. */
  endBurst(): void {
    if (this.inBurst) this.burst++;
    this.inBurst = false;
    this.burstMs = 0;
    this.granted = false;
  }

  /** The neighbour spoke; `over`: it has ended and gives us the turn; `more`: it has more than answers to say. */
  heard(nowMs: number, over: boolean, more = true): void {
    if (!this.half) return;
    const { burstMsMax, burstGrowth } = LINK_LIMITS;
    if (more) this.allowedMs = this.shortMs;
    else if (over && this.filled) this.allowedMs = Math.min(this.allowedMs * burstGrowth, burstMsMax);
    this.endBurst();
    this.waitUntilMs = null;
    this.quietUntilMs = null;
    this.granted = over;
    this.busyUntilMs = over ? null : nowMs + this.timing.nextParcelMs();
  }

  /** A wait that has grown long is cut: the neighbour may be there without knowing us. */
  waitAtMost(untilMs: number): void {
    if (this.waitUntilMs !== null) this.waitUntilMs = Math.min(this.waitUntilMs, untilMs);
  }

  get waiting(): boolean {
    return this.waitUntilMs !== null;
  }

  /** True when a wait for an answer ended in vain. */
  tick(nowMs: number): boolean {
    if (this.busyUntilMs !== null && nowMs >= this.busyUntilMs) this.busyUntilMs = null;
    if (this.quietUntilMs !== null && nowMs >= this.quietUntilMs) {
      this.quietUntilMs = null;
      this.granted = true;
    }
    if (this.waitUntilMs === null || nowMs < this.waitUntilMs) return false;
    this.waitUntilMs = null;
    return true;
  }

  nextTickMs(): number | null {
    return earliest([this.waitUntilMs, this.busyUntilMs, this.quietUntilMs]);
  }
}

/** The smallest of the times that exist. */
export function earliest(times: readonly (number | null)[]): number | null {
  let first: number | null = null;
  for (const time of times) if (time !== null && (first === null || time < first)) first = time;
  return first;
}
