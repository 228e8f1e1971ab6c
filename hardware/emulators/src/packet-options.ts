import { ConfigError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";

/** Faults of real TNCs, each off unless named. */
export const PACKET_DEFECTS = [
  /** Every frame begins and ends with three FENDs. */
  "repeated-fends",
  /** Bytes of a terminal mode (prompt, banner) between two FENDs before each frame heard. */
  "garbage-between-frames",
  /** A frame without any content after each frame heard: a polled modem, or an empty beacon. */
  "empty-frames",
  /** What was heard is handed over as port 1 as well, as by a TNC with two radios. */
  "second-port",
  /** It hears itself: a sound card that listens to its own output, or a full-duplex repeater. */
  "own-echo",
  /** Bytes go to the computer one at a time. */
  "single-bytes",
] as const;

export type PacketDefect = (typeof PACKET_DEFECTS)[number];

/** TNCs that share one radio channel. Times are milliseconds of air, scaled by `timeScale`. */
export interface PacketOptions {
  /** TNCs on the channel [1…32]. Default 2. */
  readonly stations: number;
  /** Bits per second on the air [50…1 000 000]. Default 1 200, Bell 202 tones on a voice radio. */
  readonly bitsPerSecond: number;
  /** How long another carrier must be there before a TNC notices it [0…10 000]. Default 40. */
  readonly carrierDetectMs: number;
  /** Probability [0…1] that one receiver misses a whole frame. Default 0. */
  readonly frameLoss: number;
  /** Probability [0…0.1] that a bit arrives wrong. The frame check drops such a frame: missing, never damaged. Default 0. */
  readonly bitErrorRate: number;
  /** Pairs of stations that do not hear each other. Default none. */
  readonly hidden: readonly (readonly [number, number])[];
  /** Frames a TNC holds for sending [1…1 024]; the next one is dropped, and nobody is told. Default 16. */
  readonly queueFramesMax: number;
  /** Longest frame a TNC sends, in bytes from the address on [32…4 096]; longer ones are dropped, and nobody is told.
   *  Default 2 176: a content of 2 048 and ten addresses. */
  readonly frameBytesMax: number;
  /** Frames a TNC sends after keying once [1…64]. Default 7. */
  readonly framesPerKeyingMax: number;
  readonly defects: readonly PacketDefect[];
  /** Same seed and same input: same weather. Default 1. */
  readonly seed: number;
  /** The air runs so many times faster than the clock [0.01…1 000]. Default 1. */
  readonly timeScale: number;
}

const PACKET_DEFAULTS: PacketOptions = {
  stations: 2,
  bitsPerSecond: 1_200,
  carrierDetectMs: 40,
  frameLoss: 0,
  bitErrorRate: 0,
  hidden: [],
  queueFramesMax: 16,
  frameBytesMax: 2_176,
  framesPerKeyingMax: 7,
  defects: [],
  seed: 1,
  timeScale: 1,
};

/** Fills in defaults. Throws ConfigError EST_CONFIG_VALUE naming the first option out of range. */
export function packetOptions(given: Partial<PacketOptions>): PacketOptions {
  const options = { ...PACKET_DEFAULTS, ...given };
  for (const [key, min, max, whole] of RANGES) {
    const value = options[key];
    if (!(value >= min && value <= max) || (whole && !Number.isInteger(value)))
      throw wrong(key, `${whole ? "a whole number " : ""}from ${min} to ${max}`);
  }
  for (const pair of options.hidden) {
    if (pair.some((station) => !(Number.isInteger(station) && station >= 0 && station < options.stations)))
      throw wrong("hidden", "pairs of stations of this channel, counted from 0");
  }
  const unknown = options.defects.find((defect) => !PACKET_DEFECTS.includes(defect));
  if (unknown !== undefined) throw wrong("defects", `some of ${PACKET_DEFECTS.join(", ")}`);
  return options;
}

const RANGES = [
  ["stations", 1, EMULATOR_LIMITS.stationsMax, true],
  ["bitsPerSecond", 50, 1_000_000, false],
  ["carrierDetectMs", 0, 10_000, false],
  ["frameLoss", 0, 1, false],
  ["bitErrorRate", 0, 0.1, false],
  ["queueFramesMax", 1, 1_024, true],
  ["frameBytesMax", 32, 4_096, true],
  ["framesPerKeyingMax", 1, 64, true],
  ["seed", 0, Number.MAX_SAFE_INTEGER, true],
  ["timeScale", 0.01, 1_000, false],
] as const;

function wrong(key: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `packet radio: ${key} must be ${fix}`, { key, fix });
}
