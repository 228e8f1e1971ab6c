/** Something used of a medium: how much, and when. Times are the world's, in milliseconds. */
export interface Use {
  readonly beganMs: number;
  readonly endMs: number;
  readonly amount: number;
}

/**
 * The most airtime in any window: one that ends with a transmission has as much as any. Transmissions of a station do
 * not overlap, and come in order; `amount` is not looked at.
 */
export function mostAirtime(sent: readonly Use[], windowMs: number): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { beganMs, endMs } of sent) {
    sum += endMs - beganMs;
    const openMs = endMs - windowMs;
    for (let left = sent[first]; left && left.endMs <= openMs; left = sent[first]) {
      sum -= left.endMs - left.beganMs;
      first++;
    }
    const straddling = sent[first];
    const outsideMs = straddling ? Math.max(0, openMs - straddling.beganMs) : 0;
    most = Math.max(most, sum - outsideMs);
  }
  return most;
}

/** The most of what began in any window; a window that begins with a use has as much as any. In order of their begin. */
export function mostBegun(uses: readonly Use[], windowMs: number): number {
  let most = 0;
  let sum = 0;
  let next = 0;
  for (const one of uses) {
    for (let more = uses[next]; more && more.beganMs < one.beganMs + windowMs; more = uses[next]) {
      sum += more.amount;
      next++;
    }
    most = Math.max(most, sum);
    sum -= one.amount;
  }
  return most;
}

/** How often what came next waited for what went before to drain at this rate, though the channel was free by `freeMs`. */
export function drainWaits(sent: readonly Use[], bytesPerS: number, freeMs: number): number {
  let drainedMs = Number.NEGATIVE_INFINITY;
  let waits = 0;
  let freeSinceMs = Number.NEGATIVE_INFINITY;
  for (const { beganMs, endMs, amount } of sent) {
    const isOnTime = Math.abs(beganMs - drainedMs) <= freeMs / 2;
    if (isOnTime && drainedMs - freeSinceMs >= freeMs) waits++;
    drainedMs = Math.max(drainedMs, beganMs) + (amount * 1_000) / bytesPerS;
    freeSinceMs = endMs;
  }
  return waits;
}
