import { Fields, FieldWriter } from "./fields.js";

/** Field numbers of the radio's host interface, as the firmware of 2026 has them. They are facts of an interface; no
 *  text of the vendor's files is used. */

export const BROADCAST = 0xffffffff;
export const PORT_ROUTING = 5;

/** Why a packet did not go, or 0: it went (Routing.error_reason). */
export const ROUTING = {
  none: 0,
  maxRetransmit: 5,
  noChannel: 6,
  tooLarge: 7,
  dutyCycleLimit: 9,
  badRequest: 32,
  pkiUnknownKey: 39,
} as const;

/** What a packet says, under its encryption. */
export interface MeshData {
  readonly port: number;
  readonly payload: Uint8Array;
  readonly requestId: number;
}

/** A packet between host and radio. */
export interface MeshPacket {
  readonly from: number;
  readonly to: number;
  /** Index of the channel towards the host. */
  readonly channel: number;
  readonly id: number;
  readonly hopLimit: number;
  readonly hopStart: number;
  readonly wantAck: boolean;
  readonly pki: boolean;
  readonly data: MeshData;
}

/** `bitfield`: the firmware adds it to what its host sends, two bytes. */
export function encodeData(data: MeshData): Uint8Array {
  const writer = new FieldWriter().varint(1, data.port).bytes(2, data.payload);
  if (data.requestId !== 0) writer.fixed32(6, data.requestId);
  return writer.varint(9, 0).finish();
}

export function decodeData(bytes: Uint8Array): MeshData | null {
  const fields = Fields.of(bytes);
  if (!fields) return null;
  return {
    port: fields.number(1),
    payload: fields.bytes(2) ?? new Uint8Array(0),
    requestId: fields.number(6),
  };
}

export function encodeRouting(error: number): Uint8Array {
  return new FieldWriter().varint(3, error).finish();
}

export function encodeFromRadioPacket(packet: MeshPacket, heard: { snr: number; rssi: number }): Uint8Array {
  const writer = new FieldWriter()
    .fixed32(1, packet.from)
    .fixed32(2, packet.to)
    .varintUnlessZero(3, packet.channel)
    .bytes(4, encodeData(packet.data))
    .fixed32(6, packet.id);
  if (heard.snr !== 0) writer.float(8, heard.snr);
  writer.varintUnlessZero(9, packet.hopLimit);
  if (heard.rssi !== 0) writer.varint(12, heard.rssi);
  writer.varintUnlessZero(15, packet.hopStart);
  if (packet.pki) writer.varint(17, 1);
  return new FieldWriter().bytes(2, writer.finish()).finish();
}

export interface QueueStatus {
  readonly res: number;
  readonly free: number;
  readonly maxlen: number;
  readonly packetId: number;
}

export function encodeQueueStatus(status: QueueStatus): Uint8Array {
  const inner = new FieldWriter()
    .varintUnlessZero(1, status.res)
    .varintUnlessZero(2, status.free)
    .varintUnlessZero(3, status.maxlen)
    .varintUnlessZero(4, status.packetId);
  return new FieldWriter().bytes(11, inner.finish()).finish();
}

export function encodeRebooted(): Uint8Array {
  return new FieldWriter().varint(8, 1).finish();
}

export function encodeNotification(message: string): Uint8Array {
  const inner = new FieldWriter().varint(3, 30).text(4, message);
  return new FieldWriter().bytes(16, inner.finish()).finish();
}

/** What a host asks of its radio. */
export type ToRadio =
  | { readonly type: "packet"; readonly packet: MeshPacket }
  | { readonly type: "want-config"; readonly nonce: number }
  | { readonly type: "heartbeat"; readonly nonce: number }
  | { readonly type: "disconnect" }
  | { readonly type: "other" };

/** Null: not a protobuf message, or a packet without content; the firmware drops it. */
export function decodeToRadio(bytes: Uint8Array): ToRadio | null {
  const fields = Fields.of(bytes);
  if (!fields) return null;
  const packet = fields.bytes(1);
  if (packet) return decodeHostPacket(packet);
  if (fields.has(3)) return { type: "want-config", nonce: fields.number(3) };
  if (fields.has(4)) return { type: "disconnect" };
  const heartbeat = fields.bytes(7);
  if (heartbeat) return { type: "heartbeat", nonce: Fields.of(heartbeat)?.number(1) ?? 0 };
  return { type: "other" };
}

function decodeHostPacket(bytes: Uint8Array): ToRadio | null {
  const fields = Fields.of(bytes);
  const content = fields?.bytes(4);
  const data = content ? decodeData(content) : null;
  if (!fields || !data) return null;
  return {
    type: "packet",
    packet: {
      from: fields.number(1),
      to: fields.number(2),
      channel: fields.number(3),
      id: fields.number(6),
      hopLimit: fields.number(9),
      hopStart: 0,
      wantAck: fields.number(10) !== 0,
      pki: fields.number(17) !== 0,
      data,
    },
  };
}
