import { ProtocolError } from "@estafette/contract";

/** One field of a protobuf message (protobuf.dev, "Encoding"). Varints are kept to their low 32 bits: no field we read
 *  is longer. */
export type WireField = NumberField | BytesField;

interface NumberField {
  readonly number: number;
  readonly kind: "varint" | "fixed32";
  readonly value: number;
}

interface BytesField {
  readonly number: number;
  readonly kind: "fixed64" | "bytes";
  readonly bytes: Uint8Array;
}

/** All fields in the order they come. Throws ProtocolError: truncated, a group, or a field number of zero. */
export function readFields(message: Uint8Array): WireField[] {
  const reader = new WireReader(message);
  const fields: WireField[] = [];
  while (!reader.isAtEnd) fields.push(reader.field());
  return fields;
}

class WireReader {
  #at = 0;

  constructor(private readonly message: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.#at >= this.message.length;
  }

  field(): WireField {
    const tag = this.#varint();
    const number = tag >>> 3;
    if (number === 0) throw new ProtocolError("EST_PROTOCOL_RANGE", "a protobuf field has the number 0");
    switch (tag & 7) {
      case 0:
        return { number, kind: "varint", value: this.#varint() };
      case 1:
        return { number, kind: "fixed64", bytes: this.#take(8) };
      case 2:
        return { number, kind: "bytes", bytes: this.#take(this.#varint()) };
      case 5:
        return { number, kind: "fixed32", value: littleEndian(this.#take(4)) };
      default:
        throw new ProtocolError("EST_PROTOCOL_RANGE", "a protobuf field has a wire type nobody writes");
    }
  }

  #varint(): number {
    let value = 0;
    for (let place = 0; place < VARINT_BYTES_MAX; place++) {
      const byte = this.message[this.#at++];
      if (byte === undefined) throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a varint ends too soon");
      if (place < 5) value |= (byte & 0x7f) << (7 * place);
      if (byte < 0x80) return value >>> 0;
    }
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a varint is longer than ten bytes");
  }

  #take(count: number): Uint8Array {
    if (count > this.message.length - this.#at)
      throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a protobuf field ends too soon");
    const bytes = this.message.slice(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }
}

/** Fields of one message by number, with the wire type each must have. A known number with another wire type is a
 *  ProtocolError; unknown numbers pass, as firmware adds some every year. */
export class Message {
  readonly #fields = new Map<number, WireField>();

  constructor(bytes: Uint8Array, kinds: Readonly<Record<number, WireField["kind"]>>) {
    for (const field of readFields(bytes)) {
      const kind = kinds[field.number];
      if (kind !== undefined && kind !== field.kind)
        throw new ProtocolError("EST_PROTOCOL_RANGE", `field ${field.number} has the wrong wire type`);
      this.#fields.set(field.number, field);
    }
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  /** 0 when it is not there, as in proto3. */
  number(number: number): number {
    const field = this.#fields.get(number);
    return field && "value" in field ? field.value : 0;
  }

  bytes(number: number): Uint8Array {
    const field = this.#fields.get(number);
    return field && "bytes" in field ? field.bytes : new Uint8Array(0);
  }

  text(number: number): string {
    return new TextDecoder().decode(this.bytes(number));
  }
}

/** The bytes of the given fields, in order. */
export function writeFields(fields: readonly WireField[]): Uint8Array {
  const out: number[] = [];
  const varint = (value: number): void => {
    let rest = value >>> 0;
    for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
    out.push(rest);
  };
  for (const field of fields) {
    varint(field.number * 8 + WIRE_TYPES[field.kind]);
    if ("bytes" in field) {
      if (field.kind === "bytes") varint(field.bytes.length);
      for (const byte of field.bytes) out.push(byte);
    } else if (field.kind === "varint") {
      varint(field.value);
    } else {
      for (let shift = 0; shift < 32; shift += 8) out.push((field.value >>> shift) & 0xff);
    }
  }
  return Uint8Array.from(out);
}

const WIRE_TYPES = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const VARINT_BYTES_MAX = 10;

function littleEndian(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
