/** Bounds of what the operating system hands us. */
export const RUNTIME_LIMITS = {
  /** Callers of one listener waiting to be taken; further ones are closed at once. */
  callersWaitingMax: 64,
  /** Callers of one listener connected at the same time; the kernel's own queue holds the rest back. */
  callersConnectedMax: 256,
  /** Bytes read ahead from a port or socket before the kernel is left to hold the rest. */
  readAheadBytes: 16_384,
  /** A secret file is read up to this many bytes; a larger one is refused. */
  secretBytesMax: 65_536,
  /** Entries of /dev/serial/by-id looked at. */
  portNamesMax: 1_024,
  /** Longest wait for a TCP connection, in milliseconds; then the port counts as gone. */
  connectMsMax: 30_000,
  /** Silence on a TCP connection before the kernel probes the far end, in milliseconds. */
  keepAliveMs: 30_000,
  /** Longest wait for systemd-notify, in milliseconds. */
  notifyMsMax: 5_000,
} as const;
