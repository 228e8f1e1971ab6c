import { invariant } from "@estafette/contract";
import { FRAMING_LIMITS } from "./limits.js";

/** Keeps the channel time used in any sliding hour below a bound. Time is counted in one-minute buckets, each until
 *  its last instant has left the hour, so that rounding always errs towards silence. */
export class AirtimeBudget {
  readonly #buckets: { minute: number; usedMs: number }[] = [];

  /** `maxMsPerHour`: `null` is unlimited. */
  constructor(private readonly maxMsPerHour: number | null) {}

  /** Milliseconds until a transmission of `airtimeMs` fits; 0: now. At most an hour and a minute: then ask again. */
  waitMs(airtimeMs: number, nowMs: number): number {
    if (this.maxMsPerHour === null) return 0;
    this.#forget(nowMs);
    let usedMs = this.#buckets.reduce((sum, bucket) => sum + bucket.usedMs, 0);
    for (const bucket of this.#buckets) {
      if (usedMs + airtimeMs <= this.maxMsPerHour) return 0;
      usedMs -= bucket.usedMs;
      if (usedMs + airtimeMs <= this.maxMsPerHour) return Math.ceil(leavesAtMs(bucket.minute) - nowMs);
    }
    return usedMs + airtimeMs <= this.maxMsPerHour ? 0 : HOUR_MS;
  }

  /** Counts a transmission of `airtimeMs` that begins at `nowMs`. */
  spend(airtimeMs: number, nowMs: number): void {
    if (this.maxMsPerHour === null) return;
    this.#forget(nowMs);
    const minute = Math.floor((nowMs + airtimeMs) / MINUTE_MS);
    const last = this.#buckets.at(-1);
    if (last && last.minute >= minute) last.usedMs += airtimeMs;
    else this.#buckets.push({ minute, usedMs: airtimeMs });
    if (this.#buckets.length > FRAMING_LIMITS.airtimeBucketsMax) this.#mergeOldest();
  }

  /** Milliseconds counted in the hour before `nowMs`. */
  usedMs(nowMs: number): number {
    this.#forget(nowMs);
    return this.#buckets.reduce((sum, bucket) => sum + bucket.usedMs, 0);
  }

  #forget(nowMs: number): void {
    let first = this.#buckets[0];
    while (first && leavesAtMs(first.minute) <= nowMs) {
      this.#buckets.shift();
      first = this.#buckets[0];
    }
  }

  /** Only transmissions longer than a minute can fill the table; their time then counts a little longer. */
  #mergeOldest(): void {
    const [oldest, next] = this.#buckets;
    invariant(oldest && next, "a full table has two buckets");
    next.usedMs += oldest.usedMs;
    this.#buckets.shift();
  }
}

function leavesAtMs(minute: number): number {
  return (minute + 1) * MINUTE_MS + HOUR_MS;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
