import { LIMITS } from "./limits.js";

/** Whether the store takes new messages. Levels and hysteresis: design §4.10. */
export type AdmissionLevel = "open" | "tight" | "full";

/** The level after `fill` [0…1] was measured. Leaving a level needs a lower fill than entering it. */
export function nextLevel(level: AdmissionLevel, fill: number): AdmissionLevel {
  if (fill >= LIMITS.fillFull) return "full";
  if (level === "full" && fill >= LIMITS.fillFullLeave) return "full";
  if (fill >= LIMITS.fillTight) return "tight";
  if (level !== "open" && fill >= LIMITS.fillTightLeave) return "tight";
  return "open";
}

export interface AdmissionInput {
  readonly level: AdmissionLevel;
  readonly bytes: number;
  /** 0 flash … 3 bulk. */
  readonly classRank: 0 | 1 | 2 | 3;
}

/**
 * May a new message be kept now? At `tight` bulk and everything large waits upstream, at `full` all but short flash
 * messages do. An accepted message is never evicted, so nothing here concerns what is already held.
 */
export function admits(input: AdmissionInput): boolean {
  if (input.level === "open") return true;
  if (input.level === "tight") return input.classRank < 3 && input.bytes <= LIMITS.tightBytesMax;
  return input.classRank === 0 && input.bytes <= LIMITS.fullFlashBytesMax;
}
