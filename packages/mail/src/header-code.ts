import { ProtocolError } from "@estafette/contract";
import { ByteSink, ByteSource, toBinaryText } from "./bytes.js";
import { dateShape, formatDate, parseDate, readDate, writeDate } from "./date.js";
import { keepsField, namedFields, special, wholeLines } from "./header-table.js";
import { limits } from "./limits.js";
import { decodeIds, encodeIds, isIdList, SeenDomains } from "./message-id.js";
import { fieldKey, type HeaderField, type MailBudget } from "./read.js";

/*
 * A header block is one record per field and ends with LF:
 *   code 0xc0…  the whole line                     code 0x80…  name, then value LF
 *   code 0xf0…  a date or message ids              other       name ":" raw LF
 * A fold is LF and the space that follows it, so a value ends at the first LF before anything else. Numbers and
 * digits of ids stand in the raw section, in the order of the records.
 */
const dateCodes: readonly number[] = [
  special.date,
  special.dateZone,
  special.dateStyle,
  special.dateZoneStyle,
];
const idCodes = new Map<string, number>([
  ["Message-ID", special.messageId],
  ["In-Reply-To", special.inReplyTo],
  ["References", special.references],
]);
const idNames = new Map([...idCodes].map(([name, code]) => [code, name]));
const lineCodes = new Map<string, number>(wholeLines.map((line, i) => [line, 0xc0 + i]));
const nameCodes = new Map<string, number>(namedFields.map((name, i) => [name, 0x80 + i]));

/** Two sections of a payload: what reads like text, and what is dense already. */
export interface Sections<Side> {
  readonly text: Side;
  readonly raw: Side;
}

export function encodeHeader(fields: readonly HeaderField[], to: Sections<ByteSink>): void {
  const seen = new SeenDomains();
  for (const field of fields) {
    const line = lineCodes.get(`${field.name}:${field.raw}`);
    if (line !== undefined) to.text.byte(line);
    else if (field.name === "In-Reply-To" && field.raw === ` ${lastReference(fields)}`) {
      to.text.byte(special.inReplyToLast);
    } else {
      if (!encodeDate(field, to) && !encodeIdField(field, seen, to)) encodeValue(field, to.text);
      seen.note(field.raw);
    }
  }
  to.text.byte(10);
}

function lastReference(fields: readonly HeaderField[]): string | undefined {
  const references = fields.find((field) => field.name === "References");
  return references === undefined ? undefined : /<[^<>\r\n]*>$/.exec(references.raw)?.[0];
}

function encodeDate(field: HeaderField, to: Sections<ByteSink>): boolean {
  const date = field.name === "Date" && field.raw.startsWith(" ") ? parseDate(field.raw.slice(1)) : null;
  if (date === null) return false;
  to.text.byte(dateCodes[dateShape(date)] ?? special.dateZoneStyle);
  writeDate(date, to.raw);
  return true;
}

function encodeIdField(field: HeaderField, seen: SeenDomains, to: Sections<ByteSink>): boolean {
  const code = idCodes.get(field.name);
  const value = field.raw.slice(1);
  if (code === undefined || !field.raw.startsWith(" ") || !isIdList(value)) return false;
  const raw = new ByteSink(limits.headerBytesMax);
  const coded = encodeIds(value, seen, raw);
  if (decodeIds(coded, seen, new ByteSource(raw.done())) !== value) return false;
  to.text.byte(code);
  to.text.text(`${coded.replaceAll("\r\n", "\n")}\n`);
  to.raw.bytes(raw.done());
  return true;
}

function encodeValue(field: HeaderField, text: ByteSink): void {
  const code = nameCodes.get(field.name);
  const raw = field.raw.replaceAll("\r\n", "\n");
  if (code !== undefined && raw.startsWith(" ")) {
    text.byte(code);
    text.text(`${raw.slice(1)}\n`);
  } else text.text(`${field.name}:${raw}\n`);
}

/**
 * One header block. `top`: fields the gateway never carries are refused, so that no payload can forge a trace.
 * Throws {@link ProtocolError} for anything {@link encodeHeader} cannot have written.
 */
export function decodeHeader(from: Sections<ByteSource>, budget: MailBudget, top: boolean): HeaderField[] {
  const seen = new SeenDomains();
  const fields: HeaderField[] = [];
  while (from.text.peek() !== 10) {
    const field = decodeField(from, seen);
    if (field.raw !== pending) {
      const lines = field.raw.split("\n").length - 1;
      budget.line(field.name.length + field.raw.length + 3);
      for (let i = 0; i < lines; i++) budget.line(0);
    }
    if (top && !keepsField(field.name))
      refuse(`mail payload with a field that is never carried: ${field.name}`);
    fields.push(field);
  }
  from.text.byte();
  return fields.map((field) => (field.raw === pending ? resolveReply(fields, budget) : field));
}

/** Stands for "the last of References" until the block is complete; no decoded value can contain NUL. */
const pending = "\0";

function resolveReply(fields: readonly HeaderField[], budget: MailBudget): HeaderField {
  const id = lastReference(fields);
  if (id === undefined) refuse("mail payload refers to References that are not there");
  budget.line(id.length + 16);
  return { name: "In-Reply-To", raw: ` ${id}` };
}

function decodeField(from: Sections<ByteSource>, seen: SeenDomains): HeaderField {
  const code = from.text.peek();
  if (code >= 0xc0 && code < 0xf0) {
    from.text.byte();
    return splitLine(wholeLines[code - 0xc0] ?? refuse("mail payload with an unknown line code"));
  }
  if (code === special.inReplyToLast) {
    from.text.byte();
    return { name: "In-Reply-To", raw: pending };
  }
  const field = decodeOwnForm(code, from, seen);
  seen.note(field.raw);
  return field;
}

function decodeOwnForm(code: number, from: Sections<ByteSource>, seen: SeenDomains): HeaderField {
  const shape = dateCodes.indexOf(code);
  if (shape >= 0) {
    from.text.byte();
    return { name: "Date", raw: ` ${formatDate(readDate(shape, from.raw))}` };
  }
  const idName = idNames.get(code);
  if (idName !== undefined) {
    from.text.byte();
    return { name: idName, raw: ` ${decodeIds(value(from.text), seen, from.raw)}` };
  }
  if (code < 0x80) return splitLine(value(from.text));
  const name = namedFields[code - 0x80];
  if (code >= 0xc0 || name === undefined) refuse("mail payload with an unknown field code");
  from.text.byte();
  return { name, raw: ` ${value(from.text)}` };
}

/** Text up to the LF that no space follows, folds as CRLF. */
function value(text: ByteSource): string {
  let all = "";
  for (;;) {
    if (text.left === 0) throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "mail payload ends in a header");
    all += toBinaryText(text.until(10));
    if (all.length > limits.headerBytesMax) refuse("mail payload with a header above the bound");
    if (text.peek() !== 32 && text.peek() !== 9) break;
    all += "\n";
  }
  if (/[\r\0]/.test(all)) refuse("mail payload with CR or NUL in a header");
  return all.replaceAll("\n", "\r\n");
}

function splitLine(line: string): HeaderField {
  const colon = line.indexOf(":");
  const field = { name: line.slice(0, colon), raw: line.slice(colon + 1) };
  if (colon < 1 || !/^[\x21-\x39\x3b-\x7e]+$/.test(fieldKey(field)) || field.name.includes("\n")) {
    refuse("mail payload with a header line that has no name");
  }
  return field;
}

function refuse(sentence: string): never {
  throw new ProtocolError("EST_PROTOCOL_MAIL", sentence);
}
