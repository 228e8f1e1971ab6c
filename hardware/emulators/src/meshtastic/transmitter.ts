import type { Clock } from "@estafette/contract";
import { EMULATOR_LIMITS } from "../limits.js";
import type { LoraAir } from "../lora-air.js";
import type { SeededChance } from "../seeded-chance.js";
import { type PresetName, slotMs, timeOnAirMs } from "./presets.js";

/** A packet ready for the air. */
export interface Queued {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** False: somebody else's, to be repeated. */
  readonly isOwn: boolean;
}

/** The sending half of a radio: a queue of 16, a random wait, listening before sending, and what was sent this hour. */
export class MeshTransmitter {
  #queue: Queued[] = [];
  #isSending = false;
  #cancelWait: (() => void) | null = null;
  #generation = 0;
  #sent: { readonly endMs: number; readonly airtimeMs: number }[] = [];
  #heard: { readonly endMs: number; readonly airtimeMs: number }[] = [];
  node = 0;

  constructor(
    private readonly clock: Clock,
    private readonly chance: SeededChance,
    private readonly air: LoraAir,
    private readonly options: { readonly preset: PresetName; readonly isStuck: boolean },
  ) {}

  get free(): number {
    return EMULATOR_LIMITS.meshTransmitQueueMax - this.#queue.length;
  }

  /** False: the queue is full. */
  put(packet: Queued): boolean {
    if (this.free === 0) return false;
    this.#queue.push(packet);
    this.#plan();
    return true;
  }

  /** Somebody else has repeated it already. */
  cancel(key: string): void {
    this.#queue = this.#queue.filter((one) => one.key !== key);
  }

  /** The power went: the queue is empty, the packet on the air ends as noise. */
  reset(): void {
    this.#generation++;
    this.#queue = [];
    this.#isSending = false;
    this.#cancelWait?.();
    this.#cancelWait = null;
  }

  noteHeard(byteCount: number): void {
    this.#heard.push({
      endMs: this.clock.monotonicMs(),
      airtimeMs: timeOnAirMs(this.options.preset, byteCount),
    });
    this.#heard = this.#within(this.#heard, MINUTE_MS);
  }

  /** Milliseconds this radio has sent within the last hour. */
  sentMsInHour(): number {
    this.#sent = this.#within(this.#sent, HOUR_MS);
    return this.#sent.reduce((sum, one) => sum + one.airtimeMs, 0);
  }

  /** Exponent of the random wait [3…8]: 3 on a quiet channel, 8 on one that is always taken. */
  get contention(): number {
    const busyMs = [...this.#heard, ...this.#within(this.#sent, MINUTE_MS)].reduce(
      (sum, one) => sum + one.airtimeMs,
      0,
    );
    return 3 + Math.min(5, Math.floor((busyMs / MINUTE_MS) * 5));
  }

  #within<Entry extends { readonly endMs: number }>(entries: Entry[], windowMs: number): Entry[] {
    const sinceMs = this.clock.monotonicMs() - windowMs;
    return entries.filter((one) => one.endMs > sinceMs);
  }

  #plan(): void {
    const [first] = this.#queue;
    if (!first || this.#isSending || this.#cancelWait || this.options.isStuck) return;
    const slots = this.chance.below(2 ** this.contention) + (first.isOwn ? 0 : 16);
    this.#cancelWait = this.clock.timer(slots * slotMs(this.options.preset), () => {
      this.#cancelWait = null;
      if (this.air.isBusyAt(this.node)) this.#plan();
      else this.#send();
    });
  }

  #send(): void {
    const packet = this.#queue.shift();
    if (!packet) return;
    const airtimeMs = timeOnAirMs(this.options.preset, packet.bytes.length);
    const generation = this.#generation;
    this.#isSending = true;
    this.#sent.push({ endMs: this.clock.monotonicMs() + airtimeMs, airtimeMs });
    this.air.transmit(this.node, packet.bytes, airtimeMs, () => {
      if (generation !== this.#generation) return;
      this.#isSending = false;
      this.#plan();
    });
  }
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
