import { PluginOptions } from "@estafette/contract";
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
  /** Typical time until an answer, beyond airtime, in milliseconds [0…86 400 000]. Default 2 000. */
  readonly answerMs: number;
  /** Channel time we may use in a sliding hour, in milliseconds [1…3 600 000]. Default a tenth of the hour; a region
   *  that allows less is kept to in any case. */
  readonly airtimeMsPerHourMax: number;
}

/** Throws ConfigError naming the key and the fix. */
export function parseMeshtasticConfig(raw: unknown): MeshtasticConfig {
  const given = new PluginOptions("meshtastic", raw, "write port: /dev/serial/by-id/… or address: host:4403");
  given.allowOnly(KEYS);
  const mode = given.oneOf("mode", ["direct", "channel"]);
  const { directPayloadBytesMax, channelPayloadBytesMax } = MESHTASTIC_LIMITS;
  const parcelBytesMax = mode === "direct" ? directPayloadBytesMax : channelPayloadBytesMax - 1;
  const acknowledge = parseAcknowledge(given, mode);
  return {
    url: parseUrl(given),
    channel: parseChannel(given),
    mode,
    nodes: parseNodes(given, mode),
    parcelBytesMax: given.integer("parcelBytesMax", parcelBytesMax, 48, parcelBytesMax),
    appPort: given.integer("appPort", 256, 256, 511),
    hopLimit: given.integer("hopLimit", 3, 0, 7),
    acknowledge,
    answerMs: given.integer("answerMs", 2_000, 0, 86_400_000),
    airtimeMsPerHourMax: given.integer("airtimeMsPerHourMax", 360_000, 1, 3_600_000),
  };
}

function parseUrl(given: PluginOptions): string {
  const [port, address] = [given.value("port"), given.value("address")];
  if (port === undefined && address === undefined)
    throw given.wrong("EST_CONFIG_KEY", "port", "add port: /dev/serial/by-id/… or address: host:4403");
  if (port !== undefined && address !== undefined)
    throw given.wrong("EST_CONFIG_KEY", "address", "keep port or address, not both");
  if (address !== undefined) {
    if (typeof address !== "string" || !/^(\[[0-9a-fA-F:.%\w]+\]|[^:[\]/?#\s]+)(:\d{1,5})?$/.test(address))
      throw given.wrong(
        "EST_CONFIG_VALUE",
        "address",
        "write host:port, the port is 4403 unless you changed it",
      );
    return `tcp:${/:\d+$/.test(address.replace(/^\[.*\]/, "")) ? address : `${address}:4403`}`;
  }
  return `serial:${given.serialPort("port")}?baud=${given.integer("baud", 115_200, 9_600, 921_600)}`;
}

function parseChannel(given: PluginOptions): string | number {
  const channel = given.value("channel") ?? "estafette";
  if (typeof channel === "string" && channel.length >= 1 && channel.length <= 11) return channel;
  if (typeof channel === "number" && Number.isInteger(channel) && channel >= 0 && channel <= 7)
    return channel;
  throw given.wrong(
    "EST_CONFIG_VALUE",
    "channel",
    "write the channel's name (1 to 11 letters) or its index, 0 to 7",
  );
}

function parseNodes(given: PluginOptions, mode: Mode): readonly number[] {
  const nodes = given.value("nodes") ?? [];
  const fix = 'write a list of node names such as ["!a1b2c3d4"]';
  if (!Array.isArray(nodes) || nodes.length > MESHTASTIC_LIMITS.neighboursMax)
    throw given.wrong("EST_CONFIG_VALUE", "nodes", `${fix}, at most ${MESHTASTIC_LIMITS.neighboursMax}`);
  const numbers = nodes.map((node) => (typeof node === "string" ? nodeNumber(node.toLowerCase()) : null));
  if (numbers.includes(null)) throw given.wrong("EST_CONFIG_VALUE", "nodes", fix);
  const known = numbers as number[];
  const lowBytes = new Set(known.map((num) => num & 0xff));
  if (mode === "channel" && lowBytes.size < known.length)
    throw given.wrong("EST_CONFIG_VALUE", "nodes", "two end in the same two digits; use mode: direct");
  return known;
}

function parseAcknowledge(given: PluginOptions, mode: Mode): boolean {
  const value = given.flag("acknowledge");
  if (value && mode === "channel")
    throw given.wrong("EST_CONFIG_VALUE", "acknowledge", "write false: nobody acknowledges what goes to all");
  return value;
}

const KEYS = [
  ...["port", "baud", "address", "channel", "mode", "nodes", "parcelBytesMax", "appPort", "hopLimit"],
  ...["acknowledge", "answerMs", "airtimeMsPerHourMax"],
];
