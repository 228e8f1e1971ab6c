import type { OutgoingTransfer } from "./api.js";
import { joinBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import { segmentOverheadBytes } from "./records.js";

/** The largest unit that fills whole parcels, so that no room is left over. */
export function unitBytesFor(roomBytes: number, bodyBytes: number, tag: number): number {
  const { unitBytesMax, unitBytesMin, unitsMax } = LINK_LIMITS;
  const unitsPerParcel = Math.ceil(roomBytes / unitBytesMax);
  const lengthBytes = unitsPerParcel > 1 ? 2 : 0;
  for (let largestUnit = 0x7f; largestUnit < unitsMax; largestUnit = largestUnit * 128 + 127) {
    const overhead = segmentOverheadBytes(tag, largestUnit) + lengthBytes;
    const unitBytes = Math.max(unitBytesMin, Math.floor(roomBytes / unitsPerParcel) - overhead);
    if (bodyBytes <= unitBytes * (largestUnit + 1)) return Math.max(1, Math.min(unitBytes, bodyBytes));
  }
  return Math.max(
    unitBytesMin,
    Math.floor(roomBytes / unitsPerParcel) - segmentOverheadBytes(tag, 0xff_ffff),
  );
}

/** Unit number `unit` of head followed by payload. */
export function unitOf(transfer: OutgoingTransfer, unit: number, unitBytes: number): Uint8Array {
  const { head, payload } = transfer;
  const start = unit * unitBytes;
  const end = start + unitBytes;
  if (start >= head.length) return payload.subarray(start - head.length, end - head.length);
  if (end <= head.length) return head.subarray(start, end);
  return joinBytes(head.subarray(start), payload.subarray(0, end - head.length));
}
