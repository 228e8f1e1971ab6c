import { ProtocolError } from "@estafette/contract";
import { SBD_LIMITS } from "./limits.js";

/*
 * DirectIP (Iridium, "Short Burst Data Developers Guide"): 01 ‖ overall length u16 ‖ elements { id u8, length u16, content };
 * numbers big-endian. One message on each connection. 01 MO header, 02 MO payload, 05 confirmation; 41 MT header, 42 MT
 * payload, 44 MT confirmation.
 */

/** A message from a ship. */
export interface MoMessage {
  readonly imei: string;
  /** 0, 1, 2: the session went well. */
  readonly sessionStatus: number;
  readonly momsn: number;
  /** Null: a visit that carried nothing. */
  readonly payload: Uint8Array | null;
}

/** Collects one message from a stream. Holds at most `requestBytesMax` bytes. */
export class DirectIpReader {
  #held: Uint8Array = new Uint8Array(0);

  /** The whole message when it is here; throws ProtocolError for what is none, or goes on after its end. */
  push(bytes: Uint8Array): Uint8Array | null {
    const held = new Uint8Array(this.#held.length + bytes.length);
    held.set(this.#held);
    held.set(bytes, this.#held.length);
    this.#held = held;
    if (held.length > 0 && held[0] !== VERSION)
      throw new ProtocolError("EST_PROTOCOL_VERSION", "the caller does not speak DirectIP version 1");
    if (held.length < HEAD_BYTES) return null;
    const whole = HEAD_BYTES + u16(held, 1);
    if (whole > SBD_LIMITS.requestBytesMax)
      throw new ProtocolError("EST_PROTOCOL_RANGE", "a DirectIP message is too long");
    if (held.length > whole)
      throw new ProtocolError("EST_PROTOCOL_TRAILING", "more than one message on one connection");
    return held.length === whole ? held : null;
  }
}

/** Throws ProtocolError. Elements we do not know are skipped: the location, and what later versions add. */
export function decodeMoMessage(message: Uint8Array): MoMessage {
  const elements = elementsOf(message);
  const header = elements.get(0x01);
  if (header?.length !== 28)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a message from a ship has no header of 28 bytes");
  const imei = imeiOf(header.subarray(4, 19));
  const payload = elements.get(0x02) ?? null;
  if (payload && payload.length > SBD_LIMITS.readBytesMax)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a message from a ship is too long");
  return { imei, sessionStatus: header[19] ?? 0, momsn: u16(header, 20), payload: payload?.slice() ?? null };
}

/** Our word that the message is committed, or is to be sent again. */
export function encodeConfirmation(kept: boolean): Uint8Array {
  return framed([0x05, 0, 1, kept ? 1 : 0]);
}

/** A message for a ship. `id`: four bytes, repeated in the answer. */
export function encodeMtMessage(id: Uint8Array, imei: string, payload: Uint8Array): Uint8Array {
  const header = [...id.subarray(0, 4), ...new TextEncoder().encode(imei), 0, 0];
  return framed([...element(0x41, header), ...element(0x42, [...payload])]);
}

/** Status of the answer to a message for a ship: 0…50 taken, negative refused. Throws ProtocolError, also when it answers
 *  another message. */
export function decodeMtStatus(message: Uint8Array, id: Uint8Array): number {
  const confirmation = elementsOf(message).get(0x44);
  if (confirmation?.length !== 25)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "an answer has no confirmation of 25 bytes");
  if (!id.every((byte, at) => confirmation[at] === byte))
    throw new ProtocolError("EST_PROTOCOL_STATE", "an answer belongs to another message");
  const status = (u16(confirmation, 23) << 16) >> 16;
  if (status > STATUS_MAX || status < STATUS_MIN)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "an answer has a status nobody documented");
  return status;
}

/** The first element of each kind. */
function elementsOf(message: Uint8Array): ReadonlyMap<number, Uint8Array> {
  if (
    message[0] !== VERSION ||
    message.length < HEAD_BYTES ||
    u16(message, 1) !== message.length - HEAD_BYTES
  )
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a DirectIP message is not as long as it says");
  const elements = new Map<number, Uint8Array>();
  let at = HEAD_BYTES;
  while (at < message.length) {
    if (at + HEAD_BYTES > message.length || at + HEAD_BYTES + u16(message, at + 1) > message.length)
      throw new ProtocolError("EST_PROTOCOL_TRUNCATED", "a DirectIP element ends before its content");
    const end = at + HEAD_BYTES + u16(message, at + 1);
    const id = message[at] ?? 0;
    if (!elements.has(id)) elements.set(id, message.subarray(at + HEAD_BYTES, end));
    at = end;
  }
  return elements;
}

function imeiOf(bytes: Uint8Array): string {
  const imei = String.fromCharCode(...bytes);
  if (!/^\d{15}$/.test(imei))
    throw new ProtocolError("EST_PROTOCOL_ENCODING", "a modem's number is not fifteen digits");
  return imei;
}

function element(id: number, content: readonly number[]): readonly number[] {
  return [id, content.length >> 8, content.length & 0xff, ...content];
}

function framed(elements: readonly number[]): Uint8Array {
  return Uint8Array.of(VERSION, elements.length >> 8, elements.length & 0xff, ...elements);
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

const VERSION = 1;
const HEAD_BYTES = 3;
const STATUS_MAX = 50;
const STATUS_MIN = -11;
