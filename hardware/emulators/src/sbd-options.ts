import { ConfigError } from "@estafette/contract";

/** A 9602 modem, its sky, and what real ones are known to do wrong. All times in milliseconds and scaled. */
export interface SbdOptions {
  /** Fifteen digits. Default 300434060000001. */
  readonly imei: string;
  /** How long a session takes that comes about, evenly between. Default 8 000 to 20 000. */
  readonly sessionMs: readonly [number, number];
  /** How long one takes that does not. Default 5 000 to 45 000. */
  readonly failureMs: readonly [number, number];
  /** Share of sessions that end with status 18 [0…1]. Default 0. */
  readonly failures: number;
  /** From a message in the queue to the ring at the modem. Default 3 000. */
  readonly ringMs: number;
  /** Time scale [0.01…1 000]. Default 1. */
  readonly timeScale: number;
  /** Default 1. */
  readonly seed: number;
  /** Whether +SBDIX has spaces after its commas, as hardware prints; manuals and an emulator have none. Default true. */
  readonly spaces: boolean;
  /** Every reply to SBDIX has an SBDRING inside when one is due. Default false. */
  readonly ringInsideReply: boolean;
  /** Bytes of noise after power comes back (brown-out). Default 0. */
  readonly garbageBytes: number;
  /** Whether it answers SBDSX and CSQ; a well-known emulator does not. Default true. */
  readonly answersStatus: boolean;
}

export const SBD_DEFAULTS: SbdOptions = {
  imei: "300434060000001",
  sessionMs: [8_000, 20_000],
  failureMs: [5_000, 45_000],
  failures: 0,
  ringMs: 3_000,
  timeScale: 1,
  seed: 1,
  spaces: true,
  ringInsideReply: false,
  garbageBytes: 0,
  answersStatus: true,
};

/** Fills in defaults. Throws ConfigError EST_CONFIG_VALUE naming the first option out of range. */
export function sbdOptions(given: Partial<SbdOptions>): SbdOptions {
  const options = { ...SBD_DEFAULTS, ...given };
  if (!/^\d{15}$/.test(options.imei)) throw wrong("imei", "fifteen digits");
  for (const key of ["sessionMs", "failureMs"] as const) {
    const [least, most] = options[key];
    if (!(least >= 0 && most >= least && most <= 600_000)) throw wrong(key, "two rising times up to 600000");
  }
  if (!(options.failures >= 0 && options.failures <= 1)) throw wrong("failures", "from 0 to 1");
  if (!(options.ringMs >= 0 && options.ringMs <= 600_000)) throw wrong("ringMs", "from 0 to 600000");
  if (!(options.timeScale >= 0.01 && options.timeScale <= 1_000))
    throw wrong("timeScale", "from 0.01 to 1000");
  if (!(options.garbageBytes >= 0 && options.garbageBytes <= 4_096)) throw wrong("garbageBytes", "0 to 4096");
  return options;
}

function wrong(key: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `sbd: ${key} must be ${fix}`, { key, fix });
}
