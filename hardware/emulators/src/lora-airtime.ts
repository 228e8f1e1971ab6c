/** LoRa modulation, explicit header and CRC. */
export interface Lora {
  /** [5…12] */
  readonly spreadingFactor: number;
  readonly bandwidthKhz: number;
  /** 4/n, n [5…8]. */
  readonly codingRate: number;
  readonly preambleSymbols: number;
}

export function symbolMs({ spreadingFactor, bandwidthKhz }: Lora): number {
  return 2 ** spreadingFactor / bandwidthKhz;
}

/** Time on air of `byteCount` bytes, in milliseconds (Semtech AN1200.13). */
export function timeOnAirMs(lora: Lora, byteCount: number): number {
  const symbol = symbolMs(lora);
  const lowRate = symbol >= 16 ? 1 : 0;
  const bits = 8 * byteCount - 4 * lora.spreadingFactor + 28 + 16;
  const blocks = Math.ceil(bits / (4 * (lora.spreadingFactor - 2 * lowRate)));
  return (lora.preambleSymbols + 4.25 + 8 + Math.max(blocks * lora.codingRate, 0)) * symbol;
}
