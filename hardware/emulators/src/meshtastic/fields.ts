/** Writes protobuf fields by number (protobuf.dev, "Encoding"): the emulator's own, so that a mistake in the reader of a
 *  program under test cannot hide behind the same mistake here. */
export class FieldWriter {
  readonly #bytes: number[] = [];

  /** Whole number; a negative one is an int32 and takes ten bytes. */
  varint(number: number, value: number): this {
    this.#tag(number, 0);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** As proto3 writes it: a zero is left out. */
  varintUnlessZero(number: number, value: number): this {
    return value === 0 ? this : this.varint(number, value);
  }

  fixed32(number: number, value: number): this {
    this.#tag(number, 5);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes.push((value >>> shift) & 0xff);
    return this;
  }

  float(number: number, value: number): this {
    return this.fixed32(number, new DataView(new Float32Array([value]).buffer).getUint32(0, true));
  }

  bytes(number: number, value: Uint8Array): this {
    this.#tag(number, 2);
    this.#varint(BigInt(value.length));
    this.#bytes.push(...value);
    return this;
  }

  text(number: number, value: string): this {
    return this.bytes(number, new TextEncoder().encode(value));
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #tag(number: number, wireType: number): void {
    this.#varint(BigInt(number * 8 + wireType));
  }

  #varint(value: bigint): void {
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes.push(Number(rest & 0x7fn) | 0x80);
    this.#bytes.push(Number(rest));
  }
}

/** The fields of one message; of a repeated number the last counts, as proto3 says for single fields. */
export class Fields {
  readonly #numbers = new Map<number, number>();
  readonly #bytes = new Map<number, Uint8Array>();

  /** Null: not a protobuf message. Fields that nobody here knows are skipped. */
  static of(message: Uint8Array): Fields | null {
    const fields = new Fields();
    const at = { index: 0 };
    while (at.index < message.length) {
      if (!fields.#readOne(message, at)) return null;
    }
    return fields;
  }

  number(number: number): number {
    return this.#numbers.get(number) ?? 0;
  }

  bytes(number: number): Uint8Array | null {
    return this.#bytes.get(number) ?? null;
  }

  has(number: number): boolean {
    return this.#numbers.has(number) || this.#bytes.has(number);
  }

  #readOne(message: Uint8Array, at: { index: number }): boolean {
    const tag = varint(message, at);
    if (tag === null) return false;
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number === 0) return false;
    if (wireType === 0) {
      const value = varint(message, at);
      if (value !== null) this.#numbers.set(number, value);
      return value !== null;
    }
    const length = wireType === 2 ? varint(message, at) : wireType === 5 ? 4 : wireType === 1 ? 8 : null;
    if (length === null || length > message.length - at.index) return false;
    const value = message.slice(at.index, at.index + length);
    at.index += length;
    if (wireType === 2) this.#bytes.set(number, value);
    if (wireType === 5) this.#numbers.set(number, new DataView(value.buffer).getUint32(0, true));
    return true;
  }
}

function varint(message: Uint8Array, at: { index: number }): number | null {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = message[at.index++];
    if (byte === undefined) return null;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asUintN(64, value));
  }
  return null;
}
