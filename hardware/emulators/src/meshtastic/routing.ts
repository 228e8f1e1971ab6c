import type { Clock } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";
import type { SeededChance } from "../seeded-chance.js";
import {
  AIR_BYTES_MAX,
  AIR_HEADER_BYTES,
  type AirHeader,
  channelHash,
  cryptChannel,
  decodeAirHeader,
  encodeAirHeader,
  type NodeKeys,
  openFromNode,
  PKI_OVERHEAD_BYTES,
  sealToNode,
} from "./crypto.js";
import { FieldWriter } from "./fields.js";
import {
  BROADCAST,
  decodeData,
  encodeData,
  encodeRouting,
  type MeshData,
  type MeshPacket,
  PORT_ROUTING,
  ROUTING,
} from "./messages.js";
import type { MeshtasticOptions } from "./options.js";
import { dutyMsPerHourMax, slotMs, timeOnAirMs } from "./presets.js";
import type { MeshTransmitter } from "./transmitter.js";

/** What the radio tells its host of a packet. */
export interface HeardHow {
  readonly snr: number;
  readonly rssi: number;
}

export interface RoutingParts {
  readonly num: number;
  readonly keys: NodeKeys;
  readonly keysOf: (num: number) => NodeKeys | null;
  readonly options: MeshtasticOptions;
  readonly clock: Clock;
  readonly chance: SeededChance;
  readonly transmitter: MeshTransmitter;
  readonly giveHost: (packet: MeshPacket, how: HeardHow) => void;
  readonly notifyHost: (text: string) => void;
}

interface Pending {
  readonly packet: MeshPacket;
  readonly bytes: Uint8Array;
  sendsLeft: number;
  cancel: () => void;
}

/** One radio's part in the mesh: floods, drops what it has seen, acknowledges, repeats what was not acknowledged. */
export class MeshRouting {
  readonly #pending = new Map<number, Pending>();
  #seen: string[] = [];
  #hostIds: number[] = [];

  constructor(private readonly parts: RoutingParts) {}

  reset(): void {
    for (const one of this.#pending.values()) one.cancel();
    this.#pending.clear();
    this.#seen = [];
    this.#hostIds = [];
  }

  /** The host's packet. Null: an id it had lately, dropped without a word. Otherwise what QueueStatus says. */
  fromHost(given: MeshPacket): { readonly res: number; readonly id: number } | null {
    const { options, transmitter, chance } = this.parts;
    const id = given.id === 0 ? 1 + chance.below(0xfffffffe) : given.id;
    if (this.#hostIds.includes(id)) return null;
    this.#hostIds = [...this.#hostIds, id].slice(-EMULATOR_LIMITS.meshHostIdsMax);
    // A packet that wants an acknowledgement gets the radio's own limit where its host gave none.
    const hopLimit = given.hopLimit === 0 && given.wantAck ? options.hopLimit : Math.min(7, given.hopLimit);
    const packet = { ...given, from: this.parts.num, id, hopLimit, hopStart: hopLimit };
    const built = this.#build(packet);
    if (typeof built === "number") return this.#refuse(packet, built);
    if (transmitter.sentMsInHour() >= dutyMsPerHourMax(options.region)) {
      this.parts.notifyHost("Duty cycle limit exceeded. You can send again in some minutes");
      return this.#refuse(packet, ROUTING.dutyCycleLimit);
    }
    if (!transmitter.put({ key: keyOf(packet), bytes: built, isOwn: true })) return { res: QUEUE_FULL, id };
    this.#see(keyOf(packet));
    if (given.wantAck) this.#await({ packet, bytes: built, sendsLeft: SENDS - 1, cancel: () => {} });
    return { res: 0, id };
  }

  /** A packet from the air. */
  heard(bytes: Uint8Array): void {
    this.parts.transmitter.noteHeard(bytes.length);
    if (bytes.length < AIR_HEADER_BYTES) return;
    const header = decodeAirHeader(bytes);
    const key = keyOf(header);
    if (header.from === this.parts.num) {
      this.#settle(header.id, true);
      return;
    }
    const opened = this.#open(header, bytes.subarray(AIR_HEADER_BYTES));
    if (this.#seen.includes(key)) {
      this.parts.transmitter.cancel(key);
      if (header.to === this.parts.num && header.wantAck && opened) this.#acknowledge(header, opened.channel);
      return;
    }
    this.#see(key);
    if (opened && (header.to === this.parts.num || header.to === BROADCAST)) this.#deliver(header, opened);
    if (header.to !== this.parts.num && header.hopLimit > 0) this.#repeat(header, bytes);
  }

  #deliver(header: AirHeader, opened: Opened): void {
    const { from, to, id, hopLimit, hopStart, wantAck } = header;
    if (opened.data.port === PORT_ROUTING && to === this.parts.num)
      this.#settle(opened.data.requestId, false);
    if (wantAck && to === this.parts.num) this.#acknowledge(header, opened.channel);
    const { chance } = this.parts;
    const how = { snr: 4 + chance.below(8), rssi: -90 - chance.below(20) };
    const packet = { from, to, id, hopLimit, hopStart, wantAck, ...opened };
    this.parts.giveHost(packet, how);
  }

  #repeat(header: AirHeader, bytes: Uint8Array): void {
    const next = encodeAirHeader({
      ...header,
      hopLimit: header.hopLimit - 1,
      relayNode: this.parts.num & 0xff,
    });
    const body = bytes.subarray(AIR_HEADER_BYTES);
    this.parts.transmitter.put({ key: keyOf(header), bytes: Uint8Array.of(...next, ...body), isOwn: false });
  }

