/** Bounds of the command. */
export const CLI_LIMITS = {
  /** Bytes read from stdin; more is refused as bad data. */
  stdinBytesMax: 10_000_000,
  /** Bytes of one answer of the daemon; more ends the command. */
  answerBytesMax: 64_000_000,
  /** Milliseconds to wait for an answer of the daemon, default. */
  answerTimeoutMs: 30_000,
  /** Milliseconds to wait for a port, a socket or a device in `doctor`. */
  probeTimeoutMs: 3_000,
} as const;
