import { ConfigError, OperatingError } from "@estafette/contract";

/** Runs a program for a person at a desk. Exit codes of sysexits(3): 64 wrong words, 69 something is not there, 70 our fault. */
export function deskProgram(name: string, main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    const isExpected = error instanceof ConfigError || error instanceof OperatingError;
    const isUsage = error instanceof TypeError && "code" in error; // of parseArgs
    const isOurs = !isExpected && !isUsage;
    process.stderr.write(isOurs ? `${String(error)}\n` : `${name}: ${(error as Error).message}\n`);
    process.exitCode = error instanceof OperatingError ? 69 : isOurs ? 70 : 64;
  });
}

/** One JSON line. */
export function print(stream: NodeJS.WriteStream, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
}

export function number(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new ConfigError("EST_CONFIG_VALUE", `--${flag} must be a number, not "${text}"`, { key: flag });
}

/** Numbers among the flags that were given, under the names of their options. */
export function numbers(
  flags: Readonly<Record<string, unknown>>,
  names: readonly (readonly [flag: string, option: string])[],
): Record<string, unknown> {
  const given = names.flatMap(([flag, option]) => {
    const text = flags[flag];
    return typeof text === "string" ? [[option, number(flag, text)] as const] : [];
  });
  return Object.fromEntries(given);
}

/** Calls `stop` when the program is asked to end. */
export function onEnd(stop: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
}
