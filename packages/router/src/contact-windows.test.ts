import { ConfigError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContactWindows } from "./contact-windows.js";

const at = (text: string): number => Date.parse(text);
const MINUTE_MS = 60_000;
const FUZZ_CASES = 2_000;

function windowAfter(rule: string | string[], now: string): string | null {
  const next = new ContactWindows([rule].flat()).nextWindow(at(now));
  return next && [next.opensAtMs, next.closesAtMs].map((ms) => new Date(ms).toISOString()).join(" ");
}

describe("cron windows", () => {
  it("open at their times in UTC, for as long as they say", () => {
    const rule = "cron 0 6,18 * * * for 30m";
    expect(windowAfter(rule, "2026-11-25T05:59:59.999Z")).toBe(
      "2026-11-25T06:00:00.000Z 2026-11-25T06:30:00.000Z",
    );
    expect(windowAfter(rule, "2026-11-25T06:10:00Z")).toBe(
      "2026-11-25T06:10:00.000Z 2026-11-25T06:30:00.000Z",
    );
    expect(windowAfter(rule, "2026-11-25T06:30:00Z")).toBe(
      "2026-11-25T18:00:00.000Z 2026-11-25T18:30:00.000Z",
    );
    expect(windowAfter(rule, "2026-12-31T18:30:00Z")).toBe(
      "2027-01-01T06:00:00.000Z 2027-01-01T06:30:00.000Z",
    );
  });

  it("know steps, ranges, weekdays and months", () => {
    expect(windowAfter("cron */20 8-10/2 * * 1-5 for 90s", "2026-11-28T00:00:00Z")).toBe(
      "2026-11-30T08:00:00.000Z 2026-11-30T08:01:30.000Z",
    );
    expect(windowAfter("cron 5 4 1 3 * for 1h", "2026-11-28T00:00:00Z")).toBe(
      "2027-03-01T04:05:00.000Z 2027-03-01T05:05:00.000Z",
    );
    expect(windowAfter("cron 0 0 * * 7 for 1h", "2026-11-25T00:00:00Z")).toMatch(/^2026-11-29T00:00/);
    // Day of the month or weekday, where both are restricted.
    expect(windowAfter("cron 0 0 13 * 5 for 1h", "2026-11-25T00:00:00Z")).toMatch(/^2026-11-27/);
  });

  it("cross midnight, and join where they touch", () => {
    expect(windowAfter("cron 50 23 * * * for 20m", "2026-11-25T00:05:00Z")).toBe(
      "2026-11-25T00:05:00.000Z 2026-11-25T00:10:00.000Z",
    );
    expect(windowAfter(["cron 0 6 * * * for 30m", "cron 30 6 * * * for 30m"], "2026-11-25T05:00:00Z")).toBe(
      "2026-11-25T06:00:00.000Z 2026-11-25T07:00:00.000Z",
    );
    expect(windowAfter("cron * * * * * for 5m", "2026-11-25T05:00:00Z")).toMatch(/^2026-11-25T05:00/);
  });

  it("that never come within a year are none", () => {
    expect(windowAfter("cron 0 0 31 2 * for 1h", "2026-11-25T00:00:00Z")).toBeNull();
  });
});

describe("listed windows", () => {
  it("open once", () => {
    const rule = "2026-12-01T06:00Z/PT20M";
    expect(windowAfter(rule, "2026-11-25T00:00:00Z")).toBe(
      "2026-12-01T06:00:00.000Z 2026-12-01T06:20:00.000Z",
    );
    expect(windowAfter(rule, "2026-12-01T06:20:00Z")).toBeNull();
    expect(windowAfter("2026-12-01T06:00Z/2026-12-01T07:15:30Z", "2026-12-01T07:00:00Z")).toBe(
      "2026-12-01T07:00:00.000Z 2026-12-01T07:15:30.000Z",
    );
    expect(windowAfter("2026-12-01T06:00Z/P1DT1H", "2026-11-01T00:00:00Z")).toMatch(
      /2026-12-02T07:00:00.000Z$/,
    );
  });
});

