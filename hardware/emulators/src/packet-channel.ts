import type { KissMessage } from "./kiss-bytes.js";
import type { PacketOptions } from "./packet-options.js";
import { type Keying, PacketStation } from "./packet-station.js";
import { SeededChance } from "./seeded-chance.js";

/** What became of a frame at one receiver. */
export type PacketFate = "heard" | "collided" | "damaged" | "lost" | "cut";

/** Times are clock milliseconds. */
export type PacketEvent =
  | { readonly type: "keyed"; readonly atMs: number; readonly station: number }
  | { readonly type: "unkeyed"; readonly atMs: number; readonly station: number; readonly airtimeMs: number }
  | { readonly type: "frame"; readonly atMs: number; readonly station: number; readonly byteCount: number }
  | {
      readonly type: "received";
      readonly atMs: number;
      readonly station: number;
      readonly from: number;
      readonly frame: Uint8Array;
    }
  | {
      readonly type: "missed";
      readonly atMs: number;
      readonly station: number;
      readonly from: number;
      readonly fate: Exclude<PacketFate, "heard">;
    }
  | { readonly type: "dropped"; readonly atMs: number; readonly station: number; readonly why: string };

export interface PacketCounters {
  /** By station. */
  readonly framesSent: readonly number[];
  readonly framesDropped: readonly number[];
  /** By receiver and frame. */
  readonly fates: Readonly<Record<PacketFate, number>>;
  /** Milliseconds of keyed transmitters, not scaled, by station. */
  readonly airtimeMs: readonly number[];
}

/** TNCs on one radio channel, as a state machine: KISS messages and time in, events out. It does nothing by itself; ask
 *  {@link nextMs} when to {@link tick}. Each station listens before it sends and then keys by p-persistence; it keys
 *  once for the frames that wait. A receiver reads a frame only when nothing else that it hears is on the air from the
 *  keying to the frame's end, and it is silent itself. */
export class PacketChannel {
  readonly #stations: readonly PacketStation[];
  readonly #chance: SeededChance;
  readonly #framesSent: number[];
  readonly #framesDropped: number[];
  readonly #airtimeMs: number[];
  readonly #fates = { heard: 0, collided: 0, damaged: 0, lost: 0, cut: 0 };
  #cut = false;

  constructor(private readonly options: PacketOptions) {
    this.#stations = Array.from({ length: options.stations }, () => new PacketStation());
    this.#chance = new SeededChance(options.seed);
    [this.#framesSent, this.#framesDropped, this.#airtimeMs] = [1, 2, 3].map(() =>
      Array<number>(options.stations).fill(0),
    ) as [number[], number[], number[]];
  }

