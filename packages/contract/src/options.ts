import { ConfigError } from "./errors.js";

/**
 * The options of one link as its owner wrote them: untrusted, read key by key. Every method throws a ConfigError that
 * names the key and the fix: EST_CONFIG_KEY for a key that is missing or unknown, EST_CONFIG_VALUE for what it says.
 */
export class PluginOptions {
  readonly #given: Readonly<Record<string, unknown>>;

  /** `driver` stands before each message; `example` is what to write where nothing usable stands. */
  constructor(
    readonly driver: string,
    raw: unknown,
    example: string,
  ) {
    this.#given = {};
    if (typeof raw !== "object" || raw === null || Array.isArray(raw))
      throw this.wrong("EST_CONFIG_VALUE", "", example);
    this.#given = raw as Readonly<Record<string, unknown>>;
  }

  /** Refuses every other key. */
  allowOnly(keys: readonly string[]): void {
    for (const key of Object.keys(this.#given))
      if (!keys.includes(key))
        throw this.wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${keys.join(", ")}`);
  }

  /** What stands there; undefined: nothing. */
  value(key: string): unknown {
    return Object.hasOwn(this.#given, key) ? this.#given[key] : undefined;
  }

  integer(key: string, otherwise: number, min: number, max: number): number {
    const value = this.value(key) ?? otherwise;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw this.wrong("EST_CONFIG_VALUE", key, `write a whole number from ${min} to ${max}`);
  }

  /** Null where nothing stands. */
  optionalInteger(key: string, min: number, max: number): number | null {
    return (this.value(key) ?? null) === null ? null : this.integer(key, min, min, max);
  }

  /** The first choice is the default. */
  oneOf<const Choice extends string>(key: string, choices: readonly [Choice, ...Choice[]]): Choice {
    const value = this.value(key) ?? choices[0];
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw this.wrong("EST_CONFIG_VALUE", key, `write ${choices.join(" or ")}`);
  }

  /** Default false. */
  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value === "boolean") return value;
    throw this.wrong("EST_CONFIG_VALUE", key, "write true or false");
  }

  /** `what` says what to write, after "add key:" or "write". */
  text(key: string, pattern: RegExp, what: string, otherwise?: string): string {
    const value = this.value(key) ?? otherwise;
    if (value === undefined) throw this.wrong("EST_CONFIG_KEY", key, `add ${key}: ${what}`);
    if (typeof value === "string" && pattern.test(value)) return value;
    throw this.wrong("EST_CONFIG_VALUE", key, `write ${what}`);
  }

  /** Path of a serial port. */
  serialPort(key: string): string {
    const value = this.value(key);
    if (value === undefined) throw this.wrong("EST_CONFIG_KEY", key, `add ${key}: /dev/serial/by-id/…`);
    if (typeof value === "string" && /^\/[^?#\0]{1,255}$/.test(value)) return value;
    throw this.wrong("EST_CONFIG_VALUE", key, "write an absolute path such as /dev/serial/by-id/…");
  }

  /** A gateway's name where several share a folder or a broker. */
  gatewayName(key: string, otherwise?: string): string {
    return this.#nameIn(key, this.value(key) ?? otherwise);
  }

  /** Names of 1…`countMax` others, each once; `own` is not among them. */
  gatewayNames(key: string, own: string, countMax: number): readonly string[] {
    const value = this.value(key);
    if (value === undefined) throw this.wrong("EST_CONFIG_KEY", key, `add ${key}: [shore]`);
    const names = (Array.isArray(value) ? value : [value]).map((one) => this.#nameIn(key, one));
    if (names.length >= 1 && names.length <= countMax && !names.includes(own)) return [...new Set(names)];
    throw this.wrong("EST_CONFIG_VALUE", key, `write 1 to ${countMax} names, our own not among them`);
  }

  #nameIn(key: string, value: unknown): string {
    if (value === undefined) throw this.wrong("EST_CONFIG_KEY", key, `add ${key}; names are like aurora`);
    if (typeof value === "string" && /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(value)) return value;
    throw this.wrong("EST_CONFIG_VALUE", key, "use 1 to 32 of a-z, 0-9 and inner hyphens");
  }

  /** What a plugin finds wrong by itself. */
  wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
    return new ConfigError(code, `${this.driver}${key && `: ${key}`}: ${fix}`, { key, fix });
  }
}
