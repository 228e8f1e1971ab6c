import type { PluginOptions } from "@estafette/contract";
import { wholeCredits } from "./config-modem.js";
import { SBD_LIMITS } from "./limits.js";

/** What both ways ashore have. */
export interface ShoreConfig {
  /** Modems we exchange parcels with, fifteen digits each; also their names as neighbours. */
  readonly imeis: readonly string[];
  /** address:port where the operator calls us. */
  readonly listen: string;
  /** Largest parcel in bytes [48…270]. Default: whole credits in 270 bytes, 250. */
  readonly parcelBytesMax: number;
  /** Bytes of one credit [1…340]. Default 50. */
  readonly creditBytes: number;
  /** Typical time until an answer, in milliseconds [0…86 400 000]. Default ten minutes. */
  readonly answerMs: number;
}

/** The operator's own protocol over TCP; no security of its own: through the operator's tunnel only. */
export interface DirectIpConfig extends ShoreConfig {
  readonly role: "directip";
  /** host:port of the operator's gateway for messages to ships. */
  readonly gateway: string;
}

/** The reseller's web service. */
export interface RockBlockConfig extends ShoreConfig {
  readonly role: "rockblock";
  /** Path of the web hook [1…200 characters, beginning with /]; make it hard to guess. Default /rockblock. */
  readonly path: string;
  /** URL for messages to ships. */
  readonly service: string;
  readonly username: string;
  readonly password: string;
}

export function parseDirectIpConfig(given: PluginOptions): DirectIpConfig {
  return {
    ...shoreOf(given),
    role: "directip",
    gateway: given.text(
      "gateway",
      ADDRESS,
      "host:port of the operator's gateway, for example 10.0.0.1:10800",
    ),
  };
}

export function parseRockBlockConfig(given: PluginOptions): RockBlockConfig {
  return {
    ...shoreOf(given),
    role: "rockblock",
    path: given.text(
      "path",
      /^\/[A-Za-z0-9._~/-]{0,199}$/,
      "a path of letters, digits and -._~/",
      "/rockblock",
    ),
    service: given.text("service", /^https?:\/\/[^\s?#]{1,200}$/, SERVICE, SERVICE),
    username: given.text("username", /^.{1,254}$/, "the name of the account"),
    password: given.text("password", /^.{1,254}$/, "!secret NAME"),
  };
}

function shoreOf(given: PluginOptions): ShoreConfig {
  const creditBytes = given.integer("creditBytes", 50, 1, SBD_LIMITS.moBytesMax);
  const { mtBytesMax } = SBD_LIMITS;
  return {
    imeis: imeisOf(given),
    listen: given.text("listen", ADDRESS, "address:port, for example 127.0.0.1:10801"),
    parcelBytesMax: given.integer("parcelBytesMax", wholeCredits(mtBytesMax, creditBytes), 48, mtBytesMax),
    creditBytes,
    answerMs: given.integer("answerMs", 600_000, 0, 86_400_000),
  };
}

function imeisOf(given: PluginOptions): readonly string[] {
  const value = given.value("imeis");
  if (value === undefined) throw given.wrong("EST_CONFIG_KEY", "imeis", 'add imeis: ["300434060000001"]');
  const all = (Array.isArray(value) ? value : [value]).map(String);
  const good = all.every((one) => /^\d{15}$/.test(one));
  if (good && all.length >= 1 && all.length <= SBD_LIMITS.modemsMax) return [...new Set(all)];
  throw given.wrong(
    "EST_CONFIG_VALUE",
    "imeis",
    `write 1 to ${SBD_LIMITS.modemsMax} numbers of fifteen digits`,
  );
}

const ADDRESS = /^(?:\[[0-9a-fA-F:.%\w]+\]|[^:[\]/?#\s]+):\d{1,5}$/;
/** The vendor's address. */
const SERVICE = "https://rockblock.rock7.com/rockblock/MT";
