import type { BridgeHost, Clock } from "@estafette/contract";
import { DAEMON_LIMITS as LIMITS } from "./limits.js";

export type Log = BridgeHost["log"];

/** Words about people and their mail; they are written at level debug only. */
const PRIVATE = new Set([
  "from",
  "to",
  "subject",
  "sender",
  "recipient",
  "recipients",
  "addresses",
  "body",
  "user",
]);

/**
 * Writes one line of `key=value` (logfmt) per event. Control characters cannot enter, subjects, bodies and
 * addresses stay out above debug, and a storm is cut: what was dropped is counted on the next line that passes.
 */
export function createLog(options: {
  readonly clock: Clock;
  readonly debug: boolean;
  readonly write: (line: string) => void;
}): Log {
  const { clock, debug, write } = options;
  let tokens: number = LIMITS.logLinesBurst;
  let filledAtMs = clock.monotonicMs();
  let dropped = 0;
  return (level, message, fields = {}) => {
    if (level === "debug" && !debug) return;
    const nowMs = clock.monotonicMs();
    tokens = Math.min(
      LIMITS.logLinesBurst,
      tokens + ((nowMs - filledAtMs) / 1_000) * LIMITS.logLinesPerSecond,
    );
    filledAtMs = nowMs;
    if (tokens < 1) {
      dropped++;
      return;
    }
    tokens--;
    const shown = Object.entries(fields).filter(([key]) => level === "debug" || !PRIVATE.has(key));
    const all: [string, unknown][] = [["level", level], ["msg", message], ...shown];
    if (dropped > 0) all.push(["dropped_lines", dropped]);
    dropped = 0;
    const line = all
      .map(([key, value]) => `${key.replaceAll(/[^A-Za-z0-9_]/g, "_")}=${formatValue(value)}`)
      .join(" ");
    write(`${line.slice(0, LIMITS.logLineCharactersMax)}\n`);
  };
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return formatValue(value.message);
  const text = typeof value === "object" ? (JSON.stringify(value) ?? "") : String(value);
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
  return /^[A-Za-z0-9_.:/@+-]+$/.test(plain) ? plain : JSON.stringify(plain);
}
