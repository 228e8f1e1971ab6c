/** How a board modulates. */
export interface Modulation {
  readonly frequencyHz: number;
  readonly bandwidthHz: number;
  /** [5…12] */
  readonly spreadingFactor: number;
  /** 4/n, n [5…8]. */
  readonly codingRate: number;
  readonly txPowerDbm: number;
  /** [6…100] */
  readonly preambleSymbols: number;
}

/** Milliseconds on the air for one LoRa packet of `byteCount` bytes (Semtech AN1200.13: explicit header, CRC). */
export function timeOnAirMs(modulation: Modulation, byteCount: number): number {
  const { spreadingFactor, codingRate, preambleSymbols } = modulation;
  const symbol = symbolMs(modulation);
  const perBlock = 4 * (spreadingFactor - (symbol >= 16 ? 2 : 0));
  const blocks = Math.max(0, Math.ceil((8 * byteCount - 4 * spreadingFactor + 44) / perBlock));
  return (preambleSymbols + 4.25 + 8 + blocks * codingRate) * symbol;
}

export function bitsPerSecond(modulation: Modulation): number {
  return (modulation.spreadingFactor * 4_000) / (symbolMs(modulation) * modulation.codingRate);
}

/** Unit of a board's wait before it sends, in milliseconds: twelve symbols, within bounds (RNode firmware). */
export function slotMs(modulation: Modulation): number {
  return Math.min(100, Math.max(24, 12 * symbolMs(modulation)));
}

function symbolMs({ spreadingFactor, bandwidthHz }: Modulation): number {
  return (2 ** spreadingFactor * 1_000) / bandwidthHz;
}

/** What is usual for short-range devices, in milliseconds of a sliding hour; null: no band of ours. European bands
 *  (ERC Recommendation 70-03, to be checked locally); where nothing is known, a tenth of the hour. */
export function usualAirtimeMsPerHour(frequencyHz: number): number {
  const band = BANDS.find(([low, high]) => frequencyHz >= low && frequencyHz <= high);
  return (band?.[2] ?? 10) * 36_000;
}

/** From, to, percent of an hour. The narrower band stands first. */
const BANDS: readonly (readonly [number, number, number])[] = [
  [433_050_000, 434_790_000, 10],
  [869_400_000, 869_650_000, 10],
  [868_700_000, 869_200_000, 0.1],
  [869_700_000, 870_000_000, 1],
  [865_000_000, 868_600_000, 1],
  [868_600_000, 870_000_000, 0.1],
];
