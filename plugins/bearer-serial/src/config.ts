import { ConfigError } from "@estafette/contract";
import { serialFrameBytes } from "@estafette/framing";
import { SERIAL_LIMITS } from "./limits.js";

export interface SerialConfig {
  /** Absolute path; best the stable name under /dev/serial/by-id. */
  readonly port: string;
  /** Bits per second between computer and modem [300…921 600]. Default 9 600. */
  readonly baud: number;
  /** Largest parcel in bytes [48…1 500]. Default 255. */
  readonly parcelBytesMax: number;
  /** Bits per second on the air [10…1 000 000]. Default: eight tenths of `baud`, a cable with start and stop bits. */
  readonly bitsPerSecond: number;
  /** Change from receiving to sending and propagation, in milliseconds [0…60 000]. Default 0. */
  readonly turnaroundMs: number;
  /** What the modem adds to each frame, in milliseconds [0…60 000]: keying, its own header, the pause that ends a frame,
   *  and the gap it leaves to the others. Too low, and parcels pile up in the modem, where a more urgent one cannot
   *  overtake them. Default: full duplex 0; half duplex three times `turnaroundMs`, 12 bytes of air, and 20. */
  readonly frameOverheadMs: number;
  /** Default `half`: most modems on a serial port are radios. */
  readonly duplex: "half" | "full";
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 250. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]; default `null`, unlimited. */
  readonly airtimeMsPerHourMax: number | null;
  /** Hardware flow control (RTS/CTS). Default false. */
  readonly rtscts: boolean;
}

/** Milliseconds one parcel occupies the channel, framing included. */
export function frameAirtimeMs(config: Pick<SerialConfig, "bitsPerSecond">, byteCount: number): number {
  return (serialFrameBytes(byteCount) * 8_000) / config.bitsPerSecond;
}

/** Throws ConfigError naming the key and the fix. */
export function parseSerialConfig(raw: unknown): SerialConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw wrong("EST_CONFIG_VALUE", "", "write port: /dev/serial/by-id/… and baud: 9600");
  }
  const given = raw as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key))
      throw wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${KEYS.join(", ")}`);
  }
  const baud = integer(given, "baud", 9_600, 300, 921_600);
  const { parcelBytesMin, parcelBytesMax } = SERIAL_LIMITS;
  const bitsPerSecond = integer(given, "bitsPerSecond", Math.floor(baud * 0.8), 10, 1_000_000);
  const turnaroundMs = integer(given, "turnaroundMs", 0, 0, 60_000);
  const duplex = oneOf(given, "duplex", ["half", "full"]);
  const config: SerialConfig = {
    port: parsePort(given.port),
    baud,
    parcelBytesMax: integer(given, "parcelBytesMax", 255, parcelBytesMin, parcelBytesMax),
    bitsPerSecond,
    turnaroundMs,
    frameOverheadMs: integer(
      given,
      "frameOverheadMs",
      usualOverheadMs(duplex, turnaroundMs, bitsPerSecond),
      0,
      60_000,
    ),
    duplex,
    answerMs: integer(given, "answerMs", 250, 0, 86_400_000),
    airtimeMsPerHourMax: parseBudget(given),
    rtscts: parseBoolean(given, "rtscts"),
  };
  const largestMs = Math.ceil(frameAirtimeMs(config, config.parcelBytesMax));
  if (config.airtimeMsPerHourMax !== null && config.airtimeMsPerHourMax < largestMs) {
    const fix = `write at least ${largestMs}, the airtime of one full parcel, or lower parcelBytesMax`;
    throw wrong("EST_CONFIG_VALUE", "airtimeMsPerHourMax", fix);
  }
  return config;
}

function usualOverheadMs(duplex: "half" | "full", turnaroundMs: number, bitsPerSecond: number): number {
  if (duplex === "full") return 0;
  return Math.min(60_000, 3 * turnaroundMs + Math.ceil((12 * 8_000) / bitsPerSecond) + 20);
}

function parsePort(value: unknown): string {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", "port", "add port: /dev/serial/by-id/…");
  if (typeof value !== "string" || !/^\/[^?#\0]{1,255}$/.test(value)) {
    throw wrong("EST_CONFIG_VALUE", "port", "write an absolute path such as /dev/serial/by-id/…");
  }
  return value;
}

function integer(
  given: Record<string, unknown>,
  key: string,
  otherwise: number,
  min: number,
  max: number,
): number {
  const value = given[key] ?? otherwise;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw wrong("EST_CONFIG_VALUE", key, `write a whole number from ${min} to ${max}`);
}

/** The first choice is the default. */
function oneOf<const Choice extends string>(
  given: Record<string, unknown>,
  key: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const value = given[key] ?? choices[0];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw wrong("EST_CONFIG_VALUE", key, `write ${choices.join(" or ")}`);
  return found;
}

function parseBudget(given: Record<string, unknown>): number | null {
  const key = "airtimeMsPerHourMax";
  return (given[key] ?? null) === null ? null : integer(given, key, 0, 1, 3_600_000);
}

function parseBoolean(given: Record<string, unknown>, key: string): boolean {
  const value = given[key] ?? false;
  if (typeof value === "boolean") return value;
  throw wrong("EST_CONFIG_VALUE", key, "write true or false");
}

function wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
  return new ConfigError(code, `serial${key && `: ${key}`}: ${fix}`, { key, fix });
}

const KEYS = [
  "port",
  "baud",
  "parcelBytesMax",
  "bitsPerSecond",
  "turnaroundMs",
  "frameOverheadMs",
  "duplex",
  "answerMs",
  "airtimeMsPerHourMax",
  "rtscts",
];
