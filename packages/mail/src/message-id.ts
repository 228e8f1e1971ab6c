import { ProtocolError } from "@estafette/contract";
import type { ByteSink, ByteSource } from "./bytes.js";
import { limits } from "./limits.js";

/*
 * Message ids are mostly hexadecimal digits and a domain the mail names elsewhere. Digits travel as octets in the
 * payload's raw section, a domain as one code byte:
 *   0x01 32 lower-case digits   0x02 UUID lower case   0x03 UUID upper case
 *   0x04 n lower-case digits    0x05 n upper-case digits (n/2 octets, counted in the raw section)
 *   0x10…0x1f "@" and domain number 0…15 of this header block
 */
const pattern =
  /([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})|([0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12})|([0-9a-f]{16,})|([0-9A-F]{16,})/g;

/** The domains a header block has named so far, oldest first. */
export class SeenDomains {
  private readonly names: string[] = [];

  /** Notes what follows each at sign. Both directions call this with the same texts in the same order. */
  note(value: string): void {
    for (const [, name = ""] of value.matchAll(/@([A-Za-z0-9.-]{3,253})/g)) {
      if (this.names.length < limits.domainsMax && !this.names.includes(name)) this.names.push(name);
    }
  }

  indexOf(name: string): number {
    return this.names.indexOf(name);
  }

  at(index: number): string {
    const name = this.names[index];
    if (name === undefined)
      throw new ProtocolError("EST_PROTOCOL_RANGE", "domain number beyond the mail's own");
    return name;
  }
}

/** Whether a value is nothing but `<…>` ids with single spaces or folds between them. */
export function isIdList(value: string): boolean {
  return /^<[\x21-\x3b\x3d\x3f-\x7e]*>(?:(?: |\r\n[ \t])<[\x21-\x3b\x3d\x3f-\x7e]*>)*$/.test(value);
}

/** Codes an id list; its digits go to `raw`. Brackets at both ends are implied. Folds stay CRLF. */
export function encodeIds(value: string, seen: SeenDomains, raw: ByteSink): string {
  const digits = value.slice(1, -1).replace(pattern, (run, ...groups: (string | undefined)[]) => {
    const [lowerUuid, upperUuid, lower] = groups;
    if (lowerUuid !== undefined || upperUuid !== undefined) {
      raw.bytes(fromHex(run.replaceAll("-", "")));
      return lowerUuid !== undefined ? "\x02" : "\x03";
    }
    const even = Math.min(run.length - (run.length % 2), 510);
    const rest = run.slice(even);
    if (lower !== undefined && even === 32) {
      raw.bytes(fromHex(run.slice(0, even)));
      return `\x01${rest}`;
    }
    raw.byte(even / 2);
    raw.bytes(fromHex(run.slice(0, even)));
    return (lower !== undefined ? "\x04" : "\x05") + rest;
  });
  return digits.replace(/@([A-Za-z0-9.-]{3,253})/g, (whole, name: string) => {
    const index = seen.indexOf(name);
    return index < 0 ? whole : String.fromCharCode(0x10 + index);
  });
}

/** The inverse of {@link encodeIds}; throws {@link ProtocolError} when octets or domains are missing. */
export function decodeIds(coded: string, seen: SeenDomains, raw: ByteSource): string {
  let text = "<";
  for (const c of coded) {
    const code = c.charCodeAt(0);
    if (code === 1) text += toHex(raw.bytes(16));
    else if (code === 2) text += uuid(raw.bytes(16));
    else if (code === 3) text += uuid(raw.bytes(16)).toUpperCase();
    else if (code === 4) text += toHex(raw.bytes(raw.byte()));
    else if (code === 5) text += toHex(raw.bytes(raw.byte())).toUpperCase();
    else if (code >= 0x10 && code <= 0x1f) text += `@${seen.at(code - 0x10)}`;
    else text += c;
    if (text.length > limits.headerBytesMax)
      throw new ProtocolError("EST_PROTOCOL_RANGE", "message ids too long");
  }
  return `${text}>`;
}

function uuid(bytes: Uint8Array): string {
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

function fromHex(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
