import type { LoraSettings } from "./from-radio.js";

/** How a radio modulates: enough to say how long a packet takes. */
export interface Modulation {
  /** [5…12] */
  readonly spreadingFactor: number;
  readonly bandwidthKhz: number;
  /** 4/n, n [5…8]. */
  readonly codingRate: number;
}

/** The modem presets by their number. */
const PRESETS: Readonly<Record<number, Modulation>> = {
  0: { spreadingFactor: 11, bandwidthKhz: 250, codingRate: 5 }, // LongFast
  1: { spreadingFactor: 12, bandwidthKhz: 125, codingRate: 8 }, // LongSlow
  2: { spreadingFactor: 12, bandwidthKhz: 62.5, codingRate: 8 }, // VeryLongSlow
  3: { spreadingFactor: 10, bandwidthKhz: 250, codingRate: 5 }, // MediumSlow
  4: { spreadingFactor: 9, bandwidthKhz: 250, codingRate: 5 }, // MediumFast
  5: { spreadingFactor: 8, bandwidthKhz: 250, codingRate: 5 }, // ShortSlow
  6: { spreadingFactor: 7, bandwidthKhz: 250, codingRate: 5 }, // ShortFast
  7: { spreadingFactor: 11, bandwidthKhz: 125, codingRate: 8 }, // LongModerate
  8: { spreadingFactor: 7, bandwidthKhz: 500, codingRate: 5 }, // ShortTurbo
  9: { spreadingFactor: 11, bandwidthKhz: 500, codingRate: 8 }, // LongTurbo
};

/** LongFast: what a radio comes with, and what is assumed until it has said otherwise. */
export const LONG_FAST: Modulation = { spreadingFactor: 11, bandwidthKhz: 250, codingRate: 5 };

/** A preset of a later firmware is taken for the slowest one: too careful, never too loud. */
const SLOWEST: Modulation = { spreadingFactor: 12, bandwidthKhz: 62.5, codingRate: 8 };

export function modulationOf(lora: LoraSettings): Modulation {
  const wide = lora.region === REGION_LORA_24 ? WIDE_FACTOR : 1;
  if (lora.usesPreset) {
    const preset = PRESETS[lora.preset] ?? SLOWEST;
    return { ...preset, bandwidthKhz: preset.bandwidthKhz * wide };
  }
  const { spreadingFactor, codingRate, bandwidthKhz } = lora;
  const isSane = spreadingFactor >= 5 && spreadingFactor <= 12 && codingRate >= 5 && codingRate <= 8;
  if (!isSane || bandwidthKhz === 0) return SLOWEST;
  return { spreadingFactor, codingRate, bandwidthKhz: EXACT_KHZ[bandwidthKhz] ?? bandwidthKhz };
}

/** Part of an hour a node may send, in milliseconds, by the number of its region. The numbers above 26 are younger than
 *  our list: they get the smallest share any region has. */
export function dutyMsPerHourMax(region: number): number {
  if (region > REGION_KNOWN_MAX) return DUTY_SMALLEST_MS;
  return DUTY_MS[region] ?? HOUR_MS;
}

/** EU_433, EU_868, TH, UA_433: 10 %; UA_868: 1 % (firmware's region table). */
const DUTY_MS: Readonly<Record<number, number>> = {
  2: 360_000,
  3: 360_000,
  12: 360_000,
  14: 360_000,
  15: 36_000,
};

/** Milliseconds on the air for `byteCount` bytes, header included (Semtech AN1200.13: preamble of 16 symbols, explicit
 *  header, CRC). */
export function timeOnAirMs(modulation: Modulation, byteCount: number): number {
  const { spreadingFactor, codingRate } = modulation;
  const symbol = symbolMs(modulation);
  const perBlock = 4 * (spreadingFactor - (symbol >= 16 ? 2 : 0));
  const blocks = Math.max(0, Math.ceil((8 * byteCount - 4 * spreadingFactor + 44) / perBlock));
  return (20.25 + 8 + blocks * codingRate) * symbol;
}

/** Unit of the firmware's random wait before it sends, in milliseconds. */
export function slotMs(modulation: Modulation): number {
  return 2.5 * symbolMs(modulation) + 7.6;
}

export function bitsPerSecond(modulation: Modulation): number {
  return (modulation.spreadingFactor * 4_000) / (symbolMs(modulation) * modulation.codingRate);
}

function symbolMs({ spreadingFactor, bandwidthKhz }: Modulation): number {
  return 2 ** spreadingFactor / bandwidthKhz;
}

const HOUR_MS = 3_600_000;
const DUTY_SMALLEST_MS = 36_000;
const REGION_KNOWN_MAX = 26;
const REGION_LORA_24 = 13;
/** At 2.4 GHz bandwidths are 812.5 kHz where others have 250. */
const WIDE_FACTOR = 3.25;
/** Bandwidths as written in the configuration, and as they are. */
const EXACT_KHZ: Readonly<Record<number, number>> = {
  31: 31.25,
  62: 62.5,
  200: 203.125,
  400: 406.25,
  800: 812.5,
  1600: 1_625,
};