  /** A computer told the TNC `station` something. Parameters and data of ports other than 0 go nowhere. */
  obey(station: number, message: KissMessage, nowMs: number): readonly PacketEvent[] {
    const tnc = this.#at(station);
    if (message.port !== 0 || nowMs < tnc.offUntilMs) return [];
    if (message.command !== 0) {
      tnc.set(message);
      return [];
    }
    const { frameBytesMax, queueFramesMax } = this.options;
    if (message.data.length === 0 || message.data.length > frameBytesMax)
      return [this.#drop(station, "length", nowMs)];
    if (tnc.queue.length >= queueFramesMax) return [this.#drop(station, "full", nowMs)];
    if (tnc.queue.length === 0) tnc.notBeforeMs = Math.max(tnc.notBeforeMs, nowMs);
    tnc.queue.push(message.data);
    return [];
  }

  /** The TNC loses power now, and has it back after `offMs` of the clock. */
  powerCycle(station: number, offMs: number, nowMs: number): readonly PacketEvent[] {
    const tnc = this.#at(station);
    const events = tnc.keying ? [this.#unkey(station, tnc.keying, nowMs)] : [];
    tnc.forget(nowMs + offMs);
    return events;
  }

  /** Interrupts or restores the air for everybody. */
  setCut(cut: boolean): void {
    this.#cut = cut;
  }

  /** When something happens next; `null`: nothing until a computer writes. */
  nextMs(): number | null {
    return this.#nextStep()?.atMs ?? null;
  }

  /** Does all that is due at `nowMs`, each step at its own time. */
  tick(nowMs: number): readonly PacketEvent[] {
    const events: PacketEvent[] = [];
    for (let step = this.#nextStep(); step && step.atMs <= nowMs; step = this.#nextStep()) {
      events.push(...step.act(step.atMs));
    }
    return events;
  }

  counters(): PacketCounters {
    return {
      framesSent: [...this.#framesSent],
      framesDropped: [...this.#framesDropped],
      fates: { ...this.#fates },
      airtimeMs: [...this.#airtimeMs],
    };
  }

  #nextStep(): Step | null {
    let first: Step | null = null;
    for (const [station, tnc] of this.#stations.entries()) {
      const { keying } = tnc;
      const step: Step | null = keying
        ? { atMs: keying.endMs, act: (atMs) => this.#proceed(station, keying, atMs) }
        : tnc.queue.length > 0
          ? { atMs: tnc.notBeforeMs, act: (atMs) => this.#listen(station, atMs) }
          : null;
      if (step && (!first || step.atMs < first.atMs)) first = step;
    }
    return first;
  }

  /** Carrier sense and p-persistence (AX.25 2.2, §6.4.2; KISS, §5). */
  #listen(station: number, nowMs: number): PacketEvent[] {
    const tnc = this.#at(station);
    const slotMs = Math.max(1, this.#clockMs(tnc.slotTime * 10));
    if (!tnc.fullDuplex) {
      const busyUntilMs = this.#busyUntilMs(station, nowMs);
      if (busyUntilMs > nowMs) {
        tnc.notBeforeMs = busyUntilMs;
        return [];
      }
      if (this.#chance.below(256) > tnc.persistence) {
        tnc.notBeforeMs = nowMs + slotMs;
        return [];
      }
    }
    const keying: Keying = { startMs: nowMs, current: null, endMs: nowMs, framesSent: 0 };
    tnc.keying = keying;
    for (const [other, { keying: theirs }] of this.#stations.entries()) {
      if (theirs?.current && other !== station) this.#spoil(other, theirs.current.spoiledFor, station);
    }
    this.#startFrame(station, keying, nowMs + this.#clockMs(tnc.txDelay * 10));
    return [{ type: "keyed", atMs: nowMs, station }];
  }

  #startFrame(station: number, keying: Keying, startMs: number): void {
    const frame = this.#at(station).queue.shift() ?? new Uint8Array(0);
    const bits = (frame.length + CHECK_AND_FLAG_BYTES) * 8 * STUFFING;
    const spoiledFor = new Set<number>();
    for (const [other, { keying: theirs }] of this.#stations.entries()) {
      if (theirs && other !== station) this.#spoil(station, spoiledFor, other);
    }
    keying.endMs = startMs + this.#clockMs((bits * 1_000) / this.options.bitsPerSecond);
    keying.current = { frame, endMs: keying.endMs, spoiledFor };
  }

  /** `by` is on the air while `station` sends: whoever hears `by`, and `by` itself, cannot read `station`. */
  #spoil(station: number, spoiledFor: Set<number>, by: number): void {
    for (let receiver = 0; receiver < this.#stations.length; receiver++) {
      if (receiver !== station && (receiver === by || this.#hears(receiver, by))) spoiledFor.add(receiver);
    }
  }

  /** A frame ended, or the tail did. */
  #proceed(station: number, keying: Keying, atMs: number): PacketEvent[] {
    const tnc = this.#at(station);
    const { current } = keying;
    if (!current) {
      const ended = this.#unkey(station, keying, atMs);
      tnc.keying = null;
      tnc.notBeforeMs = atMs;
      return [ended];
    }
    this.#framesSent[station] = (this.#framesSent[station] ?? 0) + 1;
    keying.framesSent++;
    keying.current = null;
    if (tnc.queue.length > 0 && keying.framesSent < this.options.framesPerKeyingMax)
      this.#startFrame(station, keying, atMs);
    else keying.endMs = atMs + this.#clockMs(tnc.txTail * 10);
    const { frame, spoiledFor } = current;
    const events: PacketEvent[] = [{ type: "frame", atMs, station, byteCount: frame.length }];
    for (let receiver = 0; receiver < this.#stations.length; receiver++) {
      if (receiver !== station && !this.#hears(receiver, station)) continue;
      if (receiver === station && !this.options.defects.includes("own-echo")) continue;
      events.push(this.#receive(receiver, station, frame, spoiledFor.has(receiver), atMs));
    }
    return events;
  }

  #receive(station: number, from: number, frame: Uint8Array, isSpoiled: boolean, atMs: number): PacketEvent {
    const fate = this.#fateOf(station, frame, isSpoiled, atMs);
    this.#fates[fate]++;
    if (fate !== "heard") return { type: "missed", atMs, station, from, fate };
    return { type: "received", atMs, station, from, frame: frame.slice() };
  }

  #fateOf(station: number, frame: Uint8Array, isSpoiled: boolean, atMs: number): PacketFate {
    if (this.#cut || atMs < this.#at(station).offUntilMs) return "cut";
    if (isSpoiled) return "collided";
    if (this.#chance.happens(this.options.frameLoss)) return "lost";
    const bits = (frame.length + CHECK_AND_FLAG_BYTES) * 8;
    return this.#chance.happens(1 - (1 - this.options.bitErrorRate) ** bits) ? "damaged" : "heard";
  }

  #busyUntilMs(station: number, nowMs: number): number {
    let untilMs = nowMs;
    const noticedMs = this.#clockMs(this.options.carrierDetectMs);
    for (const [other, { keying }] of this.#stations.entries()) {
      if (other === station || !keying || !this.#hears(station, other)) continue;
      if (keying.startMs + noticedMs <= nowMs) untilMs = Math.max(untilMs, keying.endMs);
    }
    return untilMs;
  }

  #hears(station: number, other: number): boolean {
    return !this.options.hidden.some(
      ([one, two]) => (one === station && two === other) || (one === other && two === station),
    );
  }

  #unkey(station: number, keying: Keying, atMs: number): PacketEvent {
    const airtimeMs = (atMs - keying.startMs) * this.options.timeScale;
    this.#airtimeMs[station] = (this.#airtimeMs[station] ?? 0) + airtimeMs;
    return { type: "unkeyed", atMs, station, airtimeMs };
  }

  #drop(station: number, why: string, atMs: number): PacketEvent {
    this.#framesDropped[station] = (this.#framesDropped[station] ?? 0) + 1;
    return { type: "dropped", atMs, station, why };
  }

  #at(station: number): PacketStation {
    const tnc = this.#stations[station];
    if (!tnc) throw new RangeError(`there is no station ${station}`);
    return tnc;
  }

  #clockMs(airMs: number): number {
    return airMs / this.options.timeScale;
  }
}

interface Step {
  readonly atMs: number;
  readonly act: (atMs: number) => PacketEvent[];
}

/** Two bytes of frame check and two flags. */
const CHECK_AND_FLAG_BYTES = 4;
/** A zero is put in after five ones: about one bit in fifty of what is compressed or sealed. */
const STUFFING = 1.02;
