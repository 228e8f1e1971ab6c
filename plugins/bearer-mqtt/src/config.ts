import { ConfigError } from "@estafette/contract";
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
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw wrong("EST_CONFIG_VALUE", "", "write broker: mqtts://host:8883, name and with");
  const given = raw as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key))
      throw wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${KEYS.join(", ")}`);
  }
  const name = oneName(given.name, "name");
  const { parcelBytesMin, parcelBytesMax } = MQTT_LIMITS;
  const config: MqttConfig = {
    broker: brokerOf(given.broker),
    name,
    with: partners(given.with, name),
    prefix: given.prefix === undefined ? "estafette" : oneName(given.prefix, "prefix"),
    username: secret(given, "username"),
    password: secret(given, "password"),
    ca: secret(given, "ca"),
    cert: secret(given, "cert"),
    key: secret(given, "key"),
    sessionExpiryS: integer(given, "sessionExpiryS", 604_800, 0, 0xfffffffe),
    messageExpiryS: integer(given, "messageExpiryS", 86_400, 1, 0xfffffffe),
    keepaliveS: integer(given, "keepaliveS", 60, 10, 3_600),
    willDelayS: integer(given, "willDelayS", 30, 0, 86_400),
    parcelBytesMax: integer(given, "parcelBytesMax", 16_384, parcelBytesMin, parcelBytesMax),
    answerMs: integer(given, "answerMs", 500, 0, 86_400_000),
  };
  const usesTls = config.broker.startsWith("mqtts:");
  for (const key of ["ca", "cert", "key"] as const)
    if (config[key] !== null && !usesTls) throw wrong("EST_CONFIG_VALUE", key, "use mqtts:// in broker");
  if ((config.cert === null) !== (config.key === null))
    throw wrong("EST_CONFIG_KEY", config.cert === null ? "cert" : "key", "give cert and key together");
  return config;
}

function brokerOf(value: unknown): string {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", "broker", "add broker: mqtts://host:8883");
  const good =
    typeof value === "string" &&
    /^mqtts?:\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.test(value);
  if (good) return value;
  throw wrong("EST_CONFIG_VALUE", "broker", "write mqtt://host:1883 or mqtts://host:8883, without a login");
}

function oneName(value: unknown, key: string): string {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", key, `add ${key}; names are like aurora`);
  if (typeof value === "string" && NAME.test(value)) return value;
  throw wrong("EST_CONFIG_VALUE", key, "use 1 to 32 of a-z, 0-9 and inner hyphens");
}

function partners(value: unknown, own: string): readonly string[] {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", "with", "add with: [shore]");
  const names = (Array.isArray(value) ? value : [value]).map((one) => oneName(one, "with"));
  const { partnersMax } = MQTT_LIMITS;
  if (names.length >= 1 && names.length <= partnersMax && !names.includes(own)) return [...new Set(names)];
  throw wrong("EST_CONFIG_VALUE", "with", `write 1 to ${partnersMax} names, our own not among them`);
}

function secret(given: Record<string, unknown>, key: string): string | null {
  const value = given[key];
  if (value === undefined) return null;
  if (typeof value === "string" && value.length >= 1 && value.length <= 16_384) return value;
  throw wrong("EST_CONFIG_VALUE", key, "write text, best !secret NAME");
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

function wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
  return new ConfigError(code, `mqtt${key && `: ${key}`}: ${fix}`, { key, fix });
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const KEYS = [
  ...["broker", "name", "with", "prefix", "username", "password", "ca", "cert", "key"],
  ...["sessionExpiryS", "messageExpiryS", "keepaliveS", "willDelayS", "parcelBytesMax", "answerMs"],
];
