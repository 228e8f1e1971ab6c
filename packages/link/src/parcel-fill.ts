import { ByteWriter, varintBytes } from "./bytes.js";
import type { OpenEnded } from "./records.js";

/** Gathers records for one parcel; the last one with an open end goes to the end, where it needs no length. */
export class ParcelFill {
  private readonly records: Uint8Array[] = [];
  private recordBytes = 0;
  private last: OpenEnded | null = null;

  constructor(readonly roomBytes: number) {}

  /** False: no room, nothing changed. */
  add(record: Uint8Array): boolean {
    if (this.recordBytes + lastBytes(this.last) + record.length > this.roomBytes) return false;
    this.records.push(record);
    this.recordBytes += record.length;
    return true;
  }

  /** False: no room, nothing changed. */
  addOpen(record: OpenEnded): boolean {
    const { last } = this;
    const before = last === null ? 0 : lastBytes(last) + varintBytes(last.bytes.length);
    if (this.recordBytes + before + lastBytes(record) > this.roomBytes) return false;
    if (last !== null) this.records.push(encode(last, false));
    this.recordBytes += before;
    this.last = record;
    return true;
  }

  /** Bytes of all records. */
  get byteCount(): number {
    return this.recordBytes + lastBytes(this.last);
  }

  done(): Uint8Array {
    const writer = new ByteWriter(this.byteCount);
    for (const record of this.records) writer.bytes(record);
    if (this.last !== null) writer.bytes(encode(this.last, true));
    return writer.done();
  }
}

/** Bytes of a record that reaches to the end. */
function lastBytes(record: OpenEnded | null): number {
  return record === null ? 0 : 1 + record.fields.length + record.bytes.length;
}

function encode(record: OpenEnded, last: boolean): Uint8Array {
  const { first, lastFlag, fields, bytes } = record;
  const writer = new ByteWriter(lastBytes(record) + (last ? 0 : varintBytes(bytes.length)));
  writer.u8(last ? first | lastFlag : first).bytes(fields);
  if (!last) writer.varint(bytes.length);
  return writer.bytes(bytes).done();
}
