import type { MessageClass } from "@estafette/contract";
import { ByteReader, ByteWriter, fault, requireCanonical, requireRange, utf8 } from "./bytes.js";
import { LIMITS } from "./limits.js";

/*
 *   varint count │ message │ message │ …
 *   message: flags │ [more] │ [epoch, sequence] │ [class, lifetime] │ [token] │ [later] │ [from] │ [recipients] │ length │ body
 *
 * A field in brackets is left out when it equals what is expected: for the first message the header's values,
 * for each later one the values of the message before it, sequence plus one.
 */

const KINDS = ["mail", "text", "notice"] as const;
const CLASSES = ["flash", "priority", "normal", "bulk"] as const satisfies readonly MessageClass[];

const KIND_MASK = 3;
const FLAG_RECEIPT = 4;
const FLAG_MORE = 8;
const FLAG_NUMBERED = 16;
const FLAG_CLASSED = 32;
const FLAG_SAME_FROM = 64;
const FLAG_SAME_TO = 128;

/** In the byte that {@link FLAG_MORE} announces. */
const MORE_TOKEN = 1;
const MORE_LATER = 2;

/** One message inside the seal. Its key is (origin of the envelope, epoch, sequence). */
export interface ContentMessage {
  /** The origin's start number, 32 bits. */
  readonly epoch: number;
  /** [0…2⁵³−1]. */
  readonly sequence: number;
  readonly class: MessageClass;
  /** Seconds [3 600…2 592 000], counted from the age of the envelope. */
  readonly lifetimeS: number;
  /** `mail`: RFC 5322, possibly shrunk; `text`: UTF-8; `notice`: about an earlier message, never answered. */
  readonly kind: (typeof KINDS)[number];
  /** The sender asked for a receipt. */
  readonly receipt: boolean;
  /** 16 bytes that prove delivery when revealed (SPEC.md §11), or null. */
  readonly token: Uint8Array | null;
  /** Seconds [0…2³²−1] between the header's `created` and when this message was handed in. */
  readonly laterS: number;
  /** Mail address of the sender, or "" for what must not be answered. */
  readonly from: string;
  /** Mail addresses of the recipients, 1…50. */
  readonly to: readonly string[];
  readonly body: Uint8Array;
}

/** Values of the header that the first message need not repeat. */
export type ContentBase = Pick<ContentMessage, "epoch" | "sequence" | "class" | "lifetimeS">;

/** What the next message is compared with. */
export interface Expected extends ContentBase {
  readonly from: string | null;
  readonly to: readonly string[] | null;
  readonly laterS: number;
}

export function beginning(base: ContentBase): Expected {
  return { ...base, from: null, to: null, laterS: 0 };
}

export function expectedAfter(message: ContentMessage): Expected {
  return { ...message, sequence: Math.min(message.sequence + 1, LIMITS.varintMax) };
}

/**
 * Control characters and lone surrogates have no place in an address: they smuggle lines or do not
 * encode.
 */
const FORBIDDEN_IN_ADDRESS = /[\p{Cc}\p{Cs}]/u;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function writeAddress(writer: ByteWriter, address: string, what: string): void {
  if (FORBIDDEN_IN_ADDRESS.test(address)) {
    throw fault("EST_PROTOCOL_ENCODING", `${what} contains a control character`);
  }
  const bytes = utf8(address);
  requireRange(bytes.length, { min: 0, max: LIMITS.mailAddressBytesMax }, `length of ${what}`);
  writer.u8(bytes.length, what).raw(bytes);
}

function readAddress(reader: ByteReader, what: string): string {
  const length = reader.u8(what);
  requireRange(length, { min: 0, max: LIMITS.mailAddressBytesMax }, `length of ${what}`);
  let address: string;
  try {
    address = decoder.decode(reader.take(length, what));
  } catch (cause) {
    if (cause instanceof TypeError) throw fault("EST_PROTOCOL_ENCODING", `${what} is not UTF-8`, cause);
    throw cause;
  }
  if (FORBIDDEN_IN_ADDRESS.test(address)) {
    throw fault("EST_PROTOCOL_ENCODING", `${what} contains a control character`);
  }
  return address;
}

function requireRecipients(to: readonly string[]): void {
  requireRange(to.length, { min: 1, max: LIMITS.recipientsMax }, "recipient count");
  if (to.includes("")) throw fault("EST_PROTOCOL_RANGE", "a recipient is empty");
}

function requireLater(laterS: number): number {
  requireRange(laterS, { min: 0, max: LIMITS.ageSMax }, "later");
  return laterS;
}

function sameList(a: readonly string[], b: readonly string[] | null): boolean {
  return b !== null && a.length === b.length && a.every((value, index) => value === b[index]);
}

