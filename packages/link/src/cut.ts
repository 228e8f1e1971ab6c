import type { OutgoingTransfer } from "./api.js";
import { LINK_LIMITS } from "./limits.js";
import { segmentOverheadBytes } from "./records.js";
import { UnitSet } from "./units.js";

/** Lengths, in bytes, that say where the units of a transfer begin. */
export interface Measures {
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly unitBytes: number;
}

/** Bytes [start…end) of the head or of the payload. */
export interface Span {
  readonly ofHead: boolean;
  readonly start: number;
  readonly end: number;
}

/** Units 0…n−1 are the head's; those of the payload follow. */
export const headUnitsOf = ({ headBytes, unitBytes }: Measures): number => Math.ceil(headBytes / unitBytes);

export function unitCountOf(measures: Measures): number {
  return headUnitsOf(measures) + Math.ceil(measures.payloadBytes / measures.unitBytes);
}

/**
 * Which bytes a unit stands for. Those of the payload are counted from its own beginning, so that they are the same
 * ones when the transfer is offered again with a head of another length. Beyond the last unit: nothing (end ≤ start).
 */
export function spanOf(unit: number, measures: Measures): Span {
  const { headBytes, payloadBytes, unitBytes } = measures;
  const headUnits = headUnitsOf(measures);
  const ofHead = unit < headUnits;
  const start = (ofHead ? unit : unit - headUnits) * unitBytes;
  return { ofHead, start, end: Math.min(start + unitBytes, ofHead ? headBytes : payloadBytes) };
}

/**
 * The largest unit that fills whole parcels, so that no room is left over. The tag counts as one byte or more even
 * where it travels in the first: when the transfer is resumed under another tag its units shall be the same.
 */
export function unitBytesFor(
  roomBytes: number,
  { headBytes, payloadBytes }: Pick<Measures, "headBytes" | "payloadBytes">,
  tag: number,
): number {
  const { unitBytesMax, unitBytesMin, unitsMax } = LINK_LIMITS;
  const unitsPerParcel = Math.ceil(roomBytes / unitBytesMax);
  const lengthBytes = unitsPerParcel > 1 ? 2 : 0;
  const longest = Math.max(1, headBytes, payloadBytes);
  for (let largestUnit = 0x7f; ; largestUnit = largestUnit * 128 + 127) {
    const overhead = segmentOverheadBytes(Math.max(tag, SMALLEST_TAG_APART), largestUnit) + lengthBytes;
    const fitting = Math.max(unitBytesMin, Math.floor(roomBytes / unitsPerParcel) - overhead);
    const unitBytes = Math.min(fitting, longest);
    const unitCount = unitCountOf({ headBytes, payloadBytes, unitBytes });
    if (unitCount <= largestUnit + 1 || largestUnit >= unitsMax) return unitBytes;
  }
}

/** From here on a segment's tag stands apart from its first byte. */
const SMALLEST_TAG_APART = 31;

/** The bytes of unit number `unit`. */
export function unitOf({ head, payload }: OutgoingTransfer, unit: number, unitBytes: number): Uint8Array {
  const measures = { headBytes: head.length, payloadBytes: payload.length, unitBytes };
  const { ofHead, start, end } = spanOf(unit, measures);
  return (ofHead ? head : payload).subarray(start, end);
}

/** Units with any byte that is not held. The head is never held. */
export function missingUnits(
  measures: Measures,
  held: readonly { readonly start: number; readonly end: number }[],
): UnitSet {
  const { payloadBytes, unitBytes } = measures;
  const missing = new UnitSet(unitCountOf(measures));
  missing.addFrom(0);
  const sorted = [...held].sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  const headUnits = headUnitsOf(measures);
  for (const { start, end } of merged) {
    const first = headUnits + Math.ceil(Math.max(0, start) / unitBytes);
    const beyond = end >= payloadBytes ? missing.count : headUnits + Math.floor(end / unitBytes);
    for (let unit = first; unit < beyond; unit++) missing.delete(unit);
  }
  return missing;
}
