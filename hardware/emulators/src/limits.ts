/** Bounds of the emulated devices. */
export const EMULATOR_LIMITS = {
  /** Bytes a modem holds for a computer that does not read; beyond, the oldest are lost, as in an overrun UART. */
  unreadBytesMax: 65_536,
  /** Scripted interruptions of one channel; more are refused when it is made. */
  cutsMax: 10_000,
  /** Listeners of one channel's events; more are refused. */
  listenersMax: 16,
  /** Bytes taken from a pseudo-terminal at a time; the kernel's terminal buffer holds the rest back. */
  terminalReadBytesMax: 1_024,
  /** Longest wait for the terminal program to start, in milliseconds. */
  terminalStartMsMax: 15_000,
} as const;
