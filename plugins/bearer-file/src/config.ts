import { PluginOptions } from "@estafette/contract";
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
}

/** Throws ConfigError naming the key and the fix. */
export function parseFileConfig(raw: unknown): FileConfig {
  const given = new PluginOptions("file", raw, "write folder: /media/stick/estafette, name and with");
  given.allowOnly(KEYS);
  const name = given.gatewayName("name");
  const { parcelBytesMin, parcelBytesMax, waitingParcelsMax } = FILE_LIMITS;
  return {
    folder: given.text("folder", /^\/[^\0]{1,1023}$/, "an absolute path such as /media/stick/estafette"),
    name,
    with: given.gatewayNames("with", name, FILE_LIMITS.partnersMax),
    pollMs: given.integer("pollMs", 2_000, 100, 3_600_000),
    answerMs: given.integer("answerMs", 21_600_000, 0, 259_200_000),
    parcelBytesMax: given.integer("parcelBytesMax", 16_384, parcelBytesMin, parcelBytesMax),
    waitingParcelsMax: given.integer("waitingParcelsMax", 1_000, 1, waitingParcelsMax),
  };
}

const KEYS = ["folder", "name", "with", "pollMs", "answerMs", "parcelBytesMax", "waitingParcelsMax"];