describe("what is no window", () => {
  it.each([
    "",
    "daily",
    "cron",
    "cron 0 6 * * *",
    "cron 0 6 * * for 30m",
    "cron 60 6 * * * for 30m",
    "cron 0 24 * * * for 30m",
    "cron 0 6 0 * * for 30m",
    "cron 0 6 * 13 * for 30m",
    "cron 0 6 * * 8 for 30m",
    "cron 0 6 * * * for 0m",
    "cron 0 6 * * * for 8d",
    "cron 0 6 * * * for 30m for 30m",
    "cron 5-3 6 * * * for 30m",
    "cron */0 6 * * * for 30m",
    "2026-12-01T06:00Z",
    "2026-12-01T06:00/PT20M",
    "2026-02-30T06:00Z/PT20M",
    "2026-12-01T06:00Z/P",
    "2026-12-01T06:00Z/2026-12-01T05:00Z",
    "x".repeat(200),
  ])("%s", (text) => {
    const error = errorOf(["cron 0 6 * * * for 30m", text]);
    expect(error.place.key).toBe("windows.1");
    expect(error.place.fix).not.toBe("");
  });

  it("nor is a list without end", () => {
    expect(errorOf(Array.from({ length: 65 }, () => "cron 0 6 * * * for 30m")).place.key).toBe("windows");
  });

  function errorOf(texts: readonly string[]): ConfigError {
    try {
      new ContactWindows(texts);
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
    throw new Error("taken");
  }
});

describe("any windows", () => {
  const field = (min: number, max: number) => {
    const number = fc.integer({ min, max });
    return fc.oneof(
      fc.constant("*"),
      number.map(String),
      fc.uniqueArray(number, { minLength: 1, maxLength: 4 }).map((list) => list.join(",")),
      fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      fc.integer({ min: 1, max: 30 }).map((step) => `*/${step}`),
    );
  };
  const cron = fc
    .tuple(
      field(0, 59),
      field(0, 23),
      field(1, 31),
      field(1, 12),
      field(0, 7),
      fc.integer({ min: 1, max: 180 }),
    )
    .map(([minute, hour, day, month, weekday, length]) => ({
      text: `cron ${minute} ${hour} ${day} ${month} ${weekday} for ${length}m`,
      length,
    }));
  const instant = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-12-31T00:00:00Z") });

  /** Whether a window of this rule begins in this minute: each field by itself, by listing what it holds. */
  function begins(text: string, date: Date): boolean {
    const [, minute = "", hour = "", day = "", month = "", weekday = ""] = text.split(" ");
    const fixed =
      holdsFrom(minute, date.getUTCMinutes(), 0) &&
      holdsFrom(hour, date.getUTCHours(), 0) &&
      holdsFrom(month, date.getUTCMonth() + 1, 1);
    const ofMonth = holdsFrom(day, date.getUTCDate(), 1);
    const ofWeek =
      holdsFrom(weekday, date.getUTCDay(), 0) || (date.getUTCDay() === 0 && holdsFrom(weekday, 7, 0));
    const either = !day.startsWith("*") && !weekday.startsWith("*");
    return fixed && (either ? ofMonth || ofWeek : ofMonth && ofWeek);
  }

  function holdsFrom(words: string, value: number, min: number): boolean {
    return words.split(",").some((word) => {
      const [range = "", step = "1"] = word.split("/");
      if (range === "*") return (value - min) % Number(step) === 0;
      const [low = 0, high = low] = range.split("-").map(Number);
      return value >= low && value <= high;
    });
  }

  it("are open in the minutes a clock that looks at each of them says", () => {
    fc.assert(
      fc.property(cron, instant, ({ text, length }, now) => {
        let open = false;
        const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
        for (let back = 0; back <= length; back++) {
          const start = minute - back * MINUTE_MS;
          if (begins(text, new Date(start)) && start + length * MINUTE_MS > now) open = true;
        }
        expect(new ContactWindows([text]).isOpen(now), text).toBe(open);
      }),
      { numRuns: FUZZ_CASES },
    );
  });

  it("are open from when they say they open until they say they close, and not before", () => {
    fc.assert(
      fc.property(fc.array(cron, { minLength: 1, maxLength: 3 }), instant, (rules, now) => {
        const windows = new ContactWindows(rules.map((rule) => rule.text));
        const next = windows.nextWindow(now);
        if (next === null) return;
        expect(next.opensAtMs).toBeGreaterThanOrEqual(now);
        expect(next.closesAtMs).toBeGreaterThan(next.opensAtMs);
        expect(windows.isOpen(next.opensAtMs)).toBe(true);
        expect(windows.isOpen(next.closesAtMs - 1)).toBe(true);
        if (next.opensAtMs > now) {
          expect(windows.isOpen(now)).toBe(false);
          expect(windows.isOpen(next.opensAtMs - 1)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("of any text are a window or a ConfigError", () => {
    const word = fc.constantFrom(
      "cron",
      "0",
      "*",
      "6,18",
      "for",
      "30m",
      "/",
      "PT20M",
      "2026-12-01T06:00Z",
      "-",
      "99",
    );
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.array(word, { maxLength: 9 }).map((words) => words.join(" ")),
      fc.array(word, { maxLength: 3 }).map((words) => words.join("/")),
    );
    fc.assert(
      fc.property(text, instant, (one, now) => {
        try {
          new ContactWindows([one]).nextWindow(now);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: FUZZ_CASES },
    );
  });
});
