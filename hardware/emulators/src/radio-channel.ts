import type { RadioOptions } from "./radio-options.js";
import { RadioTransmitter, type Transmission } from "./radio-transmitter.js";
import { SeededChance } from "./seeded-chance.js";

export type Side = "a" | "b";

/** What became of a frame: `damaged` was handed over with wrong bits; `lost`, `collided` and `cut` were not. */
export type FrameFate = "delivered" | "damaged" | "lost" | "collided" | "cut";

/** Times are clock milliseconds. */
export type RadioEvent =
  | { readonly type: "frame-started"; readonly atMs: number; readonly from: Side; readonly byteCount: number }
  | {
      readonly type: "frame-ended";
      readonly atMs: number;
      readonly from: Side;
      readonly byteCount: number;
      readonly fate: FrameFate;
      readonly airtimeMs: number;
    }
  | { readonly type: "received"; readonly atMs: number; readonly side: Side; readonly bytes: Uint8Array }
  | { readonly type: "air-cut"; readonly atMs: number }
  | { readonly type: "air-restored"; readonly atMs: number };

export interface RadioCounters {
  /** Frames and payload bytes sent, by side. Bytes do not include what the modem adds. */
  readonly framesSent: Readonly<Record<Side, number>>;
  readonly bytesSent: Readonly<Record<Side, number>>;
  readonly fates: Readonly<Record<FrameFate, number>>;
  /** Milliseconds of air, not scaled. */
  readonly airtimeMs: number;
}

/** Two transparent half-duplex radio modems and their air, as a state machine: bytes and time in, events out. It does
 *  nothing by itself; ask {@link nextMs} when to {@link tick}. Each frame is keyed separately; a modem listens before
 *  it sends, hears the other one turnaround late, and never repeats. After its own frame it leaves two turnarounds to
 *  the other side; having waited for the other side it draws nought or one: so two busy modems take turns. */
export class RadioChannel {
  readonly #chance: SeededChance;
  readonly #modems: Readonly<Record<Side, RadioTransmitter>>;
  readonly #startMs: number;
  #cut = false;
  #cutIndex = 0;
  #nextToggleMs: number | null = null;
  readonly #framesSent = { a: 0, b: 0 };
  readonly #bytesSent = { a: 0, b: 0 };
  readonly #fates = { delivered: 0, damaged: 0, lost: 0, collided: 0, cut: 0 };
  #airtimeMs = 0;

  constructor(
    private readonly options: RadioOptions,
    startMs: number,
  ) {
    this.#chance = new SeededChance(options.seed);
    this.#modems = { a: new RadioTransmitter(options), b: new RadioTransmitter(options) };
    this.#startMs = startMs;
    this.#planToggle(startMs);
  }

  /** The computer at `side` wrote `bytes`. False: no room, nothing was taken; try again after a tick. */
  write(side: Side, bytes: Uint8Array, nowMs: number): boolean {
    const modem = this.#modems[side];
    if (bytes.length > modem.roomBytes) return false;
    if (!modem.hasFrame) modem.notBeforeMs = Math.max(modem.notBeforeMs, nowMs);
    modem.write(bytes, nowMs);
    return true;
  }

