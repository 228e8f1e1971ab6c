import type { Clock } from "@estafette/contract";
import type { LoraAir } from "../lora-air.js";
import { type Lora, symbolMs, timeOnAirMs } from "../lora-airtime.js";
import type { SeededChance } from "../seeded-chance.js";
import type { RnodeSettings } from "./device.js";
import type { RnodeOptions } from "./options.js";

interface Queued {
  readonly payload: Uint8Array;
  readonly settings: Readonly<RnodeSettings>;
}

/** The radio half of an RNode: a queue, listening before sending, packets of up to 254 bytes and a header byte, two of
 *  them for more. Nobody acknowledges anything. */
export class RnodeRadio {
  node = 0;
  sentCount = 0;
  onHeard: (payload: Uint8Array, how: { readonly rssi: number; readonly snr: number }) => void = () => {};
  #queue: Queued[] = [];
  #isSending = false;
  #cancelWait: (() => void) | null = null;
  #generation = 0;
  #firstHalf: Uint8Array | null = null;
  #sent: { readonly endMs: number; readonly airtimeMs: number }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly chance: SeededChance,
    private readonly air: LoraAir,
    private readonly options: RnodeOptions,
  ) {}

  get hasRoom(): boolean {
    const bytes = this.#queue.reduce((sum, one) => sum + one.payload.length, 0);
    return this.#queue.length < this.options.queuePacketsMax && bytes < this.options.queueBytesMax;
  }

  /** False: the queue is full. */
  put(payload: Uint8Array, settings: RnodeSettings): boolean {
    const bytes = this.#queue.reduce((sum, one) => sum + one.payload.length, payload.length);
    if (!this.hasRoom || bytes > this.options.queueBytesMax) return false;
    this.#queue.push({ payload, settings: { ...settings } });
    this.#plan();
    return true;
  }

  reset(): void {
    this.#generation++;
    this.#queue = [];
    this.#isSending = false;
    this.#firstHalf = null;
    this.#cancelWait?.();
    this.#cancelWait = null;
  }

  /** A packet from the air. Header: a sequence in the high half, bit 0: one of two. */
  heard(bytes: Uint8Array): void {
    const [header = 0] = bytes;
    const half = bytes.slice(1);
    if ((header & FLAG_SPLIT) === 0) {
      this.#firstHalf = null;
      this.#give(half);
      return;
    }
    const [firstHeader, ...first] = this.#firstHalf ?? [];
    if (firstHeader === header) {
      this.#firstHalf = null;
      this.#give(Uint8Array.of(...first, ...half));
    } else {
      this.#firstHalf = bytes;
    }
  }

  #give(payload: Uint8Array): void {
    this.onHeard(payload, { rssi: -70 - this.chance.below(40), snr: this.chance.below(10) });
  }

  #plan(): void {
    const [first] = this.#queue;
    if (!first || this.#isSending || this.#cancelWait || this.options.defects.stuckTransmitter) return;
    const lora = this.#lora(first.settings);
    const slotMs = Math.min(100, Math.max(24, 12 * symbolMs(lora)));
    const heldMs = this.#heldMs(first.settings);
    const waitMs = heldMs > 0 ? heldMs : (2 + this.chance.below(15)) * slotMs;
    this.#cancelWait = this.clock.timer(waitMs, () => {
      this.#cancelWait = null;
      if (heldMs > 0 || this.air.isBusyAt(this.node)) this.#plan();
      else this.#send();
    });
  }

  /** Milliseconds until the airtime limits may allow another packet; 0: now. */
  #heldMs({ shortLock, longLock }: RnodeSettings): number {
    const nowMs = this.clock.monotonicMs();
    this.#sent = this.#sent.filter(({ endMs }) => endMs > nowMs - LONG_MS);
    const isAbove = (windowMs: number, lock: number): boolean => {
      const recent = this.#sent.filter(({ endMs }) => endMs > nowMs - windowMs);
      const usedMs = recent.reduce((sum, { airtimeMs }) => sum + airtimeMs, 0);
      return lock > 0 && usedMs / windowMs >= lock / 10_000;
    };
    return isAbove(SHORT_MS, shortLock) || isAbove(LONG_MS, longLock) ? HELD_LOOK_MS : 0;
  }

  #send(): void {
    const packet = this.#queue.shift();
    if (!packet) return;
    const sequence = this.chance.below(16) << 4;
    const { payload } = packet;
    const isSplit = payload.length > HALF_BYTES_MAX;
    const parts = isSplit ? [payload.slice(0, HALF_BYTES_MAX), payload.slice(HALF_BYTES_MAX)] : [payload];
    const header = sequence | (isSplit ? FLAG_SPLIT : 0);
    this.#isSending = true;
    this.#transmit(
      parts.map((part) => Uint8Array.of(header, ...part)),
      this.#lora(packet.settings),
    );
  }

  #transmit(parts: Uint8Array[], lora: Lora): void {
    const [part, ...rest] = parts;
    if (!part) {
      this.sentCount++;
      this.#isSending = false;
      this.#plan();
      return;
    }
    const generation = this.#generation;
    const airtimeMs = timeOnAirMs(lora, part.length);
    this.#sent.push({ endMs: this.clock.monotonicMs() + airtimeMs, airtimeMs });
    this.air.transmit(this.node, part, airtimeMs, () => {
      if (generation !== this.#generation) return;
      this.#transmit(this.options.defects.losesSecondHalf ? [] : rest, lora);
    });
  }

  #lora({ spreadingFactor, bandwidthHz, codingRate }: RnodeSettings): Lora {
    const { preambleSymbols } = this.options;
    return { spreadingFactor, bandwidthKhz: bandwidthHz / 1_000, codingRate, preambleSymbols };
  }
}

const FLAG_SPLIT = 1;
const HALF_BYTES_MAX = 254;
/** Windows of the short and the long airtime limit. */
const SHORT_MS = 15_000;
const LONG_MS = 3_600_000;
const HELD_LOOK_MS = 1_000;
