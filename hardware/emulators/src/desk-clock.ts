import type { Clock } from "@estafette/contract";

/** Real time for emulators that stand on a desk as a process of their own. Knows no date. */
export function deskClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    bootId: () => "emulator",
    unixMs: () => 0,
    trust: () => "untrusted",
    timer(delayMs, onElapsed) {
      const timeout = setTimeout(onElapsed, Math.ceil(delayMs));
      return () => clearTimeout(timeout);
    },
  };
}
