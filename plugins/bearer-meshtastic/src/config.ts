import { ConfigError } from "@estafette/contract";
import { MESHTASTIC_LIMITS } from "./limits.js";
import { nodeNumber } from "./node-names.js";
import type { Mode } from "./packet-size.js";

export interface MeshtasticConfig {
  /** What `host.open` is given: `serial:/dev/…?baud=115200` or `tcp:host:4403`. */
  readonly url: string;
  /** Name of the radio's channel, or its index [0…7]. Default `estafette`. */
  readonly channel: string | number;
  /** `direct`: to one node, sealed by the radio. `channel`: to all on the channel, one byte says for whom. */
  readonly mode: Mode;
  /** Node numbers of the gateways at the far ends; empty: all nodes the radio knows. */
  readonly nodes: readonly number[];
  /** Largest parcel in bytes [48…]. Default and most 219 direct, 230 channel (231 less the byte that says for whom). */
  readonly parcelBytesMax: number;
  /** Number of our application [256…511]. Default 256, PRIVATE_APP. */
  readonly appPort: number;
  /** Radios a packet may pass [0…7]. Default 3. */
  readonly hopLimit: number;
  /** Let the radio repeat until the next hop was heard. Default false: the link repeats by itself. */
  readonly acknowledge: boolean;
  /** Default `any`; `clear-signed` on amateur bands. */
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 2 000. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]. Default a tenth of the hour; a region
   *  that allows less is kept to in any case. */
  readonly airtimeMsPerHourMax: number;
}

/** Throws ConfigError naming the key and the fix. */
export function parseMeshtasticConfig(raw: unknown): MeshtasticConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw wrong("EST_CONFIG_VALUE", "", "write port: /dev/serial/by-id/… or address: host:4403");
  const given = raw as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key))
      throw wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${KEYS.join(", ")}`);
  }
  const mode = oneOf(given, "mode", ["direct", "channel"]);
  const { directPayloadBytesMax, channelPayloadBytesMax } = MESHTASTIC_LIMITS;
  const parcelBytesMax = mode === "direct" ? directPayloadBytesMax : channelPayloadBytesMax - 1;
  const acknowledge = parseAcknowledge(given, mode);
  return {
    url: parseUrl(given),
    channel: parseChannel(given),
    mode,
    nodes: parseNodes(given, mode),
    parcelBytesMax: integer(given, "parcelBytesMax", parcelBytesMax, 48, parcelBytesMax),
    appPort: integer(given, "appPort", 256, 256, 511),
    hopLimit: integer(given, "hopLimit", 3, 0, 7),
    acknowledge,
    answerMs: integer(given, "answerMs", 2_000, 0, 86_400_000),
    airtimeMsPerHourMax: integer(given, "airtimeMsPerHourMax", 360_000, 1, 3_600_000),
  };
}

function parseUrl(given: Record<string, unknown>): string {
  const { port, address } = given;
  if (port === undefined && address === undefined)
    throw wrong("EST_CONFIG_KEY", "port", "add port: /dev/serial/by-id/… or address: host:4403");
  if (port !== undefined && address !== undefined)
    throw wrong("EST_CONFIG_KEY", "address", "keep port or address, not both");
  if (address !== undefined) {
    if (typeof address !== "string" || !/^(\[[0-9a-fA-F:.%\w]+\]|[^:[\]/?#\s]+)(:\d{1,5})?$/.test(address))
      throw wrong("EST_CONFIG_VALUE", "address", "write host:port, the port is 4403 unless you changed it");
    return `tcp:${/:\d+$/.test(address.replace(/^\[.*\]/, "")) ? address : `${address}:4403`}`;
  }
  if (typeof port !== "string" || !/^\/[^?#\0]{1,255}$/.test(port))
    throw wrong("EST_CONFIG_VALUE", "port", "write an absolute path such as /dev/serial/by-id/…");
  return `serial:${port}?baud=${integer(given, "baud", 115_200, 9_600, 921_600)}`;
}

function parseChannel(given: Record<string, unknown>): string | number {
  const channel = given.channel ?? "estafette";
  if (typeof channel === "string" && channel.length >= 1 && channel.length <= 11) return channel;
  if (typeof channel === "number" && Number.isInteger(channel) && channel >= 0 && channel <= 7)
    return channel;
  throw wrong(
    "EST_CONFIG_VALUE",
    "channel",
    "write the channel's name (1 to 11 letters) or its index, 0 to 7",
  );
}

function parseNodes(given: Record<string, unknown>, mode: Mode): readonly number[] {
  const nodes = given.nodes ?? [];
  const fix = 'write a list of node names such as ["!a1b2c3d4"]';
  if (!Array.isArray(nodes) || nodes.length > MESHTASTIC_LIMITS.neighboursMax)
    throw wrong("EST_CONFIG_VALUE", "nodes", `${fix}, at most ${MESHTASTIC_LIMITS.neighboursMax}`);
  const numbers = nodes.map((node) => (typeof node === "string" ? nodeNumber(node.toLowerCase()) : null));
  if (numbers.includes(null)) throw wrong("EST_CONFIG_VALUE", "nodes", fix);
  const known = numbers as number[];
  const lowBytes = new Set(known.map((num) => num & 0xff));
  if (mode === "channel" && lowBytes.size < known.length)
    throw wrong("EST_CONFIG_VALUE", "nodes", "two end in the same two digits; use mode: direct");
  return known;
}

function parseAcknowledge(given: Record<string, unknown>, mode: Mode): boolean {
  const value = given.acknowledge ?? false;
  if (typeof value !== "boolean") throw wrong("EST_CONFIG_VALUE", "acknowledge", "write true or false");
  if (value && mode === "channel")
    throw wrong("EST_CONFIG_VALUE", "acknowledge", "write false: nobody acknowledges what goes to all");
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

function wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
  return new ConfigError(code, `meshtastic${key && `: ${key}`}: ${fix}`, { key, fix });
}

const KEYS = [
  ...["port", "baud", "address", "channel", "mode", "nodes", "parcelBytesMax", "appPort", "hopLimit"],
  ...["acknowledge", "answerMs", "airtimeMsPerHourMax"],
];