  #acknowledge(header: AirHeader, channel: number): void {
    const { chance, options, num } = this.parts;
    if (chance.happens(options.ackLoss)) return;
    const packet: MeshPacket = {
      ...{ from: num, to: header.from, channel, id: 1 + chance.below(0xfffffffe) },
      ...{ hopLimit: options.hopLimit, hopStart: options.hopLimit, wantAck: false, pki: false },
      data: { port: PORT_ROUTING, payload: encodeRouting(ROUTING.none), requestId: header.id },
    };
    const bytes = this.#build(packet);
    if (typeof bytes === "number") return;
    this.#see(keyOf(packet));
    this.parts.transmitter.put({ key: keyOf(packet), bytes, isOwn: true });
  }

  /** Bytes for the air, or the routing error. */
  #build(packet: MeshPacket): Uint8Array | number {
    const { options, keys, num, chance } = this.parts;
    const channel = options.channels[packet.channel];
    if (!channel) return ROUTING.noChannel;
    const isBroadcast = packet.to === BROADCAST;
    const theirs = this.parts.keysOf(packet.to);
    const mayBeSealed =
      options.pki && !options.isLicensed && !isBroadcast && packet.data.port !== PORT_ROUTING;
    if (packet.pki && !(mayBeSealed && theirs)) return ROUTING.pkiUnknownKey;
    const isSealed = mayBeSealed && theirs !== null;
    let data = encodeData(packet.data);
    const overhead = AIR_HEADER_BYTES + options.reservedBytes + (isSealed ? PKI_OVERHEAD_BYTES : 0);
    const room = AIR_BYTES_MAX - overhead;
    if (data.length > room) return ROUTING.tooLarge;
    if (isBroadcast && options.signsBroadcasts && data.length + SIGNATURE_FIELD_BYTES <= room)
      data = Uint8Array.of(...data, ...new FieldWriter().bytes(10, new Uint8Array(64).fill(0x51)).finish());
    const header = {
      ...{ to: packet.to, from: num, id: packet.id, hopLimit: packet.hopLimit, hopStart: packet.hopStart },
      // A broadcast is never acknowledged by its receivers.
      wantAck: packet.wantAck && !isBroadcast,
      channelHash: isSealed ? 0 : channelHash(channel),
      relayNode: num & 0xff,
    };
    const body =
      isSealed && theirs
        ? sealToNode(keys, theirs, header, { bytes: data, extraNonce: chance.below(2 ** 32) })
        : cryptChannel(channel.key, header, data);
    return Uint8Array.of(...encodeAirHeader(header), ...body);
  }

  #open(header: AirHeader, body: Uint8Array): Opened | null {
    const { options, keys, keysOf, num } = this.parts;
    if (header.channelHash === 0 && header.to === num) {
      const theirs = keysOf(header.from);
      const opened = theirs && openFromNode(keys, theirs, header, body);
      const data = opened && decodeData(opened);
      if (data) return { data, channel: 0, pki: true };
    }
    for (const [channel, one] of options.channels.entries()) {
      if (channelHash(one) !== header.channelHash) continue;
      const data = decodeData(cryptChannel(one.key, header, body));
      if (data && data.port > 0) return { data, channel, pki: false };
    }
    return null;
  }

  #await(pending: Pending): void {
    const { options, clock, transmitter } = this.parts;
    const waitMs =
      2 * timeOnAirMs(options.preset, pending.bytes.length) +
      (2 ** transmitter.contention + 16 + 32) * slotMs(options.preset) +
      4_500;
    pending.cancel = clock.timer(waitMs, () => this.#again(pending));
    this.#pending.set(pending.packet.id, pending);
  }

  #again(pending: Pending): void {
    this.#pending.delete(pending.packet.id);
    if (pending.sendsLeft === 0) {
      this.#tellHost(pending.packet, ROUTING.maxRetransmit);
      return;
    }
    const { packet, bytes } = pending;
    this.parts.transmitter.put({ key: keyOf(packet), bytes, isOwn: true });
    this.#await({ ...pending, sendsLeft: pending.sendsLeft - 1 });
  }

  /** `isImplicit`: we heard somebody repeat our own packet, nothing more. */
  #settle(id: number, isImplicit: boolean): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.cancel();
    this.#pending.delete(id);
    this.parts.transmitter.cancel(keyOf(pending.packet));
    if (isImplicit) this.#tellHost(pending.packet, ROUTING.none);
  }

  #refuse(packet: MeshPacket, error: number): { readonly res: number; readonly id: number } {
    this.#tellHost(packet, error);
    return { res: error, id: packet.id };
  }

  /** A routing answer from this node itself. */
  #tellHost(about: MeshPacket, error: number): void {
    const { num, chance } = this.parts;
    const packet: MeshPacket = {
      ...{ from: num, to: num, channel: about.channel, id: 1 + chance.below(0xfffffffe) },
      ...{ hopLimit: 0, hopStart: 0, wantAck: false, pki: false },
      data: { port: PORT_ROUTING, payload: encodeRouting(error), requestId: about.id },
    };
    this.parts.giveHost(packet, { snr: 0, rssi: 0 });
  }

  #see(key: string): void {
    this.#seen = [...this.#seen, key].slice(-EMULATOR_LIMITS.meshSeenMax);
  }
}

interface Opened {
  readonly data: MeshData;
  readonly channel: number;
  readonly pki: boolean;
}

const keyOf = ({ from, id }: { readonly from: number; readonly id: number }): string => `${from}/${id}`;

/** Sends of a packet that wants an acknowledgement. */
const SENDS = 3;
/** QueueStatus.res for "no room". */
const QUEUE_FULL = 32;
/** Field 10 of Data, two bytes of header, 64 of XEdDSA. */
const SIGNATURE_FIELD_BYTES = 66;
