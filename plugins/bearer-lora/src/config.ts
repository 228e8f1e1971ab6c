import { PluginOptions } from "@estafette/contract";
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
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 500. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]. Default: what is usual on the band. */
  readonly airtimeMsPerHourMax: number;
}

/** Throws ConfigError naming the key and the fix. */
export function parseLoraConfig(raw: unknown): LoraConfig {
  const given = new PluginOptions("lora", raw, "write port: /dev/serial/by-id/… and frequency: 869.525 MHz");
  given.allowOnly(KEYS);
  const modulation = parseModulation(given);
  const address = required(given, "address", 1, 254);
  const payloadBytesMax = LORA_LIMITS.rnodePayloadBytesMax - ADDRESS_BYTES;
  const parcelBytesMax = given.integer("parcelBytesMax", PACKET_PARCEL_BYTES, 48, payloadBytesMax);
  const usualMs = usualAirtimeMsPerHour(modulation.frequencyHz);
  const airtimeMsPerHourMax = given.integer("airtimeMsPerHourMax", usualMs, 1, 3_600_000);
  const largestMs = Math.ceil(timeOnAirMs(modulation, Math.min(255, parcelBytesMax + ADDRESS_BYTES + 1)));
  if (airtimeMsPerHourMax < largestMs) {
    const fix = `write at least ${largestMs} ms, the airtime of one full parcel, or lower parcel_max`;
    throw given.wrong("EST_CONFIG_VALUE", "airtimeMsPerHourMax", fix);
  }
  return {
    url: parseUrl(given),
    module: given.oneOf("module", ["rnode"]),
    ...{ modulation, address, parcelBytesMax, airtimeMsPerHourMax },
    nodes: parseNodes(given, address),
    answerMs: given.integer("answerMs", 500, 0, 86_400_000),
  };
}

function parseModulation(given: PluginOptions): Modulation {
  if (given.value("frequency") === undefined)
    throw given.wrong("EST_CONFIG_KEY", "frequency", "add frequency: 869.525 MHz, or what is free to you");
  const frequencyHz = quantity(given, "frequency", HERTZ, "869.525 MHz");
  if (frequencyHz < 100e6 || frequencyHz > 3e9)
    throw given.wrong("EST_CONFIG_VALUE", "frequency", "write 100 MHz to 3 GHz");
  const bandwidthHz = quantity(given, "bandwidth", HERTZ, "125 kHz", "125 kHz");
  if (!BANDWIDTHS_HZ.includes(bandwidthHz))
    throw given.wrong("EST_CONFIG_VALUE", "bandwidth", `write one of ${BANDWIDTHS_HZ.join(", ")} Hz`);
  const txPowerDbm = quantity(given, "txPower", DBM, "14 dBm", "14 dBm");
  if (txPowerDbm < 0 || txPowerDbm > 30)
    throw given.wrong("EST_CONFIG_VALUE", "txPower", "write 0 dBm to 30 dBm");
  return {
    ...{ frequencyHz, bandwidthHz, txPowerDbm },
    spreadingFactor: given.integer("spreadingFactor", 8, 5, 12),
    codingRate: given.integer("codingRate", 5, 5, 8),
    preambleSymbols: given.integer("preambleSymbols", 18, 6, 100),
  };
}

function parseUrl(given: PluginOptions): string {
  const port = given.value("port");
  if (typeof port === "string" && /^tcp:[^?#\0\s]{3,255}$/.test(port)) return port;
  return `serial:${given.serialPort("port")}?baud=${given.integer("baud", 115_200, 9_600, 921_600)}`;
}

function parseNodes(given: PluginOptions, address: number): readonly number[] {
  const nodes = given.value("nodes");
  const { neighboursMax } = LORA_LIMITS;
  const fix = `write a list of the far gateways' addresses such as [2], at most ${neighboursMax}`;
  if (nodes === undefined) throw given.wrong("EST_CONFIG_KEY", "nodes", fix);
  const isList = Array.isArray(nodes) && nodes.length > 0 && nodes.length <= neighboursMax;
  if (!isList || !nodes.every((node) => Number.isInteger(node) && node >= 1 && node <= 254))
    throw given.wrong("EST_CONFIG_VALUE", "nodes", fix);
  if (nodes.includes(address)) throw given.wrong("EST_CONFIG_VALUE", "nodes", "leave out our own address");
  return [...new Set(nodes as number[])];
}

function quantity(
  given: PluginOptions,
  key: string,
  units: Readonly<Record<string, number>>,
  example: string,
  otherwise?: string,
): number {
  const value = given.value(key) ?? otherwise;
  const [, digits, unit = ""] =
    (typeof value === "string" && /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]+)$/.exec(value)) || [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (digits === undefined || factor === undefined)
    throw given.wrong("EST_CONFIG_VALUE", key, `write it with its unit, as ${example}`);
  return Math.round(Number(digits) * factor);
}

function required(given: PluginOptions, key: string, min: number, max: number): number {
  if (given.value(key) === undefined)
    throw given.wrong(
      "EST_CONFIG_KEY",
      key,
      `add ${key}: a number from ${min} to ${max}, unlike all others here`,
    );
  return given.integer(key, min, min, max);
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
