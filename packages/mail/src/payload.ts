import { ProtocolError } from "@estafette/contract";
import { base64Bytes, decodeBase64, encodeBase64 } from "./base64.js";
import { ByteSink, ByteSource, equalBytes, refuseMail, toBinaryText } from "./bytes.js";
import { decodeHeader, encodeHeader, type Sections } from "./header-code.js";
import { keepsField } from "./header-table.js";
import { limits } from "./limits.js";
import {
  boundaryOf,
  type Entity,
  fieldKey,
  type HeaderField,
  MailBudget,
  type Multipart,
  readEntity,
  readMail,
  splitMultipart,
} from "./read.js";
import { rewrapText, unwrapText } from "./wrap.js";

/*
 * verbatim    0x10 mail
 * structured  0x11 rawBytes raw text           (text to the end)
 *             0x12 rawBytes textBytes raw text blobs
 * raw: numbers and digits of the headers. text: header blocks, then one content each, in the order of the parts.
 * blobs: decoded base64. Sizes are LEB128. A text content ends with NUL; the last NUL of the section is left out.
 */
const form = { verbatim: 0x10, text: 0x11, blobs: 0x12 } as const;

/** First byte of a content. From {@link wrappedFrom} on: text filled at that width. */
const content = { text: 1, base64: 2, base64Odd: 3, multipart: 4, absent: 5 } as const;
const wrappedFrom = 0x20;

/** How most programs write base64: lines of 76 characters (RFC 2045 §6.8), nothing after the last. */
const usualLayout = { lineChars: 76, endings: 0 } as const;

interface SinkSections extends Sections<ByteSink> {
  readonly blobs: ByteSink;
}

interface SourceSections extends Sections<ByteSource> {
  readonly blobs: ByteSource;
}

/** Lines the gateway that hands a mail over adds above it. */
export interface MailTrace {
  /** Values of Received fields, newest first. */
  readonly receivedLines?: readonly string[];
  readonly extraHeaders?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * A mail as the network carries it. Kept to the byte: the fields of the allow-list ({@link keepsField}) with
 * their folds and order, every part header, boundary and body byte. Left behind: Bcc always, Received,
 * Return-Path, signatures and client fields. Every payload is rebuilt and compared before it is returned; a
 * mail the structure does not reproduce travels verbatim. Throws {@link ProtocolError} EST_PROTOCOL_MAIL for
 * a mail {@link readMail} refuses or with more parts than `limits` allow.
 */
export function shrinkMail(rfc5322: Uint8Array): Uint8Array {
  const mail = readMail(rfc5322);
  const carried = { fields: mail.fields.filter((field) => keepsField(field.name)), body: mail.body };
  const plain = writePlain(carried);
  const to = { text: sink(), raw: sink(), blobs: sink() };
  encodeEntity(carried, 0, to, new MailBudget());
  const payload = join(to);
  if (payload.length < plain.length && reproduces(payload, plain)) return payload;
  return verbatim(plain);
}

function reproduces(payload: Uint8Array, plain: Uint8Array): boolean {
  try {
    return equalBytes(rebuildMail(payload), plain);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

function sink(): ByteSink {
  return new ByteSink(limits.mailBytesMax + limits.headerBytesMax);
}

function verbatim(mail: Uint8Array): Uint8Array {
  const out = new Uint8Array(mail.length + 1);
  out[0] = form.verbatim;
  out.set(mail, 1);
  return out;
}

function writePlain(mail: Entity): Uint8Array {
  const out = sink();
  for (const field of mail.fields) out.text(`${field.name}:${field.raw}\r\n`);
  if (mail.body !== null) {
    out.text("\r\n");
    out.bytes(mail.body);
  }
  return out.done();
}

function join(from: SinkSections): Uint8Array {
  const out = sink();
  const written = from.text.done();
  const text = written.at(-1) === 0 ? written.subarray(0, -1) : written;
  const blobs = from.blobs.length > 0;
  out.byte(blobs ? form.blobs : form.text);
  out.varint(from.raw.length);
  if (blobs) out.varint(text.length);
  out.bytes(from.raw.done());
  out.bytes(text);
  out.bytes(from.blobs.done());
  return out.done();
}

function encodeEntity(entity: Entity, depth: number, to: SinkSections, budget: MailBudget): void {
  encodeHeader(entity.fields, to);
  if (entity.body === null) {
    to.text.byte(content.absent);
    return;
  }
  const boundary = boundaryOf(entity);
  if (boundary !== null) {
    const cut = splitMultipart(entity.body, boundary, budget);
    if (cut !== null && encodeMultipart(cut, depth + 1, to, budget)) return;
  }
  const coding = entity.fields.find((field) => fieldKey(field) === "content-transfer-encoding");
  const decoded = coding?.raw.trim().toLowerCase() === "base64" ? decodeBase64(entity.body) : null;
  if (decoded === null) {
    encodeText(entity.body, to.text);
    return;
  }
  const { lineChars, endings } = decoded.layout;
  const usual = lineChars === usualLayout.lineChars && endings === usualLayout.endings;
  to.text.byte(usual ? content.base64 : content.base64Odd);
  to.text.varint(decoded.content.length);
  // The line length last: it is never 0, and join leaves out a 0 at the end.
  if (!usual) to.text.bytes(Uint8Array.of(endings, lineChars));
  to.blobs.bytes(decoded.content);
}

function encodeMultipart(cut: Multipart, depth: number, to: SinkSections, budget: MailBudget): boolean {
  const parts: Entity[] = [];
  for (const bytes of cut.parts) {
    budget.part(depth);
    const part = readEntity(bytes, budget);
    if (part === null) return false;
    // A header that ends without a line end of its own cannot be told from one that has it.
    if (part.body === null && bytes.length > 0 && bytes.at(-1) !== 10) return false;
    parts.push(part);
  }
  const ending = toBinaryText(cut.epilogue) === "\r\n";
  to.text.bytes(
    Uint8Array.of(content.multipart, (cut.preamble.length > 0 ? 1 : 0) | (ending ? 0 : 2), parts.length),
  );
  if (cut.preamble.length > 0) encodeText(cut.preamble, to.text);
  for (const part of parts) encodeEntity(part, depth, to, budget);
  if (!ending) encodeText(cut.epilogue, to.text);
  return true;
}

/** A loop, because a callback per byte of a large mail takes ten times as long. */
function withoutCr(body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length);
  let used = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] ?? 0;
    if (byte !== 13) out[used++] = byte;
  }
  return out.subarray(0, used);
}

