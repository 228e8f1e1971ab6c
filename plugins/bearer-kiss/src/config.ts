import { PluginOptions } from "@estafette/contract";
import { uiOverheadBytes } from "./ax25.js";
import { type CallSign, formatCallSign, parseCallSign } from "./call-sign.js";
import { KISS_LIMITS } from "./limits.js";

export interface KissConfig {
  /** What {@link BearerHost.open} gets. */
  readonly url: string;
  /** Our own call sign: the source of each frame, and so the identification of the station. */
  readonly stationId: CallSign;
  /** Stations that can be sent to before they were heard; at most 64. */
  readonly stations: readonly CallSign[];
  /** Digipeaters our frames pass, in order. Default none. */
  readonly via: readonly CallSign[];
  /** Port of the TNC [0…15]. Default 0. */
  readonly tncPort: number;
  /** Largest parcel in bytes [48…2 048]: the PACLEN of the channel. Default 256. */
  readonly parcelBytesMax: number;
  /** Bits per second on the air [50…1 000 000]. Default 1 200. */
  readonly bitsPerSecond: number;
  /** From keying to the first bit of the frame, in milliseconds [0…2 550], in steps of 10. Default 300. */
  readonly txDelayMs: number;
  /** From the last bit to the end of keying, in milliseconds [0…2 550], in steps of 10. Default 100. */
  readonly txTailMs: number;
  /** Slot of the channel access, in milliseconds [10…2 550], in steps of 10. Default 100. */
  readonly slotTimeMs: number;
  /** The TNC keys with probability (persistence + 1) / 256 in each slot of a free channel [0…255]. Default 63. */
  readonly persistence: number;
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 500. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]; default `null`, unlimited. */
  readonly airtimeMsPerHourMax: number | null;
  /** While we transmit, a frame in clear text says who we are at least so often, in milliseconds
   *  [60 000…3 600 000], and once more at the end; default `null`: the source address of each frame is enough. */
  readonly idIntervalMs: number | null;
}

/** Milliseconds a frame of `byteCount` bytes of content keeps the transmitter keyed: check, flags and two bits of
 *  stuffing in a hundred included. */
export function uiAirtimeMs(config: KissConfig, byteCount: number): number {
  const bytes = uiOverheadBytes(config.via.length) + byteCount + CHECK_AND_FLAG_BYTES;
  return config.txDelayMs + (bytes * 8 * STUFFING * 1_000) / config.bitsPerSecond + config.txTailMs;
}

/** Mean wait of the TNC for its turn on a free channel, in milliseconds. */
export function accessMs({ slotTimeMs, persistence }: KissConfig): number {
  return (slotTimeMs * (255 - persistence)) / (persistence + 1);
}

/** Throws ConfigError naming the key and the fix. */
export function parseKissConfig(raw: unknown): KissConfig {
  const given = new PluginOptions(
    "kiss",
    raw,
    'write connect: "127.0.0.1:8001" and station_id: your call sign',
  );
  given.allowOnly(KEYS);
  const { parcelBytesMin, parcelBytesMax, stationsMax, viaMax } = KISS_LIMITS;
  const config: KissConfig = {
    url: parseUrl(given),
    stationId: parseOwnCall(given),
    stations: parseCalls(given, "stations", stationsMax),
    via: parseCalls(given, "via", viaMax),
    tncPort: given.integer("tncPort", 0, 0, 15),
    parcelBytesMax: given.integer("parcelBytesMax", 256, parcelBytesMin, parcelBytesMax),
    bitsPerSecond: given.integer("bitsPerSecond", 1_200, 50, 1_000_000),
    txDelayMs: tens(given, "txDelayMs", 300, 0),
    txTailMs: tens(given, "txTailMs", 100, 0),
    slotTimeMs: tens(given, "slotTimeMs", 100, 10),
    persistence: given.integer("persistence", 63, 0, 255),
    answerMs: given.integer("answerMs", 500, 0, 86_400_000),
    airtimeMsPerHourMax: given.optionalInteger("airtimeMsPerHourMax", 1, 3_600_000),
    idIntervalMs: given.optionalInteger("idIntervalMs", 60_000, 3_600_000),
  };
  const own = formatCallSign(config.stationId);
  if (config.stations.some((station) => formatCallSign(station) === own))
    throw given.wrong("EST_CONFIG_VALUE", "stations", `remove ${own}: that is this station`);
  const largestMs = Math.ceil(uiAirtimeMs(config, config.parcelBytesMax));
  if (config.airtimeMsPerHourMax !== null && config.airtimeMsPerHourMax < largestMs) {
    const fix = `write at least ${largestMs}, the airtime of one full parcel, or lower parcelBytesMax`;
    throw given.wrong("EST_CONFIG_VALUE", "airtimeMsPerHourMax", fix);
  }
  return config;
}

