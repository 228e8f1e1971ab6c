import { ConfigError, OperatingError, ProtocolError } from "@estafette/contract";

/** Exit codes as in sysexits.h (BSD), plus 1: a check found problems. */
export const EXIT = {
  ok: 0,
  problems: 1,
  usage: 64,
  badData: 65,
  noInput: 66,
  noUser: 67,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  temporary: 75,
  notPermitted: 77,
  config: 78,
} as const;

/** Ends the command with a message on stderr and an exit code. */
export class CliError extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
    this.name = "CliError";
  }
}

export function usage(message: string): CliError {
  return new CliError(EXIT.usage, message);
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ConfigError) return EXIT.config;
  if (error instanceof ProtocolError) return EXIT.badData;
  if (error instanceof OperatingError) {
    if (error.code === "EST_OPERATING_LOCKED") return EXIT.cannotCreate;
    return error.code.startsWith("EST_OPERATING_DISK") ? EXIT.temporary : EXIT.unavailable;
  }
  return EXIT.software;
}
