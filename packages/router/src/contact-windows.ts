import { ConfigError } from "@estafette/contract";
import { type CronTimes, lastCronStart, nextCronStart, parseCron } from "./cron.js";
import { LIMITS } from "./limits.js";

/*
 *  "cron 0 6,18 * * * for 30m" · "2026-12-01T06:00Z/PT20M" ──► when a link may be used, in UTC
 *
 * Windows are agreements by the wall clock: who asks must have a clock that may be believed, and without one does not
 * enforce them. Pure.
 */

export interface ContactWindow {
  /** Unix milliseconds. At or before the time asked for: open now. */
  readonly opensAtMs: number;
  /** Unix milliseconds; closed from here on. */
  readonly closesAtMs: number;
}

type Rule = { readonly cron: CronTimes; readonly lengthMs: number } | ContactWindow;

const MINUTE_MS = 60_000;
const LENGTH_MS_MAX = LIMITS.contactWindowMinutesMax * MINUTE_MS;
const EXAMPLE = `write for example "cron 0 6,18 * * * for 30m" or "2026-12-01T06:00Z/PT20M"`;

/** The times of day and days at which a link may be used. */
export class ContactWindows {
  readonly #rules: readonly Rule[];

  /** @throws ConfigError with the key of the wrong entry, windows.N, and how to mend it. */
  constructor(texts: readonly string[]) {
    if (texts.length > LIMITS.contactWindowsMax)
      throw wrong("windows", `more than ${LIMITS.contactWindowsMax} windows`, "use cron for what repeats");
    this.#rules = texts.map((text, index) => parseRule(text, `windows.${index}`));
  }

  isOpen(nowUnixMs: number): boolean {
    return this.#closesAtMs(nowUnixMs) !== null;
  }

  /** The window that is open, or the next one within a year; null: none. Windows that touch count as one. */
  nextWindow(nowUnixMs: number): ContactWindow | null {
    const opensAtMs = this.isOpen(nowUnixMs) ? nowUnixMs : this.#opensAtMs(nowUnixMs);
    if (opensAtMs === null) return null;
    let closesAtMs = opensAtMs;
    for (let joined = 0; joined < LIMITS.contactWindowsJoinedMax; joined++) {
      const laterMs = this.#closesAtMs(closesAtMs);
      if (laterMs === null) break;
      closesAtMs = laterMs;
    }
    return { opensAtMs, closesAtMs };
  }

  /** When the last of the windows that are open at this time closes; null: none is open. */
  #closesAtMs(atMs: number): number | null {
    let latestMs: number | null = null;
    for (const rule of this.#rules) {
      const closesAtMs = "cron" in rule ? cronClosesAtMs(rule.cron, rule.lengthMs, atMs) : rule.closesAtMs;
      if (closesAtMs === null || closesAtMs <= atMs || ("opensAtMs" in rule && rule.opensAtMs > atMs))
        continue;
      latestMs = Math.max(latestMs ?? 0, closesAtMs);
    }
    return latestMs;
  }

  #opensAtMs(afterMs: number): number | null {
    let earliestMs: number | null = null;
    for (const rule of this.#rules) {
      const opensAtMs = "cron" in rule ? nextCronStart(rule.cron, afterMs) : rule.opensAtMs;
      if (opensAtMs === null || opensAtMs < afterMs) continue;
      earliestMs = Math.min(earliestMs ?? opensAtMs, opensAtMs);
    }
    return earliestMs;
  }
}

/** End of the latest window that began at or before `atMs`, as far as it is still open. */
function cronClosesAtMs(cron: CronTimes, lengthMs: number, atMs: number): number | null {
  const startMs = lastCronStart(cron, atMs, atMs - lengthMs);
  return startMs === null ? null : startMs + lengthMs;
}

function parseRule(text: string, key: string): Rule {
  if (text.length > LIMITS.contactWindowCharactersMax) throw wrong(key, "this window is too long", EXAMPLE);
  const words = text.trim().split(/\s+/);
  return words[0] === "cron" ? parseCronRule(words.slice(1), key) : parseInterval(text.trim(), key);
}

function parseCronRule(words: readonly string[], key: string): Rule {
  const at = words.indexOf("for");
  const [length, ...rest] = at < 0 ? [] : words.slice(at + 1);
  if (length === undefined || rest.length > 0)
    throw wrong(key, "cron does not say for how long", "end it with for 30m");
  const cron = parseCron(words.slice(0, at));
  if (typeof cron === "string") throw wrong(key, cron, EXAMPLE);
  const match = /^(\d{1,5})(s|m|min|h|d)$/.exec(length);
  const unitMs = { s: 1_000, m: MINUTE_MS, min: MINUTE_MS, h: 3_600_000, d: 86_400_000 };
  const lengthMs = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : 0;
  return { cron, lengthMs: boundedLength(lengthMs, key) };
}

/** ISO 8601: a start in UTC, and a duration or an end. */
function parseInterval(text: string, key: string): ContactWindow {
  const [from, to, ...rest] = text.split("/");
  const opensAtMs = parseInstant(from ?? "");
  if (opensAtMs === null || to === undefined || rest.length > 0)
    throw wrong(key, "this is neither cron nor an interval in UTC", EXAMPLE);
  const lengthMs = to.startsWith("P") ? parseDuration(to) : (parseInstant(to) ?? opensAtMs) - opensAtMs;
  return { opensAtMs, closesAtMs: opensAtMs + boundedLength(lengthMs, key) };
}

function parseInstant(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2})?Z$/.exec(text);
  if (!match) return null;
  const written = `${match[1]}${match[2] ?? ":00"}.000Z`;
  const atMs = Date.parse(written);
  // The 30th of February is not the 2nd of March.
  return Number.isFinite(atMs) && new Date(atMs).toISOString() === written ? atMs : null;
}

function parseDuration(text: string): number {
  const match = /^P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?$/.exec(text);
  const [days, hours, minutes, seconds] = (match ?? []).slice(1).map((digits) => Number(digits ?? 0));
  return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * MINUTE_MS + (seconds ?? 0) * 1_000;
}

function boundedLength(lengthMs: number, key: string): number {
  if (lengthMs > 0 && lengthMs <= LENGTH_MS_MAX) return lengthMs;
  throw wrong(key, "this window does not last between 1 s and 7 d", EXAMPLE);
}

function wrong(key: string, problem: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", problem, { key, fix });
}
