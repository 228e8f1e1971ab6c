import { ProtocolError } from "@estafette/contract";

/** Throws the one error of a mail that is malformed or exceeds a bound. */
export function refuseMail(sentence: string): never {
  throw new ProtocolError("EST_PROTOCOL_MAIL", sentence);
}

/** Bytes 0–255 as characters U+0000–U+00FF, so that header code can use strings without losing a byte. */
export function toBinaryText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8_192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  }
  return text;
}

/** The inverse of {@link toBinaryText}; characters above U+00FF are an error of the caller. */
export function fromBinaryText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Grows as it is written; refuses to grow past `bytesMax`. */
export class ByteSink {
  private buffer = new Uint8Array(1_024);
  private used = 0;

  constructor(private readonly bytesMax: number) {}

  get length(): number {
    return this.used;
  }

  private room(count: number): void {
    const need = this.used + count;
    if (need > this.bytesMax) refuseMail(`mail larger than ${this.bytesMax} bytes`);
    if (need <= this.buffer.length) return;
    const next = new Uint8Array(Math.min(this.bytesMax, Math.max(need, this.buffer.length * 2)));
    next.set(this.buffer.subarray(0, this.used));
    this.buffer = next;
  }

  byte(value: number): void {
    this.room(1);
    this.buffer[this.used++] = value;
  }

  bytes(value: Uint8Array): void {
    this.room(value.length);
    this.buffer.set(value, this.used);
    this.used += value.length;
  }

  /** Binary text. */
  text(value: string): void {
    this.room(value.length);
    for (let i = 0; i < value.length; i++) this.buffer[this.used + i] = value.charCodeAt(i);
    this.used += value.length;
  }

  /** Unsigned LEB128, at most 2³²−1. */
  varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.byte((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  done(): Uint8Array {
    return this.buffer.slice(0, this.used);
  }
}

/** Reads forward; running past the end is a {@link ProtocolError}. */
export class ByteSource {
  private at = 0;

  constructor(private readonly buffer: Uint8Array) {}

  get left(): number {
    return this.buffer.length - this.at;
  }

  peek(): number {
    return this.buffer[this.at] ?? -1;
  }

  byte(): number {
    const value = this.buffer[this.at];
    if (value === undefined) throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "mail payload ends too early");
    this.at++;
    return value;
  }

  bytes(count: number): Uint8Array {
    if (count > this.left) throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "mail payload ends too early");
    this.at += count;
    return this.buffer.subarray(this.at - count, this.at);
  }

  /** Bytes before the next `mark`, which is consumed; everything left when there is none. */
  until(mark: number): Uint8Array {
    const found = this.buffer.indexOf(mark, this.at);
    const end = found < 0 ? this.buffer.length : found;
    const value = this.buffer.subarray(this.at, end);
    this.at = found < 0 ? end : end + 1;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const b = this.byte();
      value += (b & 127) * 2 ** (7 * i);
      if (b < 128) {
        if (value > 0xffffffff) throw new ProtocolError("EST_PROTOCOL_RANGE", "number above 2^32-1");
        return value;
      }
    }
    throw new ProtocolError("EST_PROTOCOL_RANGE", "number longer than five bytes");
  }
}
