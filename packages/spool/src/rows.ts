import { InvariantError, invariant, type MessageClass } from "@estafette/contract";
import { plain } from "./bodies.js";
import type { Row, Value } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { MessageKey } from "./records.js";

const CLASSES: readonly MessageClass[] = ["flash", "priority", "normal", "bulk"];

export function className(rank: Value | undefined): MessageClass {
  const name = CLASSES[Number(rank)];
  invariant(name !== undefined, "a stored class rank is 0, 1, 2 or 3");
  return name;
}

export function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === "number") return value;
  throw new InvariantError("EST_INVARIANT", `the column ${column} holds a number`);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw new InvariantError("EST_INVARIANT", `the column ${column} holds text`);
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return plain(value);
  throw new InvariantError("EST_INVARIANT", `the column ${column} holds bytes`);
}

export function bytesOrNull(row: Row, column: string): Uint8Array | null {
  return row[column] === null ? null : bytes(row, column);
}

export function numberOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : number(row, column);
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function words(row: Row, column: string): readonly string[] {
  return JSON.parse(text(row, column)) as readonly string[];
}

export function keyOf(row: Row): MessageKey {
  return { origin: bytes(row, "origin"), epoch: number(row, "epoch"), sequence: number(row, "sequence") };
}

/** Checks a list of addresses and writes it down. */
export function wordsColumn(list: readonly string[]): string {
  const { recipientsMax, wordCharsMax } = SPOOL_LIMITS;
  invariant(list.length <= recipientsMax, "recipients are within SPOOL_LIMITS.recipientsMax");
  for (const word of list)
    invariant(word.length <= wordCharsMax, "a word is within SPOOL_LIMITS.wordCharsMax");
  return JSON.stringify(list);
}

export function detailColumn(detail: string): string {
  return detail.slice(0, SPOOL_LIMITS.detailCharsMax);
}

/** A duration or instant as the store keeps it: whole milliseconds. */
export function wholeMs(milliseconds: number): number {
  invariant(Number.isFinite(milliseconds), "a time is a finite number of milliseconds");
  return Math.floor(milliseconds);
}

export function lifetimeColumn(lifetimeMs: number): number {
  const isInRange = lifetimeMs >= 0 && lifetimeMs <= SPOOL_LIMITS.lifetimeMsMax;
  invariant(isInRange, "a lifetime is within SPOOL_LIMITS.lifetimeMsMax");
  return wholeMs(lifetimeMs);
}

/** How many rows a caller gets who asks for `limit`. */
export function rowsColumn(limit: number): number {
  return Math.max(0, Math.min(Math.floor(limit), SPOOL_LIMITS.rowsPerCallMax));
}

/** The range of 16-byte values that start with `prefix`: [from, to], both inclusive. */
export function prefixRange(prefix: Uint8Array): { readonly from: Uint8Array; readonly to: Uint8Array } {
  invariant(prefix.length <= 16, "an address prefix is at most 16 bytes");
  const from = new Uint8Array(16);
  const to = new Uint8Array(16).fill(255);
  from.set(prefix);
  to.set(prefix);
  return { from, to };
}
