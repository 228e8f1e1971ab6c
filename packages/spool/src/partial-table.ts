import { invariant, ProtocolError } from "@estafette/contract";
import type { Row } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { EnvelopeId, PartialRange, PartialRecord } from "./records.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

/*
 * ranges   ├──────────┤      ├──┤          which bytes are here: merged, so that few rows say it
 * chunks   ├───┤├──┤├─┤      ├──┤          the bytes as they came, never overlapping
 */

/** Rows of one partial that touch or cross a range; starts at the last row that begins before it. */
const touching = (table: string, columns: string, sign: "<" | "<=") =>
  `SELECT ${columns} FROM ${table} WHERE partial_no = ? AND start_byte ${sign} ? AND end_byte ${sign.replace("<", ">")} ?
   AND start_byte >=
     COALESCE((SELECT MAX(start_byte) FROM ${table} WHERE partial_no = ? AND start_byte <= ?), 0)
   ORDER BY start_byte`;

/** Incoming payloads of which some bytes are here: what makes a cut transfer resume. */
export class PartialTable {
  private readonly selectById;
  private readonly selectOldest;
  private readonly selectIdle;
  private readonly insertRow;
  private readonly updateHeld;
  private readonly deleteRow;
  private readonly selectRanges;
  private readonly selectRangesTouching;
  private readonly insertRange;
  private readonly deleteRange;
  private readonly selectChunks;
  private readonly selectChunksCrossing;
  private readonly insertChunk;
  private readonly deleteChunk;

