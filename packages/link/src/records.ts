import { type MessageClass, ProtocolError } from "@estafette/contract";
import type { NeverReason, NotNowReason, TransferResult } from "./api.js";
import { ByteReader, ByteWriter, varintBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import type { UnitWindow } from "./units.js";

/*
 * What a data parcel carries: records, one after the other. A first byte below 0x80 is a record type;
 * from 0x80 on it is a segment: 1 P L ttttt. P: nothing more of this transfer comes now, report what is missing.
 * L: the data reaches to the end of the parcel, no length. t: the tag, 31 means that a varint follows.
 */

export const RECORD = {
  offer: 0x01,
  want: 0x02,
  have: 0x03,
  notNow: 0x04,
  never: 0x05,
  accepted: 0x06,
  poll: 0x07,
  withdraw: 0x08,
  unknown: 0x09,
  note: 0x0a,
  noteOk: 0x0b,
} as const;

const SEGMENT = 0x80;
const SEGMENT_POLL = 0x40;
const SEGMENT_LAST = 0x20;
const TAG_FOLLOWS = 31;

/** The order is the byte on the wire; smaller is more urgent. */
export const CLASSES: readonly MessageClass[] = ["flash", "priority", "normal", "bulk"];
const NOT_NOW: readonly NotNowReason[] = ["busy", "share", "full", "fault", "untrusted-clock"];
const NEVER: readonly NeverReason[] = [
  "expired",
  "denied",
  "too-large",
  "no-route",
  "hop-limit",
  "invalid",
  "loop",
  "policy",
];

export interface OfferRecord {
  readonly type: "offer";
  readonly tag: number;
  readonly id: Uint8Array;
  readonly class: MessageClass;
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly unitBytes: number;
}

export interface WantRecord extends UnitWindow {
  readonly type: "want";
  readonly tag: number;
  /** Low 16 bits of the newest counter heard when this was said. */
  readonly asOf: number;
}

export interface SegmentRecord {
  readonly type: "segment";
  readonly tag: number;
  readonly unit: number;
  readonly poll: boolean;
  readonly bytes: Uint8Array;
}

export interface NoteRecord {
  readonly type: "note";
  readonly tag: number;
  readonly part: number;
  readonly partCount: number;
  readonly bytes: Uint8Array;
}

/** What ends a transfer, as the receiver says it. */
export type Verdict = Exclude<TransferResult, { result: "broken" }>;

export type LinkRecord =
  | OfferRecord
  | WantRecord
  | SegmentRecord
  | NoteRecord
  | { readonly type: "verdict"; readonly tag: number; readonly verdict: Verdict }
  | { readonly type: "poll" | "withdraw" | "unknown" | "note-ok"; readonly tag: number };

const refuse = (why: string): never => {
  throw new ProtocolError("EST_PROTOCOL_RANGE", why);
};

/** All records of a parcel, or a ProtocolError: a parcel with one wrong record means nothing. */
export function parseRecords(input: Uint8Array): readonly LinkRecord[] {
  const reader = new ByteReader(input);
  const records: LinkRecord[] = [];
  while (reader.left > 0) {
    const first = reader.u8();
    records.push(first >= SEGMENT ? parseSegment(first, reader) : parseRecord(first, reader));
  }
  return records;
}

function parseSegment(first: number, reader: ByteReader): SegmentRecord {
  const inline = first & TAG_FOLLOWS;
  const tag = inline === TAG_FOLLOWS ? reader.varint() : inline;
  if (inline === TAG_FOLLOWS && tag < TAG_FOLLOWS) refuse("a small tag in long form");
  const unit = reader.varint();
  const bytes = (first & SEGMENT_LAST) !== 0 ? reader.rest() : reader.bytes(reader.varint());
  if (bytes.length === 0) refuse("an empty segment");
  return { type: "segment", tag, unit, poll: (first & SEGMENT_POLL) !== 0, bytes };
}

function parseRecord(type: number, reader: ByteReader): LinkRecord {
  const tag = reader.varint();
  switch (type) {
    case RECORD.offer:
      return parseOffer(tag, reader);
    case RECORD.want:
      return parseWant(tag, reader);
    case RECORD.note:
      return parseNote(tag, reader);
    case RECORD.have:
      return { type: "verdict", tag, verdict: { result: "already-held" } };
    case RECORD.accepted:
      return { type: "verdict", tag, verdict: { result: "accepted" } };
    case RECORD.notNow: {
      const reason = NOT_NOW[reader.u8()] ?? refuse("an unknown reason");
      return { type: "verdict", tag, verdict: { result: "not-now", reason, retryAfterS: reader.varint() } };
    }
    case RECORD.never: {
      const reason = NEVER[reader.u8()] ?? refuse("an unknown reason");
      return { type: "verdict", tag, verdict: { result: "never", reason } };
    }
    case RECORD.poll:
      return { type: "poll", tag };
    case RECORD.withdraw:
      return { type: "withdraw", tag };
    case RECORD.unknown:
      return { type: "unknown", tag };
    case RECORD.noteOk:
      return { type: "note-ok", tag };
    default:
      throw new ProtocolError("EST_PROTOCOL_VERSION", "an unknown record");
  }
}

function parseOffer(tag: number, reader: ByteReader): OfferRecord {
  const id = reader.bytes(16).slice();
  const messageClass = CLASSES[reader.u8()] ?? refuse("an unknown class");
  const [headBytes, payloadBytes, unitBytes] = [reader.varint(), reader.varint(), reader.varint()];
  if (headBytes === 0) refuse("an offer without a head");
  if (unitBytes < 1 || unitBytes > LINK_LIMITS.unitBytesMax) refuse("an impossible unit");
  return { type: "offer", tag, id, class: messageClass, headBytes, payloadBytes, unitBytes };
}

function parseWant(tag: number, reader: ByteReader): WantRecord {
  const asOf = reader.u16();
  const base = reader.varint();
  const form = reader.u8();
  const bitmapBytes = form & 0x7f;
  if (bitmapBytes > LINK_LIMITS.wantBitmapBytesMax) refuse("a bitmap that is too long");
  const bitmap = reader.bytes(bitmapBytes).slice();
  return { type: "want", tag, asOf, base, bitmap, tail: form >= 0x80 };
}

function parseNote(tag: number, reader: ByteReader): NoteRecord {
  const form = reader.u8();
  const [part, partCount] = [form >>> 4, (form & 15) + 1];
  if (part >= partCount) refuse("a note part beyond the last");
  const byteCount = reader.varint();
  if (byteCount > LINK_LIMITS.noteBytesMax) refuse("a note that is too long");
  return { type: "note", tag, part, partCount, bytes: reader.bytes(byteCount).slice() };
}

const tagged = (type: number, tag: number, moreBytes = 0): ByteWriter =>
  new ByteWriter(1 + varintBytes(tag) + moreBytes).u8(type).varint(tag);

export function encodeOffer(offer: Omit<OfferRecord, "type">): Uint8Array {
  const numbers = [offer.headBytes, offer.payloadBytes, offer.unitBytes];
  const writer = tagged(RECORD.offer, offer.tag, 17 + numbers.reduce((sum, n) => sum + varintBytes(n), 0));
  writer.bytes(offer.id).u8(CLASSES.indexOf(offer.class));
  for (const number of numbers) writer.varint(number);
  return writer.done();
}

/** Largest bitmap so that a WANT for this tag fits in `roomBytes`. */
export function wantBitmapRoom(roomBytes: number): number {
  return Math.max(1, Math.min(LINK_LIMITS.wantBitmapBytesMax, roomBytes - 14));
}

export function encodeWant(tag: number, asOf: number, window: UnitWindow): Uint8Array {
  return tagged(RECORD.want, tag, 3 + varintBytes(window.base) + window.bitmap.length)
    .u16(asOf)
    .varint(window.base)
    .u8(window.bitmap.length | (window.tail ? 0x80 : 0))
    .bytes(window.bitmap)
    .done();
}

export function encodeVerdict(tag: number, verdict: Verdict): Uint8Array {
  switch (verdict.result) {
    case "accepted":
      return tagged(RECORD.accepted, tag).done();
    case "already-held":
      return tagged(RECORD.have, tag).done();
    case "not-now": {
      const retryAfterS = Math.min(Math.max(0, Math.ceil(verdict.retryAfterS)), 0xffff_ffff);
      return tagged(RECORD.notNow, tag, 1 + varintBytes(retryAfterS))
        .u8(NOT_NOW.indexOf(verdict.reason))
        .varint(retryAfterS)
        .done();
    }
    case "never":
      return tagged(RECORD.never, tag, 1).u8(NEVER.indexOf(verdict.reason)).done();
  }
}

export function encodeTagged(type: "poll" | "withdraw" | "unknown" | "noteOk", tag: number): Uint8Array {
  return tagged(RECORD[type], tag).done();
}

export function encodeNote(note: Omit<NoteRecord, "type">): Uint8Array {
  return tagged(RECORD.note, note.tag, 1 + varintBytes(note.bytes.length) + note.bytes.length)
    .u8((note.part << 4) | (note.partCount - 1))
    .varint(note.bytes.length)
    .bytes(note.bytes)
    .done();
}

/** Bytes around the data of a segment in last position. */
export function segmentOverheadBytes(tag: number, unit: number): number {
  return 1 + (tag < TAG_FOLLOWS ? 0 : varintBytes(tag)) + varintBytes(unit);
}

/** Gathers records for one parcel; the last segment goes to the end, where it needs no length. */
export class ParcelFill {
  private readonly records: Uint8Array[] = [];
  private recordBytes = 0;
  private last: Omit<SegmentRecord, "type"> | null = null;
  private lastBytes = 0;

  constructor(readonly roomBytes: number) {}

  get empty(): boolean {
    return this.recordBytes + this.lastBytes === 0;
  }

  /** False: no room, nothing changed. */
  add(record: Uint8Array): boolean {
    if (this.recordBytes + this.lastBytes + record.length > this.roomBytes) return false;
    this.records.push(record);
    this.recordBytes += record.length;
    return true;
  }

  /** False: no room, nothing changed. */
  addSegment(segment: Omit<SegmentRecord, "type">): boolean {
    const before = this.last === null ? 0 : this.lastBytes + varintBytes(this.last.bytes.length);
    const bytes = segmentOverheadBytes(segment.tag, segment.unit) + segment.bytes.length;
    if (this.recordBytes + before + bytes > this.roomBytes) return false;
    if (this.last !== null) this.records.push(encodeSegment(this.last, false));
    this.recordBytes += before;
    this.last = segment;
    this.lastBytes = bytes;
    return true;
  }

  done(): Uint8Array {
    const writer = new ByteWriter(this.recordBytes + this.lastBytes);
    for (const record of this.records) writer.bytes(record);
    if (this.last !== null) writer.bytes(encodeSegment(this.last, true));
    return writer.done();
  }
}

function encodeSegment(segment: Omit<SegmentRecord, "type">, last: boolean): Uint8Array {
  const { tag, unit, bytes } = segment;
  const lengthBytes = last ? 0 : varintBytes(bytes.length);
  const writer = new ByteWriter(segmentOverheadBytes(tag, unit) + lengthBytes + bytes.length);
  const flags = SEGMENT | (segment.poll ? SEGMENT_POLL : 0) | (last ? SEGMENT_LAST : 0);
  writer.u8(flags | Math.min(tag, TAG_FOLLOWS));
  if (tag >= TAG_FOLLOWS) writer.varint(tag);
  writer.varint(unit);
  if (!last) writer.varint(bytes.length);
  return writer.bytes(bytes).done();
}