export function writeMessage(writer: ByteWriter, message: ContentMessage, expected: Expected): void {
  requireRange(message.lifetimeS, { min: LIMITS.lifetimeSMin, max: LIMITS.lifetimeSMax }, "lifetime");
  requireRecipients(message.to);
  const numbered = message.epoch !== expected.epoch || message.sequence !== expected.sequence;
  const classed = message.class !== expected.class || message.lifetimeS !== expected.lifetimeS;
  const sameFrom = message.from === expected.from;
  const sameTo = sameList(message.to, expected.to);
  const more = (message.token ? MORE_TOKEN : 0) | (message.laterS !== expected.laterS ? MORE_LATER : 0);
  const flags =
    KINDS.indexOf(message.kind) |
    (message.receipt ? FLAG_RECEIPT : 0) |
    (more !== 0 ? FLAG_MORE : 0) |
    (numbered ? FLAG_NUMBERED : 0) |
    (classed ? FLAG_CLASSED : 0) |
    (sameFrom ? FLAG_SAME_FROM : 0) |
    (sameTo ? FLAG_SAME_TO : 0);
  writer.u8(flags, "message flags");
  if (more !== 0) writer.u8(more, "more flags");
  if (numbered) writer.u32(message.epoch, "epoch").varint(message.sequence, "sequence");
  if (classed) writer.u8(CLASSES.indexOf(message.class), "class").varint(message.lifetimeS, "lifetime");
  if (message.token) writer.fixed(message.token, 16, "token");
  if (more & MORE_LATER) writer.varint(requireLater(message.laterS), "later");
  if (!sameFrom) writeAddress(writer, message.from, "sender");
  if (!sameTo) {
    writer.u8(message.to.length, "recipient count");
    for (const recipient of message.to) writeAddress(writer, recipient, "recipient");
  }
  writer.varint(message.body.length, "body length").raw(message.body);
}

/**
 * Content as it is compressed and sealed. `base` are the values of the header it travels under.
 * @throws ProtocolError EST_PROTOCOL_RANGE, EST_PROTOCOL_ENCODING for values that have no encoding.
 */
export function encodeContent(messages: readonly ContentMessage[], base: ContentBase): Uint8Array {
  requireRange(messages.length, { min: 1, max: LIMITS.contentMessagesMax }, "message count");
  const writer = new ByteWriter().varint(messages.length, "message count");
  let expected = beginning(base);
  for (const message of messages) {
    writeMessage(writer, message, expected);
    expected = expectedAfter(message);
  }
  const bytes = writer.finish();
  requireRange(bytes.length, { min: 0, max: LIMITS.payloadBytesMax }, "content length");
  return bytes;
}

function readClass(reader: ByteReader): MessageClass {
  const messageClass = CLASSES[reader.u8("class")];
  if (messageClass === undefined) throw fault("EST_PROTOCOL_VERSION", "a message class that is not known");
  return messageClass;
}

function readRecipients(reader: ByteReader): string[] {
  const count = reader.u8("recipient count");
  requireRange(count, { min: 1, max: LIMITS.recipientsMax }, "recipient count");
  const to = Array.from({ length: count }, () => readAddress(reader, "recipient"));
  requireRecipients(to);
  return to;
}

/** A field that the flags say is as in the message before, where there is none. */
function nothingBefore(what: string): Error {
  return fault("EST_PROTOCOL_ENCODING", `the first message repeats a ${what} of a message before it`);
}

export function readMessage(reader: ByteReader, expected: Expected): ContentMessage {
  const flags = reader.u8("message flags");
  const kind = KINDS[flags & KIND_MASK];
  if (kind === undefined) throw fault("EST_PROTOCOL_VERSION", "message kind 3 is not known");
  const more = flags & FLAG_MORE ? reader.u8("more flags") : 0;
  if (more > (MORE_TOKEN | MORE_LATER))
    throw fault("EST_PROTOCOL_VERSION", `message flags ${more} are not known`);
  const numbered = (flags & FLAG_NUMBERED) !== 0;
  const classed = (flags & FLAG_CLASSED) !== 0;
  const epoch = numbered ? reader.u32("epoch") : expected.epoch;
  const sequence = numbered ? reader.varint("sequence") : expected.sequence;
  const messageClass = classed ? readClass(reader) : expected.class;
  const lifetimeS = classed ? reader.varint("lifetime") : expected.lifetimeS;
  requireRange(lifetimeS, { min: LIMITS.lifetimeSMin, max: LIMITS.lifetimeSMax }, "lifetime");
  const token = more & MORE_TOKEN ? reader.take(16, "token") : null;
  const laterS = more & MORE_LATER ? requireLater(reader.varint("later")) : expected.laterS;
  const from = flags & FLAG_SAME_FROM ? expected.from : readAddress(reader, "sender");
  if (from === null) throw nothingBefore("sender");
  const to = flags & FLAG_SAME_TO ? expected.to : readRecipients(reader);
  if (to === null) throw nothingBefore("recipient list");
  const body = reader.take(reader.varint("body length"), "body");
  const receipt = (flags & FLAG_RECEIPT) !== 0;
  return { epoch, sequence, class: messageClass, lifetimeS, kind, receipt, token, laterS, from, to, body };
}

/**
 * Strict inverse of {@link encodeContent} under the same `base`.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,TRAILING,RANGE,ENCODING,VERSION}.
 */
export function decodeContent(bytes: Uint8Array, base: ContentBase): ContentMessage[] {
  requireRange(bytes.length, { min: 0, max: LIMITS.payloadBytesMax }, "content length");
  const reader = new ByteReader(bytes);
  const count = reader.varint("message count");
  requireRange(count, { min: 1, max: LIMITS.contentMessagesMax }, "message count");
  const messages: ContentMessage[] = [];
  let expected = beginning(base);
  for (let i = 0; i < count; i++) {
    const message = readMessage(reader, expected);
    messages.push(message);
    expected = expectedAfter(message);
  }
  reader.end("the content");
  requireCanonical(bytes, encodeContent(messages, base), "content");
  return messages;
}
