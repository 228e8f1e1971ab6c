import { ConfigError } from "@estafette/contract";
import { FILE_LIMITS } from "./limits.js";

export interface FileConfig {
  /** Absolute path of a folder the owner made, best one inside the stick: without the stick it must not exist. */
  readonly folder: string;
  /** Our own name in the folder. */
  readonly name: string;
  /** Names of those we exchange parcels with. */
  readonly with: readonly string[];
  /** Milliseconds between looks into the folder [100…3 600 000]. Default 2 000. */
  readonly pollMs: number;
  /** Typical time until an answer is back, in milliseconds [0…259 200 000]. Default six hours. With three days the
   *  longest wait of a conversation (7.5 times that) still fits a timer. */
  readonly answerMs: number;
  /** Largest parcel in bytes [48…65 535]. Default 16 384. */
  readonly parcelBytesMax: number;
  /** Parcels that may wait for one partner [1…10 000]. Default 1 000. */
  readonly waitingParcelsMax: number;
  /** Default `any`. */
}

/** Throws ConfigError naming the key and the fix. */
export function parseFileConfig(raw: unknown): FileConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw wrong("EST_CONFIG_VALUE", "", "write folder: /media/stick/estafette, name and with");
  const given = raw as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!KEYS.includes(key))
      throw wrong("EST_CONFIG_KEY", key, `remove it; known keys are ${KEYS.join(", ")}`);
  }
  const name = oneName(given.name, "name");
  const { parcelBytesMin, parcelBytesMax, waitingParcelsMax } = FILE_LIMITS;
  return {
    folder: folderOf(given.folder),
    name,
    with: partners(given.with, name),
    pollMs: integer(given, "pollMs", 2_000, 100, 3_600_000),
    answerMs: integer(given, "answerMs", 21_600_000, 0, 259_200_000),
    parcelBytesMax: integer(given, "parcelBytesMax", 16_384, parcelBytesMin, parcelBytesMax),
    waitingParcelsMax: integer(given, "waitingParcelsMax", 1_000, 1, waitingParcelsMax),
  };
}

function folderOf(value: unknown): string {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", "folder", "add folder: /media/stick/estafette");
  if (typeof value === "string" && /^\/[^\0]{1,1023}$/.test(value)) return value;
  throw wrong("EST_CONFIG_VALUE", "folder", "write an absolute path such as /media/stick/estafette");
}

function oneName(value: unknown, key: string): string {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", key, `add ${key}; names are like aurora`);
  if (typeof value === "string" && NAME.test(value)) return value;
  throw wrong("EST_CONFIG_VALUE", key, "use 1 to 32 of a-z, 0-9 and inner hyphens");
}

function partners(value: unknown, own: string): readonly string[] {
  if (value === undefined) throw wrong("EST_CONFIG_KEY", "with", "add with: [shore]");
  const names = (Array.isArray(value) ? value : [value]).map((one) => oneName(one, "with"));
  const { partnersMax } = FILE_LIMITS;
  if (names.length >= 1 && names.length <= partnersMax && !names.includes(own)) return [...new Set(names)];
  throw wrong("EST_CONFIG_VALUE", "with", `write 1 to ${partnersMax} names, our own not among them`);
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
  return new ConfigError(code, `file${key && `: ${key}`}: ${fix}`, { key, fix });
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const KEYS = ["folder", "name", "with", "pollMs", "answerMs", "parcelBytesMax", "waitingParcelsMax"];
