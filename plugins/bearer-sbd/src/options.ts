import { ConfigError } from "@estafette/contract";

/** Untrusted configuration, known to be a map. */
export type Given = Readonly<Record<string, unknown>>;

export function integer(given: Given, key: string, otherwise: number, min: number, max: number): number {
  const value = given[key] ?? otherwise;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw wrong("EST_CONFIG_VALUE", key, `write a whole number from ${min} to ${max}`);
}

/** The first choice is the default. */
export function oneOf<const Choice extends string>(
  given: Given,
  key: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const value = given[key] ?? choices[0];
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw wrong("EST_CONFIG_VALUE", key, `use one of ${choices.join(", ")}`);
}

export function text(given: Given, key: string, pattern: RegExp, fix: string): string {
  const value = given[key];
  if (value === undefined) throw wrong("EST_CONFIG_KEY", key, `add ${key}: ${fix}`);
  if (typeof value === "string" && pattern.test(value)) return value;
  throw wrong("EST_CONFIG_VALUE", key, `write ${fix}`);
}

export function wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
  return new ConfigError(code, `sbd${key && `: ${key}`}: ${fix}`, { key, fix });
}
