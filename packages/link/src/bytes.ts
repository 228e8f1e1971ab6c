import { ProtocolError } from "@estafette/contract";

/** Bytes a varint of `value` [0…2³²−1] occupies, 1…5. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

/** Appends to a fixed room. The caller knows the size: a write beyond it is our own mistake (RangeError). */
export class ByteWriter {
  private readonly out: Uint8Array;
  private at = 0;

  constructor(byteCount: number) {
    this.out = new Uint8Array(byteCount);
  }

  u8(value: number): this {
    this.out[this.at++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 0xff);
  }

  varint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.u8((rest % 0x80) | 0x80);
    return this.u8(rest);
  }

  bytes(value: Uint8Array): this {
    this.out.set(value, this.at);
    this.at += value.length;
    return this;
  }

  done(): Uint8Array {
    return this.out.subarray(0, this.at);
  }
}

/** Reads strictly: what is truncated, out of range or not canonical throws a {@link ProtocolError}. */
export class ByteReader {
  private at = 0;

  constructor(private readonly input: Uint8Array) {}

  get left(): number {
    return this.input.length - this.at;
  }

  u8(): number {
    const value = this.input[this.at];
    if (value === undefined) throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a byte is missing");
    this.at++;
    return value;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  /** Little-endian base 128, shortest form only, [0…2³²−1]. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 5; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte >= 0x80) continue;
      if (byte === 0 && index > 0) throw new ProtocolError("EST_PROTOCOL_ENCODING", "a number is padded");
      if (value > 0xffff_ffff) break;
      return value;
    }
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a number exceeds 32 bits");
  }

  bytes(byteCount: number): Uint8Array {
    if (byteCount > this.left) throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "bytes are missing");
    const value = this.input.subarray(this.at, this.at + byteCount);
    this.at += byteCount;
    return value;
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  end(): void {
    if (this.left > 0) throw new ProtocolError("EST_PROTOCOL_TRAILING", "bytes follow the end");
  }
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}

/** Negative, zero or positive, as numbers written big-endian compare. Not constant in time: public values only. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(parts.reduce((sum, part) => sum + part.length, 0));
  for (const part of parts) writer.bytes(part);
  return writer.done();
}
