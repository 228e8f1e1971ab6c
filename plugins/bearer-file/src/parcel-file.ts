import { type Clock, ProtocolError, type Rng } from "@estafette/contract";
import { crc32 } from "@estafette/framing";

/** Bytes a file has beside its parcel: the mark "EPF1" and the CRC-32 of the parcel, big-endian. */
export const FILE_OVERHEAD_BYTES = 8;
const MARK = new TextEncoder().encode("EPF1");

/** A parcel as the content of a file. The checksum is for file syncs that write in place: half a file is no parcel. */
export function encodeParcelFile(parcel: Uint8Array): Uint8Array {
  const file = new Uint8Array(FILE_OVERHEAD_BYTES + parcel.length);
  file.set(MARK);
  new DataView(file.buffer).setUint32(MARK.length, crc32(parcel));
  file.set(parcel, FILE_OVERHEAD_BYTES);
  return file;
}

/** Throws ProtocolError when the file is no parcel, or not whole. */
export function decodeParcelFile(file: Uint8Array, parcelBytesMax: number): Uint8Array {
  if (file.length <= FILE_OVERHEAD_BYTES)
    throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a parcel file is shorter than its head");
  if (file.length > FILE_OVERHEAD_BYTES + parcelBytesMax)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a parcel file is larger than a parcel may be");
  if (!MARK.every((byte, at) => file[at] === byte))
    throw new ProtocolError("EST_PROTOCOL_VERSION", "a parcel file does not begin with EPF1");
  const parcel = file.slice(FILE_OVERHEAD_BYTES);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(MARK.length) !== crc32(parcel))
    throw new ProtocolError("EST_PROTOCOL_CHECKSUM", "a parcel file is not whole");
  return parcel;
}

/** Names that sort in the order of sending, as far as the clock is right, and never come twice: thirteen digits (the
 *  Unix time in milliseconds, always rising), a hyphen, eight hexadecimal digits of chance, `.parcel`. */
export class ParcelNames {
  #last = 0;

  constructor(
    private readonly clock: Clock,
    private readonly rng: Rng,
  ) {}

  next(): string {
    const now = Math.min(Math.max(Math.floor(this.clock.unixMs()), 0), LARGEST);
    this.#last = Math.max(this.#last + 1, now);
    const chance = [...this.rng.bytes(4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${String(this.#last).padStart(DIGITS, "0")}-${chance}.parcel`;
  }
}

/** Whether it is one of our names; copies a file sync makes of a conflict, and its temporary files, are not. */
export function isParcelName(name: string): boolean {
  return /^\d{13}-[0-9a-f]{8}\.parcel$/.test(name);
}

const DIGITS = 13;
/** A clock beyond the year 2200 counts as that year, so that the digits suffice. */
const LARGEST = Date.UTC(2200, 0, 1);