function encodeText(body: Uint8Array, to: ByteSink): void {
  const lines = withoutCr(body);
  const unwrapped = lines.length <= limits.wrapBytesMax ? unwrapText(toBinaryText(lines)) : null;
  if (unwrapped === null) {
    to.byte(content.text);
    to.bytes(lines);
  } else {
    to.byte(unwrapped.width);
    to.text(unwrapped.text);
  }
  to.byte(0);
}

/**
 * The mail again: the bytes {@link shrinkMail} kept, below the lines of `trace`. CRLF throughout, no bare CR or
 * LF, no NUL, whatever the payload. Throws {@link ProtocolError}: VERSION for a form this version does not know,
 * TRUNCATED, TRAILING, RANGE or MAIL for a payload nobody's {@link shrinkMail} wrote, MAIL for a trace line that
 * is not one.
 */
export function rebuildMail(payload: Uint8Array, trace: MailTrace = {}): Uint8Array {
  const out = sink();
  for (const value of trace.receivedLines ?? []) writeTrace("Received", value, out);
  for (const { name, value } of trace.extraHeaders ?? []) writeTrace(name, value, out);
  if (payload[0] === form.verbatim) {
    const mail = payload.subarray(1);
    for (const field of readMail(mail).fields) {
      if (!keepsField(field.name))
        refuseMail(`mail payload with a field that is never carried: ${field.name}`);
    }
    out.bytes(mail);
    return out.done();
  }
  const from = openSections(payload);
  const budget = new MailBudget();
  decodeEntity(from, 0, out, budget);
  if (from.text.left + from.raw.left + from.blobs.left > 0) {
    throw new ProtocolError("EST_PROTOCOL_TRAILING", "mail payload longer than its mail");
  }
  return out.done();
}

/** Kept header fields of a payload, without its body. Errors as {@link rebuildMail}. */
export function payloadFields(payload: Uint8Array): readonly HeaderField[] {
  if (payload[0] === form.verbatim) return readMail(payload.subarray(1)).fields;
  return decodeHeader(openSections(payload), new MailBudget(), true);
}

