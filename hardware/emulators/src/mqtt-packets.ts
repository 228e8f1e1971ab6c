/*
 * The packets of MQTT 5 (OASIS standard, 7 March 2019) that a broker reads and writes; no authentication exchange, no QoS 2.
 */

/** Properties by identifier (§2.2.2.2); those that may repeat are lists in full length, the rest as the last one came. */
export type Properties = ReadonlyMap<number, number | string | Uint8Array>;

export const PROPERTY = {
  messageExpiry: 0x02,
  sessionExpiry: 0x11,
  assignedClientId: 0x12,
  willDelay: 0x18,
  receiveMaximum: 0x21,
  maximumQos: 0x24,
  maximumPacket: 0x27,
} as const;

export interface RawPacket {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** Cuts a stream into packets. Throws when a packet is longer than `bytesMax` or its length malformed. */
export class PacketCutter {
  #held: Uint8Array = new Uint8Array(0);

  constructor(private readonly bytesMax: number) {}

  push(bytes: Uint8Array): RawPacket[] {
    this.#held = Uint8Array.from([...this.#held, ...bytes]);
    const packets: RawPacket[] = [];
    for (let packet = this.#next(); packet; packet = this.#next()) packets.push(packet);
    return packets;
  }

  #next(): RawPacket | null {
    let length = 0;
    let at = 1;
    for (;;) {
      const byte = this.#held[at];
      if (byte === undefined) return null;
      length += (byte & 0x7f) * 128 ** (at - 1);
      if (byte < 0x80) break;
      if (++at > 4) throw new Error("malformed length");
    }
    if (length > this.bytesMax) throw new Error("packet too large");
    const end = at + 1 + length;
    if (this.#held.length < end) return null;
    const first = this.#held[0] ?? 0;
    const body = this.#held.slice(at + 1, end);
    this.#held = this.#held.slice(end);
    return { type: first >> 4, flags: first & 15, body };
  }
}

/** Reads the fields of one packet in order; throws at its end. */
export class FieldReader {
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get hasMore(): boolean {
    return this.#at < this.bytes.length;
  }

  u8(): number {
    return this.#take(1)[0] ?? 0;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  varint(): number {
    let value = 0;
    for (let index = 0; index < 4; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * 128 ** index;
      if (byte < 0x80) return value;
    }
    throw new Error("malformed number");
  }

  binary(): Uint8Array {
    return this.#take(this.u16()).slice();
  }

  text(): string {
    return new TextDecoder().decode(this.binary());
  }

  rest(): Uint8Array {
    return this.#take(this.bytes.length - this.#at).slice();
  }

  properties(): Properties {
    const inner = new FieldReader(this.#take(this.varint()));
    const found = new Map<number, number | string | Uint8Array>();
    while (inner.hasMore) {
      const id = inner.varint();
      const kind = KINDS[id];
      if (!kind) throw new Error(`unknown property ${id}`);
      found.set(id, inner.#valueOf(kind));
    }
    return found;
  }

  #valueOf(kind: Kind): number | string | Uint8Array {
    if (kind === "pair") return `${this.text()}=${this.text()}`;
    return this[kind]();
  }

  #take(count: number): Uint8Array {
    if (this.#at + count > this.bytes.length) throw new Error("packet ends early");
    this.#at += count;
    return this.bytes.subarray(this.#at - count, this.#at);
  }
}

type Kind = "u8" | "u16" | "u32" | "varint" | "text" | "binary" | "pair";

/** Table 2-4 of the standard. */
const KINDS: Readonly<Record<number, Kind>> = {
  ...{ 1: "u8", 2: "u32", 3: "text", 8: "text", 9: "binary", 11: "varint", 17: "u32", 18: "text", 19: "u16" },
  ...{ 21: "text", 22: "binary", 23: "u8", 24: "u32", 25: "u8", 26: "text", 28: "text", 31: "text" },
  ...{
    33: "u16",
    34: "u16",
    35: "u16",
    36: "u8",
    37: "u8",
    38: "pair",
    39: "u32",
    40: "u8",
    41: "u8",
    42: "u8",
  },
};

export function packet(type: number, flags: number, ...parts: readonly (readonly number[])[]): Uint8Array {
  const body = parts.flat();
  return Uint8Array.from([(type << 4) | flags, ...varint(body.length), ...body]);
}

export function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

export function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...u16(bytes.length), ...bytes];
}

export function properties(values: Properties): number[] {
  const bytes = [...values].flatMap(([id, value]) => {
    const kind = KINDS[id];
    if (typeof value === "string") return kind === "pair" ? [] : [id, ...text(value)];
    if (typeof value !== "number") return [id, ...u16(value.length), ...value];
    if (kind === "u8") return [id, value];
    return kind === "u16"
      ? [id, ...u16(value)]
      : [id, ...u16(Math.floor(value / 65_536)), ...u16(value % 65_536)];
  });
  return [...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