  constructor(
    private readonly store: Store,
    private readonly quotaBytes: number,
  ) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    const partial = "SELECT partial_no, id, total_bytes, held_bytes FROM partials";
    this.selectById = prepare(`${partial} WHERE id = ?`);
    this.selectOldest = prepare(`${partial} WHERE partial_no <> ? ORDER BY touched_at_ms LIMIT 1`);
    this.selectIdle = prepare(`${partial} WHERE touched_at_ms <= ? ORDER BY touched_at_ms LIMIT ?`);
    this.insertRow = prepare(
      "INSERT INTO partials (id, total_bytes, held_bytes, touched_at_ms) VALUES (?, ?, 0, ?)",
    );
    this.updateHeld = prepare(
      "UPDATE partials SET held_bytes = held_bytes + ?, touched_at_ms = ? WHERE partial_no = ?",
    );
    this.deleteRow = prepare("DELETE FROM partials WHERE partial_no = ?");
    this.selectRanges = prepare(
      "SELECT start_byte, end_byte FROM partial_ranges WHERE partial_no = ? ORDER BY start_byte",
    );
    this.selectRangesTouching = prepare(touching("partial_ranges", "start_byte, end_byte", "<="));
    this.insertRange = prepare(
      "INSERT INTO partial_ranges (partial_no, start_byte, end_byte) VALUES (?, ?, ?)",
    );
    this.deleteRange = prepare("DELETE FROM partial_ranges WHERE partial_no = ? AND start_byte = ?");
    this.selectChunks = prepare(
      "SELECT start_byte, content FROM partial_chunks WHERE partial_no = ? ORDER BY start_byte",
    );
    this.selectChunksCrossing = prepare(touching("partial_chunks", "start_byte, end_byte, content", "<"));
    this.insertChunk = prepare(
      "INSERT INTO partial_chunks (partial_no, start_byte, end_byte, content) VALUES (?, ?, ?, ?)",
    );
    this.deleteChunk = prepare("DELETE FROM partial_chunks WHERE partial_no = ? AND start_byte = ?");
  }

  /** @throws ProtocolError EST_PROTOCOL_RANGE when a range lies outside the payload or its length changed. */
  static checkRange(totalBytes: number, start: number, byteCount: number): void {
    const isInside =
      Number.isSafeInteger(totalBytes) &&
      Number.isSafeInteger(start) &&
      start >= 0 &&
      start + byteCount <= totalBytes &&
      totalBytes <= SPOOL_LIMITS.bodyBytesMax;
    if (!isInside) throw new ProtocolError("EST_PROTOCOL_RANGE", "a range lies outside its payload");
  }

  write(id: EnvelopeId, totalBytes: number, start: number, content: Uint8Array): void {
    const partialNo = this.openFor(id, totalBytes);
    const end = start + content.length;
    const around = this.rangesTouching(partialNo, { start, end });
    let added = 0;
    for (const gap of gapsOf({ start, end }, around)) {
      const piece = content.subarray(gap.start - start, gap.end - start);
      this.insertChunk.run(partialNo, gap.start, gap.end, piece);
      added += piece.length;
    }
    if (content.length > 0) this.replaceRanges(partialNo, around, [joined({ start, end }, around)]);
    this.hold(partialNo, added);
    this.makeRoom(partialNo);
  }

  get(id: EnvelopeId): PartialRecord | null {
    const row = this.selectById.get(id);
    if (row === undefined) return null;
    const ranges = this.selectRanges.all(rows.number(row, "partial_no")).map(toRange);
    return { id: rows.bytes(row, "id"), totalBytes: rows.number(row, "total_bytes"), ranges };
  }

  /** The whole payload, or null while a byte is missing. */
  read(id: EnvelopeId): Uint8Array | null {
    const row = this.selectById.get(id);
    if (row === undefined || row.held_bytes !== row.total_bytes) return null;
    const payload = new Uint8Array(rows.number(row, "total_bytes"));
    for (const chunk of this.selectChunks.all(rows.number(row, "partial_no"))) {
      payload.set(rows.bytes(chunk, "content"), rows.number(chunk, "start_byte"));
    }
    return payload;
  }

  /** Null while a byte of it is missing. Reads no more than it gives. */
  readRange(id: EnvelopeId, start: number, end: number): Uint8Array | null {
    const row = this.selectById.get(id);
    if (row === undefined || end < start) return null;
    const partialNo = rows.number(row, "partial_no");
    const isHeld = this.rangesTouching(partialNo, { start, end }).some(
      (r) => r.start <= start && end <= r.end,
    );
    if (!isHeld) return null;
    const bytes = new Uint8Array(end - start);
    for (const chunk of this.chunksCrossing(partialNo, { start, end })) {
      const content = rows.bytes(chunk, "content");
      const at = rows.number(chunk, "start_byte");
      const [from, to] = [Math.max(start, at), Math.min(end, at + content.length)];
      bytes.set(content.subarray(from - at, to - at), from - start);
    }
    return bytes;
  }

  drop(id: EnvelopeId): void {
    const row = this.selectById.get(id);
    if (row !== undefined) this.remove(row);
  }

  /** Forgets these bytes only: a leaf that did not verify. */
  dropRanges(id: EnvelopeId, ranges: readonly PartialRange[]): void {
    const row = this.selectById.get(id);
    if (row === undefined) return;
    const partialNo = rows.number(row, "partial_no");
    for (const cut of ranges) {
      if (!(cut.end > cut.start)) continue;
      let removed = 0;
      for (const chunk of this.chunksCrossing(partialNo, cut)) {
        removed += this.cutChunk(partialNo, chunk, cut);
      }
      const crossing = this.rangesTouching(partialNo, cut);
      this.replaceRanges(
        partialNo,
        crossing,
        crossing.flatMap((range) => without(range, cut)),
      );
      this.hold(partialNo, -removed);
    }
  }

  /** Drops payloads nobody continued for long. */
  prune(limit: number): void {
    const beforeMs = this.store.nowMs() - SPOOL_LIMITS.partialIdleMsMax;
    for (const row of this.selectIdle.all(beforeMs, rows.rowsColumn(limit))) this.remove(row);
  }

  private openFor(id: EnvelopeId, totalBytes: number): number {
    const row = this.selectById.get(id);
    if (row === undefined) {
      this.store.meters.add("partials", 1);
      return Number(this.insertRow.run(id, totalBytes, this.store.nowMs()).lastInsertRowid);
    }
    if (row.total_bytes !== totalBytes) {
      throw new ProtocolError("EST_PROTOCOL_RANGE", "a payload changed its length between two ranges");
    }
    return rows.number(row, "partial_no");
  }

  private hold(partialNo: number, difference: number): void {
    this.updateHeld.run(difference, this.store.nowMs(), partialNo);
    this.store.meters.add("partialBytes", difference);
  }

  /** Others give way to the one being written: it is the one somebody sends now. */
  private makeRoom(partialNo: number): void {
    const { meters } = this.store;
    const bytesMax = this.quotaBytes * SPOOL_LIMITS.partialQuotaShare;
    while (meters.get("partials") > SPOOL_LIMITS.partialsMax || meters.get("partialBytes") > bytesMax) {
      const oldest = this.selectOldest.get(partialNo);
      if (oldest === undefined) return;
      this.remove(oldest);
    }
  }

  private remove(row: Row): void {
    const { changes } = this.deleteRow.run(rows.number(row, "partial_no"));
    invariant(changes === 1, "a partial is removed once");
    this.store.meters.add("partials", -1);
    this.store.meters.add("partialBytes", -rows.number(row, "held_bytes"));
  }

  private rangesTouching(partialNo: number, { start, end }: PartialRange): readonly PartialRange[] {
    return this.selectRangesTouching.all(partialNo, end, start, partialNo, start).map(toRange);
  }

  private chunksCrossing(partialNo: number, { start, end }: PartialRange): readonly Row[] {
    return this.selectChunksCrossing.all(partialNo, end, start, partialNo, start);
  }

  private replaceRanges(
    partialNo: number,
    before: readonly PartialRange[],
    after: readonly PartialRange[],
  ): void {
    for (const range of before) this.deleteRange.run(partialNo, range.start);
    for (const range of after) this.insertRange.run(partialNo, range.start, range.end);
  }

  /** Returns how many bytes went. */
  private cutChunk(partialNo: number, chunk: Row, cut: PartialRange): number {
    const range = toRange(chunk);
    const content = rows.bytes(chunk, "content");
    this.deleteChunk.run(partialNo, range.start);
    let removed = content.length;
    for (const rest of without(range, cut)) {
      const piece = content.subarray(rest.start - range.start, rest.end - range.start);
      this.insertChunk.run(partialNo, rest.start, rest.end, piece);
      removed -= piece.length;
    }
    return removed;
  }
}

function toRange(row: Row): PartialRange {
  return { start: rows.number(row, "start_byte"), end: rows.number(row, "end_byte") };
}

/** Parts of `wanted` that none of the sorted, disjoint `held` covers. */
function gapsOf(wanted: PartialRange, held: readonly PartialRange[]): PartialRange[] {
  const gaps: PartialRange[] = [];
  let from = wanted.start;
  for (const range of held) {
    if (range.start > from) gaps.push({ start: from, end: Math.min(range.start, wanted.end) });
    from = Math.max(from, range.end);
  }
  if (from < wanted.end) gaps.push({ start: from, end: wanted.end });
  return gaps;
}

/** One range that covers `range` and all of `others`, which touch it. */
function joined(range: PartialRange, others: readonly PartialRange[]): PartialRange {
  return {
    start: Math.min(range.start, ...others.map((other) => other.start)),
    end: Math.max(range.end, ...others.map((other) => other.end)),
  };
}

function without(range: PartialRange, cut: PartialRange): PartialRange[] {
  const left = { start: range.start, end: Math.min(range.end, cut.start) };
  const right = { start: Math.max(range.start, cut.end), end: range.end };
  return [left, right].filter((part) => part.end > part.start);
}
