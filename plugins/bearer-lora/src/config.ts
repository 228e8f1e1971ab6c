import { ConfigError } from "@estafette/contract";
import { ADDRESS_BYTES } from "./addressing.js";
import { LORA_LIMITS } from "./limits.js";
import { type Modulation, timeOnAirMs, usualAirtimeMsPerHour } from "./modulation.js";

export interface LoraConfig {
  /** What `host.open` is given: `serial:/dev/…?baud=115200` or `tcp:host:port`. */
  readonly url: string;
  readonly module: "rnode";
  readonly modulation: Modulation;
  /** Our own number on this frequency [1…254]. */
  readonly address: number;
  /** Numbers of the gateways at the far ends, 1…64 of them. */
  readonly nodes: readonly number[];
  /** Largest parcel in bytes [48…506]. Default 252: one LoRa packet. */
  readonly parcelBytesMax: number;
  /** Default `any`; `clear-signed` on amateur bands. */
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 500. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]. Default: what is usual on the band. */
  readonly airtimeMsPerHourMax: number;
}

/** Throws ConfigError naming the key and the fix. */
export function parseLoraConfig(raw: unknown): LoraConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw wrong("EST_CONFIG_VALUE", "", "write port: /dev/serial/by-id/… and frequency: 869.525 MHz");
  const given = raw as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key))
      throw wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${KEYS.join(", ")}`);
  }
  const modulation = parseModulation(given);
  const address = required(given, "address", 1, 254);
  const payloadBytesMax = LORA_LIMITS.rnodePayloadBytesMax - ADDRESS_BYTES;
  const parcelBytesMax = integer(given, "parcelBytesMax", PACKET_PARCEL_BYTES, 48, payloadBytesMax);
  const usualMs = usualAirtimeMsPerHour(modulation.frequencyHz);
  const airtimeMsPerHourMax = integer(given, "airtimeMsPerHourMax", usualMs, 1, 3_600_000);
  const largestMs = Math.ceil(timeOnAirMs(modulation, Math.min(255, parcelBytesMax + ADDRESS_BYTES + 1)));
  if (airtimeMsPerHourMax < largestMs) {
    const fix = `write at least ${largestMs} ms, the airtime of one full parcel, or lower parcel_max`;
    throw wrong("EST_CONFIG_VALUE", "airtimeMsPerHourMax", fix);
  }
  return {
    url: parseUrl(given),
    module: oneOf(given, "module", ["rnode"]),
    ...{ modulation, address, parcelBytesMax, airtimeMsPerHourMax },
    nodes: parseNodes(given, address),
    answerMs: integer(given, "answerMs", 500, 0, 86_400_000),
  };
}

function parseModulation(given: Record<string, unknown>): Modulation {
  if (given.frequency === undefined)
    throw wrong("EST_CONFIG_KEY", "frequency", "add frequency: 869.525 MHz, or what is free to you");
  const frequencyHz = quantity(given, "frequency", HERTZ, "869.525 MHz");
  if (frequencyHz < 100e6 || frequencyHz > 3e9)
    throw wrong("EST_CONFIG_VALUE", "frequency", "write 100 MHz to 3 GHz");
  const bandwidthHz = quantity({ bandwidth: given.bandwidth ?? "125 kHz" }, "bandwidth", HERTZ, "125 kHz");
  if (!BANDWIDTHS_HZ.includes(bandwidthHz))
    throw wrong("EST_CONFIG_VALUE", "bandwidth", `write one of ${BANDWIDTHS_HZ.join(", ")} Hz`);
  const txPowerDbm = quantity({ txPower: given.txPower ?? "14 dBm" }, "txPower", DBM, "14 dBm");
  if (txPowerDbm < 0 || txPowerDbm > 30) throw wrong("EST_CONFIG_VALUE", "txPower", "write 0 dBm to 30 dBm");
  return {
    ...{ frequencyHz, bandwidthHz, txPowerDbm },
    spreadingFactor: integer(given, "spreadingFactor", 8, 5, 12),
    codingRate: integer(given, "codingRate", 5, 5, 8),
    preambleSymbols: integer(given, "preambleSymbols", 18, 6, 100),
  };
}

function parseUrl(given: Record<string, unknown>): string {
  const { port } = given;
  if (port === undefined) throw wrong("EST_CONFIG_KEY", "port", "add port: /dev/serial/by-id/…");
  if (typeof port === "string" && /^tcp:[^?#\0\s]{3,255}$/.test(port)) return port;
  if (typeof port !== "string" || !/^\/[^?#\0]{1,255}$/.test(port))
    throw wrong("EST_CONFIG_VALUE", "port", "write an absolute path such as /dev/serial/by-id/…");
  return `serial:${port}?baud=${integer(given, "baud", 115_200, 9_600, 921_600)}`;
}

function parseNodes(given: Record<string, unknown>, address: number): readonly number[] {
  const { nodes } = given;
  const { neighboursMax } = LORA_LIMITS;
  const fix = `write a list of the far gateways' addresses such as [2], at most ${neighboursMax}`;
  if (nodes === undefined) throw wrong("EST_CONFIG_KEY", "nodes", fix);
  const isList = Array.isArray(nodes) && nodes.length > 0 && nodes.length <= neighboursMax;
  if (!isList || !nodes.every((node) => Number.isInteger(node) && node >= 1 && node <= 254))
    throw wrong("EST_CONFIG_VALUE", "nodes", fix);
  if (nodes.includes(address)) throw wrong("EST_CONFIG_VALUE", "nodes", "leave out our own address");
  return [...new Set(nodes as number[])];
}

function quantity(
  given: Record<string, unknown>,
  key: string,
  units: Readonly<Record<string, number>>,
  example: string,
): number {
  const value = given[key];
  const [, digits, unit = ""] =
    (typeof value === "string" && /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]+)$/.exec(value)) || [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (digits === undefined || factor === undefined)
    throw wrong("EST_CONFIG_VALUE", key, `write it with its unit, as ${example}`);
  return Math.round(Number(digits) * factor);
}

function required(given: Record<string, unknown>, key: string, min: number, max: number): number {
  if (given[key] === undefined)
    throw wrong("EST_CONFIG_KEY", key, `add ${key}: a number from ${min} to ${max}, unlike all others here`);
  return integer(given, key, min, min, max);
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

function wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
  return new ConfigError(code, `lora${key && `: ${key}`}: ${fix}`, { key, fix });
}

/** A LoRa packet of an RNode holds 254 bytes of payload. */
const PACKET_PARCEL_BYTES = 254 - ADDRESS_BYTES;
const HERTZ = { Hz: 1, kHz: 1e3, MHz: 1e6, GHz: 1e9 };
const DBM = { dBm: 1 };
const BANDWIDTHS_HZ = [
  7_800, 10_400, 15_600, 20_800, 31_250, 41_700, 62_500, 125_000, 250_000, 500_000,
] as readonly number[];
const KEYS = [
  ...["port", "baud", "module", "frequency", "bandwidth", "spreadingFactor", "codingRate", "txPower"],
  ...["preambleSymbols", "address", "nodes", "parcelBytesMax", "answerMs", "airtimeMsPerHourMax"],
];
