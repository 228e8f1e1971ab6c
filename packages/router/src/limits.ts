/** Bounds of routing and admission. */
export const LIMITS = {
  /** Fraction of the store [0…1]; from here bulk and large messages are refused for now. Design §4.10. */
  fillTight: 0.8,
  /** Fraction; below this `tight` ends. Our choice: 5 points of hysteresis. */
  fillTightLeave: 0.75,
  /** Fraction; from here everything but short flash messages is refused for now. Design §4.10. */
  fillFull: 0.95,
  /** Fraction; below this `full` ends. */
  fillFullLeave: 0.9,
  /** Bytes; larger messages are refused for now while the store is tight. Our choice: two minutes at 4 800 bit/s. */
  tightBytesMax: 65_536,
  /** Bytes; a flash message up to this size is kept even when the store is full, from the 5 % reserve. */
  fullFlashBytesMax: 1_024,
} as const;