/** Whether these bytes begin like a payload; no mail begins with a control character. */
export function isPayload(bytes: Uint8Array): boolean {
  return bytes[0] === form.verbatim || bytes[0] === form.text || bytes[0] === form.blobs;
}

function openSections(payload: Uint8Array): SourceSections {
  const source = new ByteSource(payload);
  const kind = source.byte();
  if (kind !== form.text && kind !== form.blobs) {
    throw new ProtocolError("EST_PROTOCOL_VERSION", `mail payload of unknown form ${kind}`);
  }
  const rawBytes = source.varint();
  const textBytes = kind === form.blobs ? source.varint() : null;
  const raw = new ByteSource(source.bytes(rawBytes));
  const text = new ByteSource(source.bytes(textBytes ?? source.left));
  return { raw, text, blobs: new ByteSource(source.bytes(source.left)) };
}

function writeTrace(name: string, value: string, out: ByteSink): void {
  const bare = value.replace(/\r\n(?=[ \t]+\S)/g, "");
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name) || !/^[\x20-\x7e\t]+$/.test(bare)) {
    refuseMail(`not a header line: ${JSON.stringify(name).slice(0, 80)}`);
  }
  out.text(`${name}: ${value}\r\n`);
}

function decodeEntity(from: SourceSections, depth: number, out: ByteSink, budget: MailBudget): void {
  const fields = decodeHeader(from, budget, depth === 0);
  for (const field of fields) out.text(`${field.name}:${field.raw}\r\n`);
  const kind = from.text.byte();
  if (kind === content.absent) return;
  out.text("\r\n");
  if (kind === content.multipart) decodeMultipart(fields, from, depth + 1, out, budget);
  else if (kind === content.base64 || kind === content.base64Odd) decodeBlob(kind, from, out);
  else decodeText(kind, from.text, out);
}

function decodeBlob(kind: number, from: SourceSections, out: ByteSink): void {
  const byteCount = from.text.varint();
  const layout =
    kind === content.base64 ? usualLayout : { endings: from.text.byte(), lineChars: from.text.byte() };
  if (layout.lineChars < 4 || layout.lineChars % 4 !== 0) refuseMail("mail payload with odd base64 lines");
  const bytes = from.blobs.bytes(byteCount);
  if (out.length + base64Bytes(byteCount, layout) > limits.mailBytesMax) refuseMail("mail above the bound");
  out.bytes(encodeBase64(bytes, layout));
}

function decodeMultipart(
  fields: readonly HeaderField[],
  from: SourceSections,
  depth: number,
  out: ByteSink,
  budget: MailBudget,
): void {
  const boundary = boundaryOf({ fields });
  if (boundary === null) refuseMail("mail payload with a multipart that has no boundary");
  const flags = from.text.byte();
  const count = from.text.byte();
  if (flags > 3 || count === 0) refuseMail("mail payload with an odd multipart");
  if (flags & 1) decodeText(from.text.byte(), from.text, out);
  for (let i = 0; i < count; i++) {
    budget.part(depth);
    out.text(`--${boundary}\r\n`);
    decodeEntity(from, depth, out, budget);
    out.text("\r\n");
  }
  out.text(`--${boundary}--`);
  if (flags & 2) decodeText(from.text.byte(), from.text, out);
  else out.text("\r\n");
}

function decodeText(kind: number, text: ByteSource, out: ByteSink): void {
  if (kind !== content.text && (kind < wrappedFrom || kind > 127))
    refuseMail("mail payload of unknown content");
  const lines = text.until(0);
  if (lines.includes(13)) refuseMail("mail payload with CR in a text");
  if (kind !== content.text && lines.length > limits.wrapBytesMax) refuseMail("filled text above the bound");
  const wrapped = kind === content.text ? null : rewrapText(toBinaryText(lines), kind);
  if (wrapped !== null) {
    out.text(wrapped.replaceAll("\n", "\r\n"));
    return;
  }
  let from = 0;
  for (let lf = lines.indexOf(10); lf >= 0; lf = lines.indexOf(10, from)) {
    out.bytes(lines.subarray(from, lf));
    out.text("\r\n");
    from = lf + 1;
  }
  out.bytes(lines.subarray(from));
}