function parseUrl(given: PluginOptions): string {
  const [connect, port] = [given.value("connect"), given.value("port")];
  if (connect !== undefined && port !== undefined)
    throw given.wrong("EST_CONFIG_KEY", "port", "keep connect or port: a TNC is at one of them");
  if (connect === undefined && port === undefined)
    throw given.wrong(
      "EST_CONFIG_KEY",
      "connect",
      'add connect: "127.0.0.1:8001", or port: /dev/serial/by-id/…',
    );
  if (connect !== undefined) {
    for (const key of ["baud", "rtscts"])
      if (given.value(key) !== undefined)
        throw given.wrong("EST_CONFIG_KEY", key, "remove it: it belongs to port");
    const found = typeof connect === "string" ? ADDRESS.exec(connect) : null;
    const tcpPort = Number(found?.[1]);
    if (!(tcpPort >= 1 && tcpPort <= 65_535))
      throw given.wrong("EST_CONFIG_VALUE", "connect", 'write "host:port" with a port of 1 to 65535');
    return `tcp:${String(connect)}`;
  }
  const path = given.serialPort("port");
  const baud = given.integer("baud", 9_600, 300, 921_600);
  return `serial:${path}?baud=${baud}${given.flag("rtscts") ? "&flow=hardware" : ""}`;
}

function parseOwnCall(given: PluginOptions): CallSign {
  const value = given.value("stationId");
  if (value === undefined)
    throw given.wrong("EST_CONFIG_KEY", "stationId", "add your call sign, as N0CALL-1");
  return parseCall(given, "stationId", value);
}

function parseCalls(given: PluginOptions, key: string, max: number): readonly CallSign[] {
  const value = given.value(key) ?? [];
  if (!Array.isArray(value) || value.length > max)
    throw given.wrong("EST_CONFIG_VALUE", key, `write a list of at most ${max} call signs`);
  const calls = value.map((item) => parseCall(given, key, item));
  if (new Set(calls.map(formatCallSign)).size < calls.length)
    throw given.wrong("EST_CONFIG_VALUE", key, "name each station once");
  return calls;
}

function parseCall(given: PluginOptions, key: string, value: unknown): CallSign {
  const call = typeof value === "string" ? parseCallSign(value) : null;
  if (call) return call;
  throw given.wrong(
    "EST_CONFIG_VALUE",
    key,
    "write a call sign of 1 to 6 letters and digits, and -1 to -15 if needed",
  );
}

function tens(given: PluginOptions, key: string, otherwise: number, min: number): number {
  const value = given.integer(key, otherwise, min, 2_550);
  if (value % 10 === 0) return value;
  throw given.wrong("EST_CONFIG_VALUE", key, `write a multiple of 10 from ${min} to 2550`);
}

const ADDRESS = /^(?:\[[0-9a-fA-F:.%\w]+\]|[^:[\]/?#\s]+):(\d{1,5})$/;
const CHECK_AND_FLAG_BYTES = 4;
const STUFFING = 1.02;
const KEYS = [
  "connect",
  "port",
  "baud",
  "rtscts",
  "stationId",
  "stations",
  "via",
  "tncPort",
  "parcelBytesMax",
  "bitsPerSecond",
  "txDelayMs",
  "txTailMs",
  "slotTimeMs",
  "persistence",
  "answerMs",
  "airtimeMsPerHourMax",
  "idIntervalMs",
];
