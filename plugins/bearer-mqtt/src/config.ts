import { PluginOptions } from "@estafette/contract";
import { MQTT_LIMITS } from "./limits.js";

export interface MqttConfig {
  /** mqtt://host:1883 or mqtts://host:8883. */
  readonly broker: string;
  /** Our own name: client id and topics. Two gateways of one name on one broker throw each other out. */
  readonly name: string;
  /** Names of those we exchange parcels with. */
  readonly with: readonly string[];
  /** First level of all topics. Default `estafette`. */
  readonly prefix: string;
  readonly username: string | null;
  readonly password: string | null;
  /** PEM texts: an authority of one's own, and a certificate and key of ours. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** Seconds the broker keeps our session while we are away [0…4 294 967 294]. Default seven days. */
  readonly sessionExpiryS: number;
  /** Seconds the broker keeps a parcel of ours that nobody collects [1…4 294 967 294]. Default one day. */
  readonly messageExpiryS: number;
  /** Seconds of silence until either side looks for the other [10…3 600]. Default 60. */
  readonly keepaliveS: number;
  /** Seconds after a broken connection until the others are told that we are away [0…86 400]. Default 30. */
  readonly willDelayS: number;
  /** Largest parcel in bytes [48…65 535]. Default 16 384. */
  readonly parcelBytesMax: number;
  /** Typical time until an answer, in milliseconds [0…86 400 000]. Default 500. */
  readonly answerMs: number;
}

/** Throws ConfigError naming the key and the fix. */
export function parseMqttConfig(raw: unknown): MqttConfig {
  const given = new PluginOptions("mqtt", raw, "write broker: mqtts://host:8883, name and with");
  given.allowOnly(KEYS);
  const name = given.gatewayName("name");
  const { parcelBytesMin, parcelBytesMax } = MQTT_LIMITS;
  const config: MqttConfig = {
    broker: brokerOf(given),
    name,
    with: given.gatewayNames("with", name, MQTT_LIMITS.partnersMax),
    prefix: given.gatewayName("prefix", "estafette"),
    username: secret(given, "username"),
    password: secret(given, "password"),
    ca: secret(given, "ca"),
    cert: secret(given, "cert"),
    key: secret(given, "key"),
    sessionExpiryS: given.integer("sessionExpiryS", 604_800, 0, 0xfffffffe),
    messageExpiryS: given.integer("messageExpiryS", 86_400, 1, 0xfffffffe),
    keepaliveS: given.integer("keepaliveS", 60, 10, 3_600),
    willDelayS: given.integer("willDelayS", 30, 0, 86_400),
    parcelBytesMax: given.integer("parcelBytesMax", 16_384, parcelBytesMin, parcelBytesMax),
    answerMs: given.integer("answerMs", 500, 0, 86_400_000),
  };
  const usesTls = config.broker.startsWith("mqtts:");
  for (const key of ["ca", "cert", "key"] as const)
    if (config[key] !== null && !usesTls)
      throw given.wrong("EST_CONFIG_VALUE", key, "use mqtts:// in broker");
  if ((config.cert === null) !== (config.key === null))
    throw given.wrong("EST_CONFIG_KEY", config.cert === null ? "cert" : "key", "give cert and key together");
  return config;
}

function brokerOf(given: PluginOptions): string {
  const value = given.value("broker");
  if (value === undefined) throw given.wrong("EST_CONFIG_KEY", "broker", "add broker: mqtts://host:8883");
  const good =
    typeof value === "string" &&
    /^mqtts?:\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.test(value);
  if (good) return value;
  throw given.wrong(
    "EST_CONFIG_VALUE",
    "broker",
    "write mqtt://host:1883 or mqtts://host:8883, without a login",
  );
}

function secret(given: PluginOptions, key: string): string | null {
  const value = given.value(key);
  if (value === undefined) return null;
  if (typeof value === "string" && value.length >= 1 && value.length <= 16_384) return value;
  throw given.wrong("EST_CONFIG_VALUE", key, "write text, best !secret NAME");
}

const KEYS = [
  ...["broker", "name", "with", "prefix", "username", "password", "ca", "cert", "key"],
  ...["sessionExpiryS", "messageExpiryS", "keepaliveS", "willDelayS", "parcelBytesMax", "answerMs"],
];
