import { ProtocolError } from "@estafette/contract";
import { type CallSign, formatCallSign } from "./call-sign.js";

/** A frame as a KISS TNC hands it over: AX.25 2.2 without flags and frame check. */
export interface Ax25Frame {
  readonly destination: CallSign;
  readonly source: CallSign;
  /** Digipeaters of the path, and whether each has repeated the frame. */
  readonly via: readonly { readonly station: CallSign; readonly repeated: boolean }[];
  /** 0x03, or 0x13 with the poll bit, is UI. */
  readonly control: number;
  /** Protocol of the content; `null`: a frame without content. */
  readonly pid: number | null;
  readonly info: Uint8Array;
}

/** Bytes an UI frame adds to its content, for a path of `viaCount` digipeaters. */
export function uiOverheadBytes(viaCount: number): number {
  return (2 + viaCount) * ADDRESS_BYTES + 2;
}

/** One UI frame, PID F0 "no layer 3" (AX.25 2.2, §3.4, §4.3.3.6), sent as a command. */
export function encodeUi(frame: {
  readonly destination: CallSign;
  readonly source: CallSign;
  readonly via: readonly CallSign[];
  readonly info: Uint8Array;
}): Uint8Array {
  const { destination, source, via, info } = frame;
  const out = new Uint8Array(uiOverheadBytes(via.length) + info.length);
  const last = via.length + 1;
  for (const [at, station] of [destination, source, ...via].entries()) {
    const flags = RESERVED | (at === 0 ? COMMAND_OR_REPEATED : 0) | (at === last ? EXTENSION : 0);
    writeAddress(out, at * ADDRESS_BYTES, station, flags);
  }
  const head = (last + 1) * ADDRESS_BYTES;
  out[head] = UI;
  out[head + 1] = PID_NONE;
  out.set(info, head + 2);
  return out;
}

/** Any frame of the channel. Throws ProtocolError EST_PROTOCOL_TRUNCATED or EST_PROTOCOL_ENCODING. */
export function decodeAx25(bytes: Uint8Array): Ax25Frame {
  const addresses = readAddresses(bytes);
  const [destination, source, ...via] = addresses;
  const head = addresses.length * ADDRESS_BYTES;
  const control = bytes[head];
  if (!destination || !source || control === undefined) throw truncated("an AX.25 frame ends early");
  const common = {
    destination: destination.station,
    source: source.station,
    via: via.map(({ station, flags }) => ({ station, repeated: (flags & COMMAND_OR_REPEATED) !== 0 })),
    control,
  };
  const isInformation = (control & 1) === 0;
  if (!isInformation && (control & ~POLL) !== UI) return { ...common, pid: null, info: new Uint8Array(0) };
  const pid = bytes[head + 1];
  if (pid === undefined) throw truncated("an AX.25 frame ends before its protocol");
  return { ...common, pid, info: bytes.slice(head + 2) };
}

/** The frame carries content of no other protocol, and every digipeater on its path has had it. */
export function isDatagram(frame: Ax25Frame): boolean {
  const { control, pid, via } = frame;
  return (control & ~POLL) === UI && pid === PID_NONE && via.every(({ repeated }) => repeated);
}

function writeAddress(out: Uint8Array, at: number, station: CallSign, flags: number): void {
  for (let i = 0; i < 6; i++) out[at + i] = (station.call.charCodeAt(i) || SPACE) << 1;
  out[at + 6] = flags | (station.ssid << 1);
}

interface Address {
  readonly station: CallSign;
  readonly flags: number;
}

/** Destination, source and path, up to the address whose last bit says so; ten at most (AX.25 2.0, §2.2.13). */
function readAddresses(bytes: Uint8Array): Address[] {
  const addresses: Address[] = [];
  for (let at = 0; addresses.length < ADDRESSES_MAX; at += ADDRESS_BYTES) {
    const flags = bytes[at + 6];
    if (flags === undefined) throw truncated("an AX.25 frame ends inside an address");
    addresses.push({ station: readStation(bytes.subarray(at, at + 7)), flags });
    if (flags & EXTENSION) return addresses;
  }
  throw new ProtocolError("EST_PROTOCOL_ENCODING", "an AX.25 frame has more than ten addresses");
}

function readStation(address: Uint8Array): CallSign {
  const text = Array.from(address.subarray(0, 6), (byte) => {
    if (byte & EXTENSION) throw new ProtocolError("EST_PROTOCOL_ENCODING", "an AX.25 address ends early");
    return String.fromCharCode(byte >> 1);
  }).join("");
  const call = text.trimEnd();
  if (!/^[A-Z0-9]{1,6}$/.test(call))
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "an AX.25 address is no call sign");
  return { call, ssid: ((address[6] ?? 0) >> 1) & 0x0f };
}

function truncated(sentence: string): ProtocolError {
  return new ProtocolError("EST_PROTOCOL_TRUNCATED", sentence);
}

/** Where a station says who it is: to nobody in particular, in words anybody can read. */
export function encodeIdentification(source: CallSign, via: readonly CallSign[]): Uint8Array {
  const info = new TextEncoder().encode(`DE ${formatCallSign(source)} ESTAFETTE`);
  return encodeUi({ destination: IDENTIFICATION, source, via, info });
}

/** Who identifies itself as one of us; else not. */
export function isIdentification({ destination, source, info }: Ax25Frame): boolean {
  if (destination.call !== IDENTIFICATION.call || destination.ssid !== 0) return false;
  return new TextDecoder().decode(info) === `DE ${formatCallSign(source)} ESTAFETTE`;
}

const IDENTIFICATION: CallSign = { call: "ID", ssid: 0 };
const ADDRESS_BYTES = 7;
const ADDRESSES_MAX = 10;
const SPACE = 0x20;
const RESERVED = 0x60;
const EXTENSION = 0x01;
const COMMAND_OR_REPEATED = 0x80;
const UI = 0x03;
const POLL = 0x10;
const PID_NONE = 0xf0;
