import type { Clock } from "@estafette/contract";

/** A clock on which time passes `timeScale` times faster than on `clock`. */
export function scaledClock(clock: Clock, timeScale: number): Clock {
  if (timeScale === 1) return clock;
  return {
    monotonicMs: () => clock.monotonicMs() * timeScale,
    bootId: () => clock.bootId(),
    unixMs: () => clock.unixMs(),
    trust: () => clock.trust(),
    timer: (delayMs, onElapsed) => clock.timer(delayMs / timeScale, onElapsed),
  };
}
