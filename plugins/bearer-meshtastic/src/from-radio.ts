import { ProtocolError } from "@estafette/contract";
import { Message, readFields, type WireField } from "./wire.js";

/*
 * What a Meshtastic radio says to its host. Field numbers as the firmware of 2026 (2.8) has them: they are facts of an
 * interface, read from its documentation; no text or code of the vendor's files is used.
 */

/** A packet the radio heard, or its own answer about one of ours. */
export interface HeardPacket {
  readonly from: number;
  readonly to: number;
  /** Index of the radio's channel. */
  readonly channel: number;
  readonly id: number;
  /** What it says; null: encrypted for somebody else, or on a channel the radio has not. */
  readonly data: HeardData | null;
}

export interface HeardData {
  /** Number of the application [0…511]. */
  readonly port: number;
  readonly payload: Uint8Array;
  /** The packet this answers; 0: none. */
  readonly requestId: number;
}

export interface RadioNode {
  readonly num: number;
  readonly name: string;
  /** The radio can seal for it. */
  readonly hasKey: boolean;
  readonly isLicensed: boolean;
  readonly viaMqtt: boolean;
}

/** How the radio modulates, and where. */
export interface LoraSettings {
  readonly usesPreset: boolean;
  readonly preset: number;
  /** Custom modulation: bandwidth in kHz (rounded), spreading factor, coding rate 4/n. */
  readonly bandwidthKhz: number;
  readonly spreadingFactor: number;
  readonly codingRate: number;
  readonly region: number;
}

export type FromRadio =
  | { readonly type: "packet"; readonly packet: HeardPacket }
  | { readonly type: "my-info"; readonly num: number }
  | { readonly type: "node"; readonly node: RadioNode }
  | { readonly type: "lora"; readonly lora: LoraSettings }
  | {
      readonly type: "channel";
      readonly index: number;
      readonly name: string;
      /** Not a disabled slot. */
      readonly isInUse: boolean;
      /** It has a key. */
      readonly isEncrypted: boolean;
    }
  | { readonly type: "config-complete"; readonly nonce: number }
  | { readonly type: "rebooted" }
  | {
      readonly type: "queue-status";
      /** 0: taken; else why not. */
      readonly res: number;
      readonly free: number;
      readonly lengthMax: number;
      /** 0: answers a sign of life. */
      readonly packetId: number;
    }
  | { readonly type: "metadata"; readonly firmware: string }
  | { readonly type: "notification"; readonly text: string }
  /** Well-formed, and nothing to us. */
  | { readonly type: "other" };

/** Routing errors (Routing.error_reason) we act on. */
export const ROUTING_ERRORS = {
  none: 0,
  maxRetransmit: 5,
  noChannel: 6,
  tooLarge: 7,
  dutyCycleLimit: 9,
  pkiFailed: 34,
  pkiUnknownKey: 35,
  rateLimit: 38,
  pkiNoKey: 39,
} as const;

export const PORT_ROUTING = 5;

/** Reads one message of the stream. Throws ProtocolError when it is none: the stream has no checksum, so this is all
 *  that tells a message from noise. */
export function decodeFromRadio(bytes: Uint8Array): FromRadio {
  const fields = readFields(bytes);
  const variants = fields.filter(({ number }) => number !== 1);
  const [variant, ...more] = variants;
  if (fields.some(({ number, kind }) => number === 1 && kind !== "varint")) throw wrong("an id that is none");
  if (!variant) return { type: "other" };
  if (more.length > 0) throw wrong("two things at once");
  if (variant.number > VARIANT_NUMBER_MAX) throw wrong("a variant of a number nobody uses");
  if (variant.number === 7 || variant.number === 8) {
    if (variant.kind !== "varint") throw wrong("a nonce that is none");
    if (variant.number === 7) return { type: "config-complete", nonce: variant.value };
    return variant.value === 1 ? { type: "rebooted" } : { type: "other" };
  }
  if (variant.kind !== "bytes") throw wrong("a variant that is no message");
  return decodeVariant(variant.number, variant.bytes);
}

