import { PluginOptions } from "@estafette/contract";
import { type ModemConfig, parseModemConfig } from "./config-modem.js";
import {
  type DirectIpConfig,
  parseDirectIpConfig,
  parseRockBlockConfig,
  type RockBlockConfig,
} from "./config-shore.js";

/** One of three: the modem aboard, or one of the two ways ashore. */
export type SbdConfig = ModemConfig | DirectIpConfig | RockBlockConfig;

/** Throws ConfigError naming the key and the fix. */
export function parseSbdConfig(raw: unknown): SbdConfig {
  const example = "write port: /dev/serial/by-id/…, or role: directip or rockblock";
  const given = new PluginOptions("sbd", raw, example);
  const role = given.oneOf("role", ["modem", "directip", "rockblock"]);
  given.allowOnly(KEYS[role]);
  if (role === "modem") return parseModemConfig(given);
  return role === "directip" ? parseDirectIpConfig(given) : parseRockBlockConfig(given);
}

const COMMON = ["role", "parcelBytesMax", "creditBytes", "answerMs"];
const KEYS = {
  modem: [...COMMON, "port", "baud", "emptyCredits", "bitsPerSecond", "sessionGapMs", "retryMs", "ring"],
  directip: [...COMMON, "imeis", "listen", "gateway"],
  rockblock: [...COMMON, "imeis", "listen", "path", "service", "username", "password"],
} as const satisfies Record<string, readonly string[]> as Record<SbdConfig["role"], readonly string[]>;
