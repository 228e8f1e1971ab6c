import { type ModemConfig, parseModemConfig } from "./config-modem.js";
import {
  type DirectIpConfig,
  parseDirectIpConfig,
  parseRockBlockConfig,
  type RockBlockConfig,
} from "./config-shore.js";
import { type Given, oneOf, wrong } from "./options.js";

/** One of three: the modem aboard, or one of the two ways ashore. */
export type SbdConfig = ModemConfig | DirectIpConfig | RockBlockConfig;

/** Throws ConfigError naming the key and the fix. */
export function parseSbdConfig(raw: unknown): SbdConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw wrong("EST_CONFIG_VALUE", "", "write port: /dev/serial/by-id/…, or role: directip or rockblock");
  const given = raw as Given;
  const role = oneOf(given, "role", ["modem", "directip", "rockblock"]);
  for (const key of Object.keys(given)) {
    if (!KEYS[role].includes(key))
      throw wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${KEYS[role].join(", ")}`);
  }
  if (role === "modem") return parseModemConfig(given);
  return role === "directip" ? parseDirectIpConfig(given) : parseRockBlockConfig(given);
}

const COMMON = ["role", "parcelBytesMax", "creditBytes", "answerMs"];
const KEYS = {
  modem: [...COMMON, "port", "baud", "emptyCredits", "bitsPerSecond", "sessionGapMs", "retryMs", "ring"],
  directip: [...COMMON, "imeis", "listen", "gateway"],
  rockblock: [...COMMON, "imeis", "listen", "path", "service", "username", "password"],
} as const satisfies Record<string, readonly string[]> as Record<SbdConfig["role"], readonly string[]>;
