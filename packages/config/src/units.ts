/** A kind of value that is written with its unit, and how it is read. */
export interface UnitKind {
  /** What it is, with article, for messages: `a duration`. */
  readonly noun: string;
  /** A right spelling, for messages. */
  readonly example: string;
  /** Unit as written → factor to the base unit. */
  readonly factors: Readonly<Record<string, number>>;
}

/** Base unit: milliseconds. */
export const DURATION: UnitKind = {
  noun: "a duration",
  example: "6h",
  factors: { ms: 1, s: 1_000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 },
};

/** Base unit: bytes. Decimal and binary prefixes as in IEC 80000-13. */
export const SIZE: UnitKind = {
  noun: "a size",
  example: "20 kB",
  factors: { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 },
};

/** Base unit: bits per second. */
export const RATE: UnitKind = {
  noun: "a bit rate",
  example: "1200 bit/s",
  factors: { "bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6 },
};

/** Base unit: milliseconds of airtime in each hour; a percentage is a share of the hour. */
export const AIRTIME: UnitKind = {
  noun: "an airtime",
  example: "10 %",
  factors: { "%": 36_000, s: 1_000, min: 60_000, m: 60_000, h: 3_600_000 },
};

/** Base unit: milliseconds of airtime in each day; a percentage is a share of the day. */
export const AIRTIME_PER_DAY: UnitKind = {
  ...AIRTIME,
  factors: { ...AIRTIME.factors, "%": 864_000 },
};

/** Base unit: bytes per second. */
export const BYTE_RATE: UnitKind = {
  noun: "a rate in bytes per second",
  example: "100 B/s",
  factors: { "B/s": 1, "kB/s": 1e3, "MB/s": 1e6 },
};

/** Base unit: hundredths of a percent. */
export const SHARE: UnitKind = { noun: "a share", example: "20 %", factors: { "%": 100 } };

export type UnitResult = { readonly value: number } | { readonly problem: string; readonly fix: string };

const NUMBER_AND_UNIT = /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([A-Za-z%][A-Za-z/]{0,7})?$/;

/**
 * Reads `20 kB`, `6h`, `10 %`, `1200 bit/s`: a decimal number, at most one space, a unit. Units are case
 * sensitive, except that a unit with only one possible reading is named in the answer. The result is a whole
 * number of base units.
 */
export function parseUnit(text: string, kind: UnitKind): UnitResult {
  const known = Object.keys(kind.factors).join(", ");
  const match = NUMBER_AND_UNIT.exec(text.trim());
  if (!match) {
    return { problem: `${quote(text)} is not ${kind.noun}`, fix: `write for example ${kind.example}` };
  }
  const number = match[1] ?? "";
  const unit = match[2];
  if (unit === undefined) return bareNumber(number, kind);
  const factor = Object.hasOwn(kind.factors, unit) ? kind.factors[unit] : undefined;
  if (factor === undefined) {
    const near = Object.keys(kind.factors).find((u) => u.toLowerCase() === unit.toLowerCase());
    const fix = near === undefined ? `use one of ${known}` : `write ${number} ${near}`;
    return { problem: `${quote(unit)} is not a unit of ${kind.noun}`, fix };
  }
  const value = Math.round(Number(number) * factor);
  if (!Number.isSafeInteger(value)) return { problem: `${quote(text)} is too large`, fix: "use less" };
  return { value };
}

/** The answer to a number without a unit. */
export function bareNumber(number: string | number, kind: UnitKind): UnitResult {
  const unit = kind.example.replace(/^[0-9.]+/, "");
  return { problem: `${number} needs a unit`, fix: `write for example ${number}${unit}` };
}

/** Quotes user text for a message: bounded, without control characters. */
export function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(shown);
}
