import type { PluginOptions } from "@estafette/contract";
import { SBD_LIMITS } from "./limits.js";

/** The 9602/9603 aboard. */
export interface ModemConfig {
  readonly role: "modem";
  /** Absolute path; best the stable name under /dev/serial/by-id. */
  readonly port: string;
  /** Bits per second on the serial line. Default 19 200. */
  readonly baud: number;
  /** Largest parcel in bytes [48…340]. Default: whole credits in 340 bytes, 300. */
  readonly parcelBytesMax: number;
  /** Bytes of one credit [1…340]. Default 50 (RockBLOCK). */
  readonly creditBytes: number;
  /** Credits of a session that carries nothing [0…100]. Default 1 (RockBLOCK). */
  readonly emptyCredits: number;
  /** Typical time until an answer, in milliseconds [0…86 400 000]. Default ten minutes. */
  readonly answerMs: number;
  /** Nominal rate [1…1 000 000]. Default 180: a full message in a session of 15 s. */
  readonly bitsPerSecond: number;
  /** Least time between two sessions, in milliseconds [0…600 000]: the modem's capacitor. Default 10 000; 30 000 where
   *  it is fed from USB. */
  readonly sessionGapMs: number;
  /** Bounds of the waits after failed sessions, in milliseconds; the last repeats. Default the vendor's table. */
  readonly retryMs: readonly number[];
  /** `answer`: a ring alert opens a session at once. `ignore`: visits only. Default `answer`. */
  readonly ring: "answer" | "ignore";
}

export function parseModemConfig(given: PluginOptions): ModemConfig {
  const creditBytes = given.integer("creditBytes", 50, 1, SBD_LIMITS.moBytesMax);
  return {
    role: "modem",
    port: given.serialPort("port"),
    baud: given.integer("baud", 19_200, 300, 921_600),
    parcelBytesMax: given.integer(
      "parcelBytesMax",
      wholeCredits(SBD_LIMITS.moBytesMax, creditBytes),
      48,
      SBD_LIMITS.moBytesMax,
    ),
    creditBytes,
    emptyCredits: given.integer("emptyCredits", 1, 0, 100),
    answerMs: given.integer("answerMs", 600_000, 0, 86_400_000),
    bitsPerSecond: given.integer("bitsPerSecond", 180, 1, 1_000_000),
    sessionGapMs: given.integer("sessionGapMs", 10_000, 0, 600_000),
    retryMs: retryOf(given),
    ring: given.oneOf("ring", ["answer", "ignore"]),
  };
}

/** The most bytes up to `bytesMax` that fill their credits; at least what a parcel must be able to hold. */
export function wholeCredits(bytesMax: number, creditBytes: number): number {
  const whole = Math.floor(bytesMax / creditBytes) * creditBytes;
  return whole >= 48 ? whole : bytesMax;
}

function retryOf(given: PluginOptions): readonly number[] {
  const value = given.value("retryMs");
  if (value === undefined) return VENDOR_RETRY_MS;
  const good = (one: unknown): boolean =>
    Number.isInteger(one) && Number(one) >= 0 && Number(one) <= 86_400_000;
  if (Array.isArray(value) && value.length >= 1 && value.length <= 32 && value.every(good)) return value;
  throw given.wrong("EST_CONFIG_VALUE", "retryMs", "write 1 to 32 whole numbers of milliseconds");
}

/** At once; up to 5 s twice; up to 30 s twice; then every 5 minutes (Iridium 9602 developer's guide). */
const VENDOR_RETRY_MS: readonly number[] = [0, 5_000, 5_000, 30_000, 30_000, 300_000];
