import { ConfigError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";

/** A pair of transparent half-duplex radio modems and the air between them. */
export interface RadioOptions {
  /** Bits per second on the air [10…1 000 000]. Default 1 200. */
  readonly bitsPerSecond: number;
  /** From listening to sending, before each frame, in milliseconds [0…60 000]. Default 200. It is also the time
   *  during which the other side does not hear yet that the channel is taken. */
  readonly turnaroundMs: number;
  /** Probability [0…1] that a frame is lost. Default 0. */
  readonly frameLoss: number;
  /** Probability [0…0.1] that a bit arrives wrong. A transparent modem hands damage over. Default 0. */
  readonly bitErrorRate: number;
  /** Bytes the modem adds to each frame on the air (preamble is `turnaroundMs`) [0…255]. Default 8. */
  readonly frameOverheadBytes: number;
  /** A frame is sent when it has so many bytes [1…4 096], default 512, … */
  readonly frameBytesMax: number;
  /** … or when the computer has written nothing for so long, in milliseconds of the clock, not scaled. Default 20. */
  readonly idleGapMs: number;
  /** What a modem holds for sending, in bytes; then it lets the computer wait (RTS/CTS). Default 1 024. */
  readonly bufferBytesMax: number;
  /** Times the air carries nothing, in milliseconds since the start, scaled. Default none. */
  readonly cuts: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** Interruptions by chance: mean lengths in milliseconds, scaled. Default `null`. */
  readonly randomCuts: { readonly meanUpMs: number; readonly meanDownMs: number } | null;
  /** Same seed and same input: same weather. Default 1. */
  readonly seed: number;
  /** The air runs so many times faster than the clock [0.01…1 000]. Default 1. */
  readonly timeScale: number;
}

export const RADIO_DEFAULTS: RadioOptions = {
  bitsPerSecond: 1_200,
  turnaroundMs: 200,
  frameLoss: 0,
  bitErrorRate: 0,
  frameOverheadBytes: 8,
  frameBytesMax: 512,
  idleGapMs: 20,
  bufferBytesMax: 1_024,
  cuts: [],
  randomCuts: null,
  seed: 1,
  timeScale: 1,
};

/** Fills in defaults. Throws ConfigError EST_CONFIG_VALUE naming the first option out of range. */
export function radioOptions(given: Partial<RadioOptions>): RadioOptions {
  const options = { ...RADIO_DEFAULTS, ...given };
  for (const [key, min, max] of RANGES) {
    const value = options[key];
    if (typeof value !== "number" || !(value >= min && value <= max))
      throw wrong(key, `from ${min} to ${max}`);
  }
  if (options.bufferBytesMax < options.frameBytesMax) throw wrong("bufferBytesMax", "at least frameBytesMax");
  if (options.cuts.length > EMULATOR_LIMITS.cutsMax)
    throw wrong("cuts", `at most ${EMULATOR_LIMITS.cutsMax}`);
  let afterMs = 0;
  for (const { fromMs, toMs } of options.cuts) {
    if (!(fromMs >= afterMs && toMs > fromMs)) throw wrong("cuts", "in order and not overlapping");
    afterMs = toMs;
  }
  if (options.cuts.length > 0 && options.randomCuts)
    throw wrong("randomCuts", "null where cuts are scripted");
  if (options.randomCuts && !(options.randomCuts.meanUpMs >= 1 && options.randomCuts.meanDownMs >= 1)) {
    throw wrong("randomCuts", "at least 1 ms each");
  }
  return options;
}

const RANGES = [
  ["bitsPerSecond", 10, 1_000_000],
  ["turnaroundMs", 0, 60_000],
  ["frameLoss", 0, 1],
  ["bitErrorRate", 0, 0.1],
  ["frameOverheadBytes", 0, 255],
  ["frameBytesMax", 1, 4_096],
  ["idleGapMs", 0, 10_000],
  ["bufferBytesMax", 1, 65_536],
  ["seed", 0, Number.MAX_SAFE_INTEGER],
  ["timeScale", 0.01, 1_000],
] as const;

function wrong(key: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `radio: ${key} must be ${fix}`, { key, fix });
}
