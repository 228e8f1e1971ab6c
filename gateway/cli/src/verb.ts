import type { ParseArgsConfig } from "node:util";
import type { Io } from "./io.js";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** One thing `estafette` can do. */
export interface Verb {
  /** Words after `estafette`: `peer invite`. */
  readonly name: string;
  /** One line, for the list. */
  readonly summary: string;
  /** What follows the name: `[-s SUBJECT] TO…`. */
  readonly synopsis: string;
  /** What `--help` adds: one line per option, and what to know. */
  readonly details: readonly string[];
  readonly options: Options;
  /** Number of words after the name, fewest and most. */
  readonly words: readonly [number, number];
  run(call: Call): Promise<number>;
}

export interface Call {
  readonly io: Io;
  readonly words: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
}

/** Of every verb that talks to the daemon. */
export const DAEMON_OPTIONS = {
  config: { type: "string", short: "c" },
  socket: { type: "string" },
  json: { type: "boolean" },
} as const satisfies Options;

export const DAEMON_DETAILS = [
  "-c, --config FILE   the gateway's configuration (default: $ESTAFETTE_CONFIG, ./estafette.yaml,",
  "                    /etc/estafette/estafette.yaml)",
  "    --socket PATH   the gateway's socket, instead of looking it up in its configuration",
  "    --json          one JSON document on stdout",
];

export function text(value: Call["values"][string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function texts(value: Call["values"][string]): readonly string[] {
  return Array.isArray(value) ? value.filter((v) => typeof v === "string") : [];
}