function decodeVariant(number: number, bytes: Uint8Array): FromRadio {
  switch (number) {
    case 2:
      return { type: "packet", packet: decodePacket(bytes) };
    case 3:
      return { type: "my-info", num: new Message(bytes, { 1: "varint" }).number(1) };
    case 4:
      return { type: "node", node: decodeNode(bytes) };
    case 5:
      return decodeConfig(bytes);
    case 10:
      return decodeChannel(bytes);
    case 11:
      return decodeQueueStatus(bytes);
    case 13:
      return { type: "metadata", firmware: new Message(bytes, { 1: "bytes" }).text(1) };
    case 16:
      return { type: "notification", text: new Message(bytes, { 4: "bytes" }).text(4) };
    default:
      readFields(bytes);
      return { type: "other" };
  }
}

function decodePacket(bytes: Uint8Array): HeardPacket {
  const message = new Message(bytes, PACKET_KINDS);
  if (!message.has(4) && !message.has(5)) throw wrong("a packet without content");
  if (!message.has(1) || !message.has(2)) throw wrong("a packet from nobody, or to nobody");
  return {
    from: message.number(1),
    to: message.number(2),
    channel: message.number(3),
    id: message.number(6),
    data: message.has(4) ? decodeData(message.bytes(4)) : null,
  };
}

function decodeData(bytes: Uint8Array): HeardData {
  const message = new Message(bytes, DATA_KINDS);
  const port = message.number(1);
  if (port > PORT_MAX) throw wrong(`a packet for application ${port}`);
  return { port, payload: message.bytes(2), requestId: message.number(6) };
}

function decodeNode(bytes: Uint8Array): RadioNode {
  const message = new Message(bytes, { 1: "varint", 2: "bytes", 4: "fixed32", 5: "fixed32", 8: "varint" });
  const user = new Message(message.bytes(2), { 1: "bytes", 2: "bytes", 3: "bytes", 6: "varint", 8: "bytes" });
  return {
    num: message.number(1),
    name: user.text(2),
    hasKey: user.bytes(8).length === 32,
    isLicensed: user.number(6) === 1,
    viaMqtt: message.number(8) === 1,
  };
}

function decodeConfig(bytes: Uint8Array): FromRadio {
  const config = new Message(bytes, { 6: "bytes" });
  if (!config.has(6)) return { type: "other" };
  const lora = new Message(config.bytes(6), LORA_KINDS);
  return {
    type: "lora",
    lora: {
      usesPreset: lora.number(1) === 1,
      preset: lora.number(2),
      bandwidthKhz: lora.number(3),
      spreadingFactor: lora.number(4),
      codingRate: lora.number(5),
      region: lora.number(7),
    },
  };
}

function decodeChannel(bytes: Uint8Array): FromRadio {
  const channel = new Message(bytes, { 1: "varint", 2: "bytes", 3: "varint" });
  const settings = new Message(channel.bytes(2), { 2: "bytes", 3: "bytes" });
  return {
    type: "channel",
    index: channel.number(1),
    name: settings.text(3),
    isInUse: channel.number(3) !== 0,
    isEncrypted: settings.bytes(2).some((byte) => byte !== 0),
  };
}

function decodeQueueStatus(bytes: Uint8Array): FromRadio {
  const status = new Message(bytes, { 1: "varint", 2: "varint", 3: "varint", 4: "varint" });
  return {
    type: "queue-status",
    res: status.number(1),
    free: status.number(2),
    lengthMax: status.number(3),
    packetId: status.number(4),
  };
}

/** Routing.error_reason; null: it is about something else, as a discovered route. Throws ProtocolError. */
export function decodeRoutingError(payload: Uint8Array): number | null {
  const message = new Message(payload, { 3: "varint" });
  return message.has(3) || payload.length === 0 ? message.number(3) : null;
}

function wrong(what: string): ProtocolError {
  return new ProtocolError("EST_PROTOCOL_RANGE", `the radio says ${what}`);
}

type Kinds = Readonly<Record<number, WireField["kind"]>>;
const PACKET_KINDS: Kinds = {
  ...{ 1: "fixed32", 2: "fixed32", 3: "varint", 4: "bytes", 5: "bytes", 6: "fixed32", 7: "fixed32" },
  ...{ 8: "fixed32", 9: "varint", 10: "varint", 12: "varint", 14: "varint", 15: "varint", 17: "varint" },
};
const DATA_KINDS: Kinds = { 1: "varint", 2: "bytes", 3: "varint", 4: "fixed32", 6: "fixed32", 9: "varint" };
const LORA_KINDS: Kinds = { 1: "varint", 2: "varint", 3: "varint", 4: "varint", 5: "varint", 7: "varint" };
/** Variants up to 19 are in use; room for some years. */
const VARIANT_NUMBER_MAX = 63;
const PORT_MAX = 511;
