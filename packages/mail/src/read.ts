import { refuseMail, toBinaryText } from "./bytes.js";
import { limits } from "./limits.js";

/** One header field as it stands in the mail. */
export interface HeaderField {
  /** Spelling kept, no colon. */
  readonly name: string;
  /** Everything after the colon but the last CRLF: leading space, folds and all. Binary text. */
  readonly raw: string;
}

/** A mail or a part of one: its header fields and its body, which is a view into the mail. */
export interface Entity {
  readonly fields: readonly HeaderField[];
  /** `null`: there was no empty line, so no body. */
  readonly body: Uint8Array | null;
}

/** What one mail has used of the bounds that all its parts share. */
export class MailBudget {
  private headerBytes = 0;
  private headerLines = 0;
  private parts = 0;

  line(bytes: number): void {
    this.headerBytes += bytes;
    this.headerLines++;
    if (this.headerBytes > limits.headerBytesMax) refuseMail(`header above ${limits.headerBytesMax} bytes`);
    if (this.headerLines > limits.headerLinesMax) refuseMail(`header above ${limits.headerLinesMax} lines`);
  }

  part(depth: number): void {
    this.parts++;
    if (this.parts > limits.partsMax) refuseMail(`more than ${limits.partsMax} MIME parts`);
    if (depth > limits.depthMax) refuseMail(`MIME nesting deeper than ${limits.depthMax}`);
  }
}

/**
 * Throws {@link ProtocolError} EST_PROTOCOL_MAIL when a mail has NUL, a CR without LF, a LF without CR
 * (RFC 5321 §2.3.8: they are how one mail smuggles another), or is too large. Linear.
 */
function assertLines(mail: Uint8Array): void {
  if (mail.length > limits.mailBytesMax) refuseMail(`mail larger than ${limits.mailBytesMax} bytes`);
  for (let i = 0; i < mail.length; i++) {
    const b = mail[i];
    if (b === 13) {
      i++;
      if (mail[i] !== 10) refuseMail("CR without LF in mail");
    } else if (b === 10) refuseMail("LF without CR in mail");
    else if (b === 0) refuseMail("NUL in mail");
  }
}

/**
 * Header fields and body of a mail (RFC 5322 §2.1). Throws {@link ProtocolError} EST_PROTOCOL_MAIL for bare CR,
 * bare LF, NUL, a header line without a name, and a header above the bounds of `limits`.
 */
export function readMail(mail: Uint8Array): Entity {
  assertLines(mail);
  const entity = readEntity(mail, new MailBudget());
  if (entity === null) refuseMail("a header line has no name");
  return entity;
}

/** Fields and body of one entity whose lines were asserted; `null` when a header line is not a field. */
export function readEntity(bytes: Uint8Array, budget: MailBudget): Entity | null {
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < bytes.length) {
    let end = lineEnd(bytes, at);
    if (end === at) return { fields, body: bytes.subarray(at + 2) };
    budget.line(end - at + 2);
    while (bytes[end + 2] === 32 || bytes[end + 2] === 9) {
      const next = lineEnd(bytes, end + 2);
      budget.line(next - end);
      end = next;
    }
    const text = toBinaryText(bytes.subarray(at, end));
    const colon = text.indexOf(":");
    if (colon < 1 || !/^[\x21-\x39\x3b-\x7e]+[ \t]*$/.test(text.slice(0, colon))) return null;
    fields.push({ name: text.slice(0, colon), raw: text.slice(colon + 1) });
    at = end + 2;
  }
  return { fields, body: null };
}

/** Index of the CRLF that ends the line at `at`, or the length. */
function lineEnd(bytes: Uint8Array, at: number): number {
  const cr = bytes.indexOf(13, at);
  return cr < 0 ? bytes.length : cr;
}

/** Name as compared: lower case, without the space that RFC 5322 §4.5.8 once allowed before the colon. */
export function fieldKey(field: HeaderField): string {
  return field.name.trimEnd().toLowerCase();
}

/** Value unfolded (RFC 5322 §2.2.3) and trimmed. Binary text. */
export function unfold(field: HeaderField): string {
  return field.raw.replace(/\r\n(?=[ \t])/g, "").trim();
}

/** Unfolded values of all fields of that name (any case), in order. */
export function headerValues(entity: Entity, name: string): string[] {
  const key = name.toLowerCase();
  return entity.fields.filter((field) => fieldKey(field) === key).map(unfold);
}

/** A multipart body cut at its delimiter lines (RFC 2046 §5.1.1). */
export interface Multipart {
  readonly boundary: string;
  /** Bytes before the first delimiter line, its CRLF included. */
  readonly preamble: Uint8Array;
  readonly parts: readonly Uint8Array[];
  /** Bytes after the closing delimiter, beginning with the CRLF that ends its line. */
  readonly epilogue: Uint8Array;
}

/** The boundary a Content-Type announces for a multipart, or `null` when there is none this package writes back. */
export function boundaryOf(entity: Pick<Entity, "fields">): string | null {
  const types = entity.fields.filter((field) => fieldKey(field) === "content-type");
  const [type] = types;
  if (type === undefined || types.length > 1) return null;
  const value = unfold(type);
  if (!/^multipart\//i.test(value)) return null;
  const found = /;[ \t]*boundary=(?:"([^"\\\r\n]{1,70})"|([^\s";]{1,70}))[ \t]*(?:;|$)/i.exec(value);
  const boundary = found?.[1] ?? found?.[2] ?? "";
  return /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/.test(boundary) ? boundary : null;
}

/** Cuts at the delimiter lines; `null` when the body is not the regular form that can be put together again. */
export function splitMultipart(body: Uint8Array, boundary: string, budget: MailBudget): Multipart | null {
  const parts: Uint8Array[] = [];
  let preamble: Uint8Array | null = null;
  let partStart = 0;
  for (let at = nextDashes(body, 0); at < body.length; at = nextDashes(body, at + 2)) {
    const end = lineEnd(body, at);
    const kind = delimiter(body, at, end, boundary);
    if (kind === "none") continue;
    if (preamble === null) preamble = body.subarray(0, at);
    else if (at - 2 < partStart) return null;
    else {
      if (parts.length === limits.partsMax) budget.part(limits.depthMax + 1);
      parts.push(body.subarray(partStart, at - 2));
    }
    if (kind === "last") {
      return parts.length === 0 ? null : { boundary, preamble, parts, epilogue: body.subarray(end) };
    }
    partStart = end + 2;
  }
  return null;
}

/** Start of the next line, at or after `from`, that begins with two dashes; the length when there is none. */
function nextDashes(body: Uint8Array, from: number): number {
  for (let i = from; i < body.length; i++) {
    if (body[i] === 45 && body[i + 1] === 45 && (i === 0 || body[i - 1] === 10)) return i;
  }
  return body.length;
}

function delimiter(body: Uint8Array, at: number, end: number, boundary: string): "none" | "next" | "last" {
  if (body[at] !== 45 || body[at + 1] !== 45 || end - at < boundary.length + 2) return "none";
  for (let i = 0; i < boundary.length; i++) {
    if (body[at + 2 + i] !== boundary.charCodeAt(i)) return "none";
  }
  const rest = end - at - 2 - boundary.length;
  if (rest === 0) return "next";
  const closes = body[end - 1] === 45 && body[end - 2] === 45;
  return rest === 2 && closes ? "last" : "none";
}
