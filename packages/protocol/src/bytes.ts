import { createHash } from "node:crypto";
import { type ErrorCode, ProtocolError } from "@estafette/contract";
import { LIMITS } from "./limits.js";

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/** Builds the error every decoder of this package throws; the caller writes `throw`. */
export function fault(code: ErrorCode, message: string, cause?: unknown): ProtocolError {
  return cause === undefined ? new ProtocolError(code, message) : new ProtocolError(code, message, { cause });
}

/** UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** All parts in one new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** SHA-256 (FIPS 180-4) of the parts one after the other: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** `estafette/v1/<name>` and a zero byte: separates the uses of one key or hash function (SPEC.md §2). */
export function domain(name: string): Uint8Array {
  return utf8(`estafette/v1/${name}\0`);
}

/** SHA-256 under a domain prefix: 32 bytes. */
export function hashIn(name: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(domain(name), ...parts);
}

/** Same length and same bytes. Not constant-time: for public values. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/**
 * Bytes of hexadecimal text in either case.
 * @throws ProtocolError EST_PROTOCOL_ENCODING when it is not pairs of hexadecimal digits.
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw fault("EST_PROTOCOL_ENCODING", "hexadecimal text expected");
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** @throws ProtocolError EST_PROTOCOL_RANGE unless `value` is an integer in [min…max]. */
export function requireRange(value: number, bounds: { min: number; max: number }, what: string): void {
  if (!Number.isSafeInteger(value) || value < bounds.min || value > bounds.max) {
    throw fault("EST_PROTOCOL_RANGE", `${what} is ${value}, allowed is ${bounds.min} to ${bounds.max}`);
  }
}

/** @throws ProtocolError EST_PROTOCOL_RANGE unless `bytes` has exactly `length` bytes. */
export function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw fault("EST_PROTOCOL_RANGE", `${what} has ${bytes.length} bytes, expected ${length}`);
  }
}

/** Collects fields; integers are big-endian. Values out of range throw EST_PROTOCOL_RANGE. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];

  u8(value: number, what: string): this {
    requireRange(value, { min: 0, max: 0xff }, what);
    this.#parts.push(Uint8Array.of(value));
    return this;
  }

  u32(value: number, what: string): this {
    requireRange(value, { min: 0, max: 0xffff_ffff }, what);
    this.#parts.push(Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255));
    return this;
  }

  /** Unsigned LEB128, shortest form, [0…2⁵³−1]. */
  varint(value: number, what: string): this {
    requireRange(value, { min: 0, max: LIMITS.varintMax }, what);
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }

  /** A field of fixed length. */
  fixed(bytes: Uint8Array, length: number, what: string): this {
    requireLength(bytes, length, what);
    this.#parts.push(bytes);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  finish(): Uint8Array {
    return concat(...this.#parts);
  }
}

/** Reads fields in order; every shortage is EST_PROTOCOL_TRUNCATED. Returned arrays are copies. */
export class ByteReader {
  #at = 0;
  #wanted = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** After EST_PROTOCOL_TRUNCATED: how long the input must at least be for another attempt to come further. */
  get wanted(): number {
    return this.#wanted;
  }

  get position(): number {
    return this.#at;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** What was read so far. */
  taken(): Uint8Array {
    return this.bytes.slice(0, this.#at);
  }

  u8(what: string): number {
    const value = this.bytes[this.#at];
    if (value === undefined) {
      this.#wanted = this.#at + 1;
      throw fault("EST_PROTOCOL_TRUNCATED", `input ends before ${what}`);
    }
    this.#at += 1;
    return value;
  }

  u32(what: string): number {
    const b = this.take(4, what);
    return ((b[0] ?? 0) * 0x100_0000 + (b[1] ?? 0) * 0x1_0000 + (b[2] ?? 0) * 0x100 + (b[3] ?? 0)) >>> 0;
  }

  /** Unsigned LEB128 of at most eight bytes, refused when a shorter form exists or it exceeds 2⁵³−1. */
  varint(what: string): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.u8(what);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && count > 0) throw fault("EST_PROTOCOL_ENCODING", `${what} is not in shortest form`);
        if (value > LIMITS.varintMax) throw fault("EST_PROTOCOL_RANGE", `${what} exceeds 2^53-1`);
        return value;
      }
      scale *= 0x80;
    }
    throw fault("EST_PROTOCOL_RANGE", `${what} exceeds 2^53-1`);
  }

  take(length: number, what: string): Uint8Array {
    if (length === 0) return NO_BYTES;
    if (length > this.bytes.length - this.#at) {
      this.#wanted = this.#at + length;
      throw fault("EST_PROTOCOL_TRUNCATED", `input ends inside ${what}`);
    }
    const part = this.bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  rest(): Uint8Array {
    return this.take(this.bytes.length - this.#at, "the rest");
  }

  /** @throws ProtocolError EST_PROTOCOL_TRAILING unless everything was read. */
  end(what: string): void {
    const left = this.bytes.length - this.#at;
    if (left > 0) throw fault("EST_PROTOCOL_TRAILING", `${left} bytes after ${what}`);
  }
}

/** @throws ProtocolError EST_PROTOCOL_ENCODING unless the value just decoded encodes to the same bytes. */
export function requireCanonical(received: Uint8Array, encodedAgain: Uint8Array, what: string): void {
  if (!sameBytes(received, encodedAgain)) {
    throw fault("EST_PROTOCOL_ENCODING", `${what} is not in its one canonical encoding`);
  }
}
