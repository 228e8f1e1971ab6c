import { LIMITS } from "./limits.js";

/**
 * What transfers to one neighbour over one link really took. Bytes and time are averaged apart, so that a large
 * transfer counts for more than a short text, most of whose time is waiting for the answer.
 */
export interface Goodput {
  /** Weighted sums: envelope bytes a neighbour took, and the milliseconds that took. */
  readonly bytes: number;
  readonly ms: number;
  readonly sampleCount: number;
  /** Of the last sample, milliseconds on the clock the samples come with. */
  readonly atMs: number;
}

export interface GoodputSample {
  readonly bytes: number;
  readonly ms: number;
  readonly atMs: number;
}

/** Exponentially weighted: each sample makes those before it count for a fifth less. */
export function learnGoodput(known: Goodput | null, { bytes, ms, atMs }: GoodputSample): Goodput {
  const keep = 1 - LIMITS.goodputNewShare;
  return {
    bytes: (known?.bytes ?? 0) * keep + bytes,
    ms: (known?.ms ?? 0) * keep + Math.max(ms, 1),
    sampleCount: Math.min((known?.sampleCount ?? 0) + 1, LIMITS.goodputSamplesMax),
    atMs,
  };
}

/** Bytes per second; null while there are too few samples, or the last one is too old to say anything of today. */
export function goodputBytesPerS(goodput: Goodput | null | undefined, nowMs: number): number | null {
  if (!goodput || goodput.sampleCount < LIMITS.goodputSamplesMin) return null;
  if (nowMs - goodput.atMs > LIMITS.goodputAgeMsMax || goodput.bytes <= 0) return null;
  return (goodput.bytes * 1000) / goodput.ms;
}