  /** Interrupts or restores the air, beside what is scripted. */
  setCut(cut: boolean, nowMs: number): readonly RadioEvent[] {
    if (this.#cut === cut) return [];
    this.#cut = cut;
    if (cut) for (const modem of Object.values(this.#modems)) if (modem.onAir) modem.onAir.cut = true;
    return [{ type: cut ? "air-cut" : "air-restored", atMs: nowMs }];
  }

  /** When something happens next; `null`: nothing until somebody writes. */
  nextMs(): number | null {
    return this.#nextStep()?.atMs ?? null;
  }

  /** Does all that is due at `nowMs`, each step at its own time. */
  tick(nowMs: number): readonly RadioEvent[] {
    const events: RadioEvent[] = [];
    for (let step = this.#nextStep(); step && step.atMs <= nowMs; step = this.#nextStep()) {
      events.push(...step.act(step.atMs));
    }
    return events;
  }

  counters(): RadioCounters {
    return {
      framesSent: { ...this.#framesSent },
      bytesSent: { ...this.#bytesSent },
      fates: { ...this.#fates },
      airtimeMs: this.#airtimeMs,
    };
  }

  #nextStep(): Step | null {
    const steps: Step[] = [];
    if (this.#nextToggleMs !== null) {
      steps.push({ atMs: this.#nextToggleMs, act: (atMs) => this.#toggle(atMs) });
    }
    for (const side of SIDES) {
      const modem = this.#modems[side];
      const gapEndsMs = modem.gapEndsMs();
      if (modem.onAir) steps.push({ atMs: modem.onAir.endMs, act: (atMs) => this.#end(side, atMs) });
      if (gapEndsMs !== null) {
        const act = (): RadioEvent[] => {
          modem.notBeforeMs = Math.max(modem.notBeforeMs, gapEndsMs);
          modem.closeFrame();
          return [];
        };
        steps.push({ atMs: gapEndsMs, act });
      }
      if (!modem.onAir && modem.hasFrame) {
        steps.push({ atMs: modem.notBeforeMs, act: (atMs) => this.#tryToStart(side, atMs) });
      }
    }
    return steps.reduce<Step | null>(
      (first, step) => (first && first.atMs <= step.atMs ? first : step),
      null,
    );
  }

  #tryToStart(side: Side, nowMs: number): RadioEvent[] {
    const modem = this.#modems[side];
    const other = this.#modems[otherSide(side)].onAir;
    const turnaroundMs = this.#clockMs(this.options.turnaroundMs);
    if (other && other.startMs + turnaroundMs <= nowMs) {
      modem.notBeforeMs = other.endMs + this.#chance.below(2) * turnaroundMs;
      return [];
    }
    const bytes = modem.takeFrame();
    const bits = (bytes.length + this.options.frameOverheadBytes) * 8;
    const airtimeMs = this.options.turnaroundMs + (bits * 1_000) / this.options.bitsPerSecond;
    const transmission: Transmission = {
      bytes,
      startMs: nowMs,
      endMs: nowMs + this.#clockMs(airtimeMs),
      collided: other !== null,
      cut: this.#cut,
    };
    if (other) other.collided = true;
    modem.onAir = transmission;
    this.#framesSent[side]++;
    this.#bytesSent[side] += bytes.length;
    this.#airtimeMs += airtimeMs;
    return [{ type: "frame-started", atMs: nowMs, from: side, byteCount: bytes.length }];
  }

  #end(side: Side, atMs: number): RadioEvent[] {
    const modem = this.#modems[side];
    const transmission = modem.onAir;
    if (!transmission) return [];
    modem.onAir = null;
    modem.notBeforeMs = atMs + 2 * this.#clockMs(this.options.turnaroundMs);
    const { bytes, startMs } = transmission;
    const { fate, received } = this.#deliver(transmission);
    this.#fates[fate]++;
    const airtimeMs = (atMs - startMs) * this.options.timeScale;
    const events: RadioEvent[] = [
      { type: "frame-ended", atMs, from: side, byteCount: bytes.length, fate, airtimeMs },
    ];
    if (received) events.push({ type: "received", atMs, side: otherSide(side), bytes: received });
    return events;
  }

  #deliver(transmission: Transmission): { fate: FrameFate; received: Uint8Array | null } {
    if (transmission.collided) return { fate: "collided", received: null };
    if (transmission.cut) return { fate: "cut", received: null };
    if (this.#chance.happens(this.options.frameLoss)) return { fate: "lost", received: null };
    const flipped = flipBits(transmission.bytes, this.options.bitErrorRate, this.#chance);
    return { fate: flipped > 0 ? "damaged" : "delivered", received: transmission.bytes };
  }

  #toggle(atMs: number): RadioEvent[] {
    this.#planToggle(atMs);
    return [...this.setCut(!this.#cut, atMs)];
  }

  /** Plans the change after the one at `atMs`. */
  #planToggle(atMs: number): void {
    const { cuts, randomCuts } = this.options;
    const index = this.#cutIndex++;
    if (randomCuts) {
      const meanMs = index % 2 === 0 ? randomCuts.meanUpMs : randomCuts.meanDownMs;
      this.#nextToggleMs = atMs + this.#clockMs(this.#chance.around(meanMs));
      return;
    }
    const cut = cuts[index >> 1];
    const airMs = index % 2 === 0 ? cut?.fromMs : cut?.toMs;
    this.#nextToggleMs = airMs === undefined ? null : this.#startMs + this.#clockMs(airMs);
  }

  #clockMs(airMs: number): number {
    return airMs / this.options.timeScale;
  }
}

interface Step {
  readonly atMs: number;
  readonly act: (atMs: number) => RadioEvent[];
}

function otherSide(side: Side): Side {
  return side === "a" ? "b" : "a";
}

/** Jumps from error to error, so that a clean frame costs one draw. */
function flipBits(bytes: Uint8Array, bitErrorRate: number, chance: SeededChance): number {
  if (bitErrorRate === 0) return 0;
  const skip = (): number => 1 + Math.floor(Math.log(1 - chance.fraction()) / Math.log(1 - bitErrorRate));
  let flipped = 0;
  for (let bit = skip() - 1; bit < bytes.length * 8; bit += skip()) {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    flipped++;
  }
  return flipped;
}

const SIDES = ["a", "b"] as const;
