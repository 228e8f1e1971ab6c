import { LIMITS } from "./limits.js";

/** Minutes, hours, days and months at which something begins, in UTC. */
export interface CronTimes {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  /** Both days are restricted: either of them is enough, as in every cron. */
  readonly eitherDay: boolean;
}

const FIELDS = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of the month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12 },
  { name: "day of the week", min: 0, max: 7 },
] as const;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Reads five fields of numbers, lists, ranges and steps: 0 6,18 * * 1-5. A sentence: what is wrong. */
export function parseCron(fields: readonly string[]): CronTimes | string {
  if (fields.length !== FIELDS.length) return "cron needs five fields: minute hour day month weekday";
  const values: ReadonlySet<number>[] = [];
  for (const [index, field] of FIELDS.entries()) {
    const found = parseField(fields[index] ?? "", field.min, field.max);
    if (found === null) return `the ${field.name} must be *, or numbers from ${field.min} to ${field.max}`;
    values.push(found);
  }
  const [minutes, hours, daysOfMonth, months, weekdays] = values;
  if (!minutes || !hours || !daysOfMonth || !months || !weekdays) return "cron needs five fields";
  return {
    minutes: [...minutes].sort((a, b) => a - b),
    hours: [...hours].sort((a, b) => a - b),
    daysOfMonth,
    months,
    daysOfWeek: new Set([...weekdays].map((day) => day % 7)),
    eitherDay: !fields[2]?.startsWith("*") && !fields[4]?.startsWith("*"),
  };
}

function parseField(text: string, min: number, max: number): ReadonlySet<number> | null {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (!match) return null;
    const [, from, to, every] = match;
    const step = Number(every ?? 1);
    const first = Number(from ?? min);
    const last = Number(to ?? (from === undefined || every !== undefined ? max : first));
    if (first < min || last > max || first > last || step < 1) return null;
    for (let value = first; value <= last; value += step) found.add(value);
  }
  return found;
}

/** First start at or after `unixMs`, within {@link LIMITS.contactSearchDaysMax} days; null: none. */
export function nextCronStart(times: CronTimes, unixMs: number): number | null {
  const today = Math.floor(unixMs / DAY_MS) * DAY_MS;
  for (let day = 0; day <= LIMITS.contactSearchDaysMax; day++) {
    const dayMs = today + day * DAY_MS;
    if (!isDay(times, new Date(dayMs))) continue;
    for (const hour of times.hours) {
      if (dayMs + (hour + 1) * HOUR_MS <= unixMs) continue;
      for (const minute of times.minutes) {
        const atMs = dayMs + hour * HOUR_MS + minute * MINUTE_MS;
        if (atMs >= unixMs) return atMs;
      }
    }
  }
  return null;
}

/** Last start at or before `unixMs` and after `sinceMs`; null: none. */
export function lastCronStart(times: CronTimes, unixMs: number, sinceMs: number): number | null {
  for (let dayMs = Math.floor(unixMs / DAY_MS) * DAY_MS; dayMs + DAY_MS > sinceMs; dayMs -= DAY_MS) {
    if (!isDay(times, new Date(dayMs))) continue;
    for (const hour of [...times.hours].reverse()) {
      if (dayMs + hour * HOUR_MS > unixMs) continue;
      for (const minute of [...times.minutes].reverse()) {
        const atMs = dayMs + hour * HOUR_MS + minute * MINUTE_MS;
        if (atMs <= unixMs) return atMs > sinceMs ? atMs : null;
      }
    }
  }
  return null;
}

function isDay({ months, daysOfMonth, daysOfWeek, eitherDay }: CronTimes, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const ofMonth = daysOfMonth.has(date.getUTCDate());
  const ofWeek = daysOfWeek.has(date.getUTCDay());
  return eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}
