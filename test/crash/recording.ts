import { readFileSync } from "node:fs";

/** One thing the workload asked of the file system, or one line of its journal; see recorder.c. */
export interface Act {
  readonly kind: "C" | "W" | "T" | "S" | "D" | "R" | "U" | "M" | "J";
  readonly inode: bigint;
  readonly offset: number;
  readonly path: string;
  readonly data: Buffer;
}

const HEADER_BYTES = 25;

export function readRecording(path: string): readonly Act[] {
  const log = readFileSync(path);
  const acts: Act[] = [];
  for (let at = 0; at < log.length; ) {
    const pathBytes = log.readUInt32LE(at + 17);
    const dataBytes = log.readUInt32LE(at + 21);
    const pathAt = at + HEADER_BYTES;
    const dataAt = pathAt + pathBytes;
    acts.push({
      kind: String.fromCharCode(log.readUInt8(at)) as Act["kind"],
      inode: log.readBigUInt64LE(at + 1),
      offset: Number(log.readBigUInt64LE(at + 9)),
      path: log.toString("utf8", pathAt, dataAt),
      data: log.subarray(dataAt, dataAt + dataBytes),
    });
    at = dataAt + dataBytes;
  }
  return acts;
}
