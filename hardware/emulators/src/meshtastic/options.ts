import { ConfigError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";
import { type ChannelKey, DEFAULT_KEY } from "./crypto.js";
import type { PresetName, RegionName } from "./presets.js";

/** Faults real firmware has shown, each off unless named. */
export interface MeshtasticDefects {
  /** Takes packets without answering with a QueueStatus. */
  readonly noQueueStatus: boolean;
  /** The handshake ends without config_complete_id. */
  readonly neverCompletes: boolean;
  /** Debug text on the serial port between frames. */
  readonly textBetweenFrames: boolean;
  /** Gives each heard packet to the host twice. */
  readonly givesTwice: boolean;
  /** Packets stay in the queue and never go on the air. */
  readonly stuckTransmitter: boolean;
  /** Restarts without saying so. */
  readonly restartsSilently: boolean;
  /** Gives the host heard packets two at a time, the later one first. */
  readonly reorders: boolean;
}

/** Radios on one frequency. */
export interface MeshtasticOptions {
  /** How many radios [2…16]. Default 2. */
  readonly nodeCount: number;
  readonly preset: PresetName;
  readonly region: RegionName;
  /** The channels all of them have; the first is the primary one. Keys of 16 or 32 bytes. */
  readonly channels: readonly ChannelKey[];
  /** Probability [0…1] that a receiver misses a packet. Default 0. */
  readonly loss: number;
  /** Probability [0…1] that an acknowledgement never leaves, though the packet was delivered. Default 0. */
  readonly ackLoss: number;
  /** Pairs of radios that do not hear each other, as indexes. */
  readonly deaf: readonly (readonly [number, number])[];
  /** Hops a packet may pass [0…7]. Default 3. */
  readonly hopLimit: number;
  /** Direct messages are sealed to one node (firmware 2.5). Default true. */
  readonly pki: boolean;
  /** Amateur licence: nothing is sealed. Default false. */
  readonly isLicensed: boolean;
  /** Broadcasts are signed where the signature fits (firmware 2.8). Default true. */
  readonly signsBroadcasts: boolean;
  /** Bytes of each packet that this firmware keeps for itself, beyond what is known [0…64]. Default 0. */
  readonly reservedBytes: number;
  /** Nodes of other people in each database [0…1 000]. Default 3. */
  readonly strangerCount: number;
  /** What a radio keeps for a host that is away, in packets [1…64]; the oldest goes first. Default 32. */
  readonly toHostPacketsMax: number;
  /** A restart takes so long, in milliseconds. Default 5 000. */
  readonly bootMs: number;
  readonly defects: Partial<MeshtasticDefects>;
  /** Same seed and same input: same weather. Default 1. */
  readonly seed: number;
  /** The radios run so many times faster than the clock [0.01…1 000]. Default 1. */
  readonly timeScale: number;
}

const MESHTASTIC_DEFAULTS: MeshtasticOptions = {
  nodeCount: 2,
  preset: "LongFast",
  region: "EU_868",
  channels: [
    { name: "LongFast", key: DEFAULT_KEY },
    { name: "estafette", key: new Uint8Array(32).fill(0x5e) },
  ],
  loss: 0,
  ackLoss: 0,
  deaf: [],
  hopLimit: 3,
  pki: true,
  isLicensed: false,
  signsBroadcasts: true,
  reservedBytes: 0,
  strangerCount: 3,
  toHostPacketsMax: 32,
  bootMs: 5_000,
  defects: {},
  seed: 1,
  timeScale: 1,
};

/** Fills in defaults. Throws ConfigError EST_CONFIG_VALUE naming the first option out of range. */
export function meshtasticOptions(given: Partial<MeshtasticOptions>): MeshtasticOptions {
  const options = { ...MESHTASTIC_DEFAULTS, ...given };
  for (const [key, min, max] of RANGES) {
    const value = options[key];
    if (!(value >= min && value <= max)) throw wrong(key, `from ${min} to ${max}`);
  }
  const { channels } = options;
  if (channels.length < 1 || channels.length > EMULATOR_LIMITS.meshChannelsMax)
    throw wrong("channels", `1 to ${EMULATOR_LIMITS.meshChannelsMax}`);
  if (channels.some(({ key }) => key.length !== 16 && key.length !== 32))
    throw wrong("channels", "given keys of 16 or 32 bytes");
  return options;
}

const RANGES = [
  ["nodeCount", 2, EMULATOR_LIMITS.meshNodesMax],
  ["loss", 0, 1],
  ["ackLoss", 0, 1],
  ["hopLimit", 0, 7],
  ["reservedBytes", 0, 64],
  ["strangerCount", 0, 1_000],
  ["toHostPacketsMax", 1, 64],
  ["bootMs", 0, 600_000],
  ["seed", 0, Number.MAX_SAFE_INTEGER],
  ["timeScale", 0.01, 1_000],
] as const;

function wrong(key: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `meshtastic: ${key} must be ${fix}`, { key, fix });
}
