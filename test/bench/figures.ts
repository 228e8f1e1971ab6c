/** One measured number. */
export interface Figure {
  /** Stable, for `--only` and for comparing runs. */
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What the number should be, for example `≥ 1000`; null: it is shown, not judged. */
  readonly aim: string | null;
}

/** How much work a run does. */
export interface Effort {
  /** Messages carried from end to end, and submitted by the API. */
  readonly messages: number;
  /** Messages carried before the clock starts, so that the compilers of the gateways have settled. */
  readonly warmUpMessages: number;
  /** Signatures made and verified. At most the key cache of `protocol` holds, or cached keys are not. */
  readonly signatures: number;
  /** Texts carried by the link engine; a quarter as many mails. */
  readonly transfers: number;
  readonly queueLengths: readonly number[];
  readonly queueTurns: number;
  /** Starts of a gateway; the median counts. */
  readonly starts: number;
  /** How long a gateway idles before its memory is looked at, in milliseconds. */
  readonly idleMs: number;
}

export const FULL: Effort = {
  messages: 2_000,
  warmUpMessages: 500,
  signatures: 1_000,
  transfers: 8_000,
  queueLengths: [1_000, 100_000, 1_000_000],
  queueTurns: 1_000,
  starts: 5,
  idleMs: 10_000,
};

/** Leaves out the million; everything else is measured the same way. */
export const QUICK: Effort = { ...FULL, queueLengths: [1_000, 100_000], starts: 3 };

/** What one part of the bench measures. */
export interface Part {
  /** Ids begin with this and a dot. */
  readonly name: string;
  run(effort: Effort): Promise<readonly Figure[]>;
}

/**
 * 2,000 messages of 120 bytes on one machine from first submission to last delivery, in messages per second, measured
 * on 2026-11-21: Mosquitto as a bridge, Postfix to Postfix (flushes at each hop), UUCP with rmail (flushes nothing),
 * LXMF over TCP (its queue is in memory).
 */
const PEERS: readonly { readonly name: string; readonly perSecond: number }[] = [
  { name: "Mosquitto", perSecond: 305 },
  { name: "Postfix", perSecond: 170 },
  { name: "UUCP", perSecond: 104 },
  { name: "LXMF", perSecond: 29 },
];

/** Ids whose numbers may be held against {@link PEERS}. */
const COMPARABLE: ReadonlySet<string> = new Set(["relayed.rate", "relayed.rate-with-receipts"]);

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A table for people. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.id,
    shown(figure.value),
    figure.unit,
    figure.aim ?? "",
    figure.what + peersBeside(figure.id),
  ]);
  const head = ["id", "value", "unit", "aim", "what"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(column === 4 ? 0 : (widths[column] ?? 0)),
      )
      .join("  ");
  return [line(head), ...rows.map(line)].join("\n");
}

/** One document for machines. */
export function document(figures: readonly Figure[], machine: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ version: 1, machine, figures, peers: PEERS }, null, 2);
}

function peersBeside(id: string): string {
  if (!COMPARABLE.has(id)) return "";
  return ` (${PEERS.map((peer) => `${peer.name} ${peer.perSecond}`).join(", ")})`;
}

function shown(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 1 ? 1 : 3);
}
