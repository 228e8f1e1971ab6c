/**
 * Delay before attempt number `attempt` [1…], in milliseconds: the schedule's entry (the last one repeats), spread by
 * ±10 % so that many messages do not come back in the same second.
 *
 * @param scheduleS seconds, at least one entry; the default is our choice: quick at first, then hourly.
 * @param chance uniform in [0, 1).
 */
export function retryDelayMs(
  attempt: number,
  chance: number,
  scheduleS: readonly number[] = RETRY_SCHEDULE_S,
): number {
  const index = Math.min(Math.max(attempt, 1), scheduleS.length) - 1;
  const baseMs = (scheduleS[index] ?? 60) * 1000;
  return Math.round(baseMs * (0.9 + 0.2 * chance));
}

/** Seconds: 10 s, 30 s, 1 min, 5 min, 15 min, then every hour. */
export const RETRY_SCHEDULE_S: readonly number[] = [10, 30, 60, 300, 900, 3600];

/** A relay list has stalled when its next relay has been away longer than the whole schedule, in milliseconds. */
export function stallAfterMs(scheduleS: readonly number[] = RETRY_SCHEDULE_S): number {
  return scheduleS.reduce((sum, s) => sum + s, 0) * 1000;
}
