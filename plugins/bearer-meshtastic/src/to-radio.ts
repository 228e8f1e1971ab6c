import { invariant } from "@estafette/contract";
import { MESHTASTIC_LIMITS } from "./limits.js";
import { type WireField, writeFields } from "./wire.js";

export const BROADCAST = 0xffffffff;

/** Makes a radio that was asleep, or inside a broken frame, ready for the next one. */
export const WAKE = new Uint8Array(32).fill(0xc3);

/** A packet of ours. */
export interface SentPacket {
  readonly to: number;
  readonly id: number;
  /** Index of the radio's channel. */
  readonly channel: number;
  readonly hopLimit: number;
  readonly wantAck: boolean;
  readonly port: number;
  readonly payload: Uint8Array;
}

export function packetFrame(packet: SentPacket): Uint8Array {
  const data = writeFields([varint(1, packet.port), bytes(2, packet.payload)]);
  const fields = [fixed32(2, packet.to), bytes(4, data), fixed32(6, packet.id), varint(9, packet.hopLimit)];
  if (packet.channel !== 0) fields.push(varint(3, packet.channel));
  if (packet.wantAck) fields.push(varint(10, 1));
  return frame(writeFields([bytes(1, writeFields(fields))]));
}

export function greetingFrame(nonce: number): Uint8Array {
  return frame(writeFields([varint(3, nonce)]));
}

/** Asks for the node database only. */
export const NODES_NONCE = 69_421;

/** A sign of life, answered with the state of the queue. */
export function heartbeatFrame(): Uint8Array {
  return frame(writeFields([bytes(7, new Uint8Array(0))]));
}

export function goodbyeFrame(): Uint8Array {
  return frame(writeFields([varint(4, 1)]));
}

/** 94 C3, length in two bytes big-endian, message. */
export function frame(message: Uint8Array): Uint8Array {
  invariant(message.length <= MESHTASTIC_LIMITS.messageBytesMax, "a message to a radio is at most 512 bytes");
  return Uint8Array.of(0x94, 0xc3, message.length >> 8, message.length & 0xff, ...message);
}

function varint(number: number, value: number): WireField {
  return { number, kind: "varint", value };
}

function fixed32(number: number, value: number): WireField {
  return { number, kind: "fixed32", value };
}

function bytes(number: number, value: Uint8Array): WireField {
  return { number, kind: "bytes", bytes: value };
}
