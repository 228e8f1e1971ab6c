import { type MessageClass, ProtocolError } from "@estafette/contract";
import type { NeverReason, NotNowReason, TransferResult } from "./api.js";
import { ByteReader, ByteWriter, varintBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import type { UnitWindow } from "./units.js";

/*
 * What a data parcel carries: records, one after the other. The first byte tells the kind:
 *
 *   000xxxxx  a record type, of which 0001 SEcc is an OFFER
 *   001ttttt  ACCEPTED, short: low 5 bits of the tag
 *   01Lttttt  PUSH, short: low 5 bits of the tag
 *   1PLttttt  SEGMENT: the tag, 31 means that a varint follows
 *
 * P: nothing more of this transfer comes now, report what is missing. L: the data reaches to the end of the
 * parcel, no length. S: the verdict may be short. E: the data follows at once. cc: the class.
 */

export const RECORD = {
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
  /** PUSH with its tag in full; with the lowest bit set it reaches to the end of the parcel. */
  push: 0x0c,
  offer: 0x10,
} as const;

const OFFER_SHORT = 0x08;
const OFFER_EAGER = 0x04;
const OFFER_LAST = 0x17 | OFFER_SHORT;
const ACCEPTED_SHORT = 0x20;
const PUSH_SHORT = 0x40;
const PUSH_LAST = 0x20;
const SEGMENT = 0x80;
const SEGMENT_POLL = 0x40;
const SEGMENT_LAST = 0x20;
const TAG_FOLLOWS = 31;
const LOW_BITS = 0x1f;

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
  "template",
  "context",
];

export interface OfferRecord {
  readonly type: "offer";
  readonly tag: number;
  readonly id: Uint8Array;
  readonly class: MessageClass;
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly unitBytes: number;
  /** The data follows at once. */
  readonly eager: boolean;
  /** Its first verdict may be said in short form. */
  readonly short: boolean;
}

/** Head and payload in one piece. */
export interface PushRecord {
  readonly type: "push";
  /** The low 5 bits only when `short`. */
  readonly tag: number;
  readonly short: boolean;
  readonly bytes: Uint8Array;
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
  | PushRecord
  | WantRecord
  | SegmentRecord
  | NoteRecord
  | { readonly type: "verdict"; readonly tag: number; readonly verdict: Verdict }
  /** `low`: the low 5 bits of the tag. */
  | { readonly type: "accepted"; readonly low: number }
  | { readonly type: "poll" | "withdraw" | "unknown" | "note-ok"; readonly tag: number };

const refuse = (why: string): never => {
  throw new ProtocolError("EST_PROTOCOL_RANGE", why);
};

/** All records of a parcel, or a ProtocolError: a parcel with one wrong record means nothing. */
export function parseRecords(input: Uint8Array): readonly LinkRecord[] {
  const reader = new ByteReader(input);
  const records: LinkRecord[] = [];
  while (reader.left > 0) {
    records.push(parseNext(reader.u8(), reader));
  }
  return records;
}

function parseNext(first: number, reader: ByteReader): LinkRecord {
  if (first >= SEGMENT) return parseSegment(first, reader);
  if (first >= PUSH_SHORT) return parsePush(first & LOW_BITS, reader, (first & PUSH_LAST) !== 0);
  if (first >= ACCEPTED_SHORT) return { type: "accepted", low: first & LOW_BITS };
  if (first >= RECORD.offer) return parseOffer(first, reader);
  if (first >> 1 === RECORD.push >> 1) return parsePush(null, reader, (first & 1) !== 0);
  return parseRecord(first, reader);
}

/** `low`: the short tag; null: the full one follows. */
function parsePush(low: number | null, reader: ByteReader, last: boolean): PushRecord {
  const tag = low ?? reader.varint();
  const bytes = last ? reader.rest() : reader.bytes(reader.varint());
  if (bytes.length === 0) refuse("an empty push");
  return { type: "push", tag, short: low !== null, bytes };
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

function parseOffer(first: number, reader: ByteReader): OfferRecord {
  if (first > OFFER_LAST) refuse("an unknown record");
  const tag = reader.varint();
  const id = reader.bytes(16).slice();
  const messageClass = CLASSES[first & 3] ?? refuse("an unknown class");
  const [headBytes, payloadBytes, unitBytes] = [reader.varint(), reader.varint(), reader.varint()];
  if (headBytes === 0) refuse("an offer without a head");
  if (unitBytes < 1 || unitBytes > LINK_LIMITS.unitBytesHeardMax) refuse("an impossible unit");
  const [eager, short] = [(first & OFFER_EAGER) !== 0, (first & OFFER_SHORT) !== 0];
  return { type: "offer", tag, id, class: messageClass, headBytes, payloadBytes, unitBytes, eager, short };
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
  const flags = (offer.eager ? OFFER_EAGER : 0) | (offer.short ? OFFER_SHORT : 0);
  const first = RECORD.offer | flags | CLASSES.indexOf(offer.class);
  const writer = tagged(first, offer.tag, 16 + numbers.reduce((sum, n) => sum + varintBytes(n), 0));
  writer.bytes(offer.id);
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

/** ACCEPTED in one byte. */
export const encodeAccepted = (tag: number): Uint8Array => Uint8Array.of(ACCEPTED_SHORT | (tag & LOW_BITS));

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

/** A record whose data may reach to the end of the parcel, and then needs no length. */
export interface OpenEnded {
  readonly first: number;
  /** Set in the first byte when it reaches to the end. */
  readonly lastFlag: number;
  /** What stands between the first byte and the length. */
  readonly fields: Uint8Array;
  readonly bytes: Uint8Array;
}

export function segmentRecord(segment: Omit<SegmentRecord, "type">): OpenEnded {
  const { tag, unit, poll, bytes } = segment;
  const writer = new ByteWriter(segmentOverheadBytes(tag, unit) - 1);
  if (tag >= TAG_FOLLOWS) writer.varint(tag);
  const first = SEGMENT | (poll ? SEGMENT_POLL : 0) | Math.min(tag, TAG_FOLLOWS);
  return { first, lastFlag: SEGMENT_LAST, fields: writer.varint(unit).done(), bytes };
}

/** `short`: only the low 5 bits of the tag. */
export function pushRecord(tag: number, short: boolean, bytes: Uint8Array): OpenEnded {
  if (short) {
    return { first: PUSH_SHORT | (tag & LOW_BITS), lastFlag: PUSH_LAST, fields: new Uint8Array(0), bytes };
  }
  const fields = new ByteWriter(varintBytes(tag)).varint(tag).done();
  return { first: RECORD.push, lastFlag: 1, fields, bytes };
}
