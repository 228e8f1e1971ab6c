/** How far the wall clock may be believed. Only a `trusted` clock may refuse anything (SPEC.md §9). */
export type ClockTrust = "untrusted" | "plausible" | "trusted";

/** The only way to learn the time. Durations are milliseconds unless the name says otherwise. */
export interface Clock {
  /** Milliseconds since this machine booted. Never steps back; comparable only within one `bootId`. */
  monotonicMs(): number;
  /** Names this boot of the machine; `monotonicMs` of two boots must never be compared. */
  bootId(): string;
  /** Milliseconds since 1970-01-01 UTC as the machine believes; may jump, may be decades wrong. */
  unixMs(): number;
  trust(): ClockTrust;
  /** Calls `onElapsed` once after `delayMs` [0…2³¹−1]. The returned function cancels. */
  timer(delayMs: number, onElapsed: () => void): () => void;
}

/** The only source of chance. In production cryptographically strong, in simulation seeded. */
export interface Rng {
  /** `count` [0…65 536] fresh random bytes. */
  bytes(count: number): Uint8Array;
}

/** Uniform integer in [0, bound), bound [1…2³²]. Bias below 2⁻¹⁶: 48 random bits are reduced. */
export function uniformBelow(rng: Rng, bound: number): number {
  const b = rng.bytes(6);
  let value = 0;
  for (const byte of b) value = value * 256 + byte;
  return value % bound;
}

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const cancel = clock.timer(delayMs, done);
    function done(): void {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
