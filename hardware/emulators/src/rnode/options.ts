import { ConfigError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";

/** Faults real RNodes have shown, each off unless named. */
export interface RnodeDefects {
  /** Never answers a detection: some other device on the port. */
  readonly isNoRnode: boolean;
  /** Echoes another frequency than it was told. */
  readonly wrongEcho: boolean;
  /** Takes packets and never sends them. */
  readonly stuckTransmitter: boolean;
  /** Radio set-up fails: an unprovisioned board. */
  readonly failsInit: boolean;
  /** Loses the second half of every packet that needs two. */
  readonly losesSecondHalf: boolean;
}

/** RNodes within earshot of each other. */
export interface RnodeOptions {
  /** How many [2…16]. Default 2. */
  readonly nodeCount: number;
  /** Probability [0…1] that a receiver misses a packet. Default 0. */
  readonly loss: number;
  /** What its radio can do at most, in dBm: 17 for an SX127x, 22 for an SX1262. Default 17. */
  readonly txPowerDbmMax: number;
  /** Bytes and packets held for sending; a small board has 5 120 and 24. Default 6 144 and 200. */
  readonly queueBytesMax: number;
  readonly queuePacketsMax: number;
  /** Opening the port restarts the board; it takes so long, in milliseconds. Default 1 500. */
  readonly bootMs: number;
  readonly preambleSymbols: number;
  readonly defects: Partial<RnodeDefects>;
  /** Same seed and same input: same weather. Default 1. */
  readonly seed: number;
  /** The radios run so many times faster than the clock [0.01…1 000]. Default 1. */
  readonly timeScale: number;
}

const RNODE_DEFAULTS: RnodeOptions = {
  nodeCount: 2,
  loss: 0,
  txPowerDbmMax: 17,
  queueBytesMax: 6_144,
  queuePacketsMax: 200,
  bootMs: 1_500,
  preambleSymbols: 18,
  defects: {},
  seed: 1,
  timeScale: 1,
};

/** Fills in defaults. Throws ConfigError EST_CONFIG_VALUE naming the first option out of range. */
export function rnodeOptions(given: Partial<RnodeOptions>): RnodeOptions {
  const options = { ...RNODE_DEFAULTS, ...given };
  for (const [key, min, max] of RANGES) {
    const value = options[key];
    if (value >= min && value <= max) continue;
    const fix = `from ${min} to ${max}`;
    throw new ConfigError("EST_CONFIG_VALUE", `rnode: ${key} must be ${fix}`, { key, fix });
  }
  return options;
}

const RANGES = [
  ["nodeCount", 2, EMULATOR_LIMITS.meshNodesMax],
  ["loss", 0, 1],
  ["txPowerDbmMax", 0, 30],
  ["queueBytesMax", 508, 65_536],
  ["queuePacketsMax", 1, 1_000],
  ["bootMs", 0, 60_000],
  ["preambleSymbols", 6, 100],
  ["seed", 0, Number.MAX_SAFE_INTEGER],
  ["timeScale", 0.01, 1_000],
] as const;
