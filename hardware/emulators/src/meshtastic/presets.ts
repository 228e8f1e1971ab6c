import { type Lora, timeOnAirMs as loraTimeOnAirMs, symbolMs } from "../lora-airtime.js";

/** Modem presets: number in the configuration, spreading factor, bandwidth in kHz, coding rate 4/cr. */
const PRESETS = {
  LongFast: { code: 0, sf: 11, kHz: 250, cr: 5 },
  LongSlow: { code: 1, sf: 12, kHz: 125, cr: 8 },
  MediumSlow: { code: 3, sf: 10, kHz: 250, cr: 5 },
  MediumFast: { code: 4, sf: 9, kHz: 250, cr: 5 },
  ShortSlow: { code: 5, sf: 8, kHz: 250, cr: 5 },
  ShortFast: { code: 6, sf: 7, kHz: 250, cr: 5 },
  LongModerate: { code: 7, sf: 11, kHz: 125, cr: 8 },
  ShortTurbo: { code: 8, sf: 7, kHz: 500, cr: 5 },
  LongTurbo: { code: 9, sf: 11, kHz: 500, cr: 8 },
} as const;

/** Regions: number in the configuration, and the part of an hour a node may send, in percent. */
const REGIONS = {
  US: { code: 1, dutyPercent: 100 },
  EU_433: { code: 2, dutyPercent: 10 },
  EU_868: { code: 3, dutyPercent: 10 },
  ANZ: { code: 6, dutyPercent: 100 },
} as const;

export type PresetName = keyof typeof PRESETS;
export type RegionName = keyof typeof REGIONS;

export const isPreset = (name: string): name is PresetName => Object.hasOwn(PRESETS, name);
export const isRegion = (name: string): name is RegionName => Object.hasOwn(REGIONS, name);
export const presetCode = (name: PresetName): number => PRESETS[name].code;
export const regionCode = (name: RegionName): number => REGIONS[name].code;
export const presetNames = Object.keys(PRESETS);
export const regionNames = Object.keys(REGIONS);

/** Milliseconds a node may send in any hour. */
export function dutyMsPerHourMax(region: RegionName): number {
  return REGIONS[region].dutyPercent * 36_000;
}

/** Time on air of `byteCount` bytes, in milliseconds. */
export function timeOnAirMs(preset: PresetName, byteCount: number): number {
  return loraTimeOnAirMs(loraOf(preset), byteCount);
}

/** Unit of the random wait before sending: channel activity detection and turn-round. */
export function slotMs(preset: PresetName): number {
  return 2.5 * symbolMs(loraOf(preset)) + 7.6;
}

function loraOf(preset: PresetName): Lora {
  const { sf, kHz, cr } = PRESETS[preset];
  return { spreadingFactor: sf, bandwidthKhz: kHz, codingRate: cr, preambleSymbols: 16 };
}
