import type { Clock, ClockTrust } from "@estafette/contract";
import { invariant } from "@estafette/contract";
import type { Kernel } from "./kernel.js";

/** Virtual time zero is this moment in the real calendar (2026-01-01 00:00 UTC); our choice, any would do. */
export const WORLD_BEGINS_UNIX_MS = 1_767_225_600_000;

/** The machine below a gateway: what survives a restart of the process, and what a power cut resets. */
export interface MachineClock {
  bootId: string;
  /** Virtual time of the last boot of the machine. */
  bootedAtMs: number;
  /** What the wall clock shows beyond the truth, in milliseconds; −3 … +20 years. */
  wallErrorMs: number;
  trust: ClockTrust;
}

/**
 * The clock one process sees. After `alive()` turned false its timers never fire and no new ones are taken:
 * a process without power does nothing.
 */
export function createNodeClock(
  kernel: Kernel,
  name: string,
  machine: MachineClock,
  alive: () => boolean,
): Clock {
  return {
    monotonicMs: () => kernel.nowMs - machine.bootedAtMs,
    bootId: () => machine.bootId,
    unixMs: () => WORLD_BEGINS_UNIX_MS + kernel.nowMs + machine.wallErrorMs,
    trust: () => machine.trust,
    timer: (delayMs, onElapsed) => {
      invariant(delayMs >= 0 && delayMs < 2 ** 31, `timer of ${delayMs} ms asked for by ${name}`);
      if (!alive()) return () => {};
      return kernel.after(delayMs, `${name} timer`, () => {
        if (alive()) onElapsed();
      });
    },
  };
}
