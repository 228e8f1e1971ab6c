import type { Clock } from "@estafette/contract";
import type { SeededChance } from "./seeded-chance.js";

/** A packet under way. */
interface Transmission {
  readonly from: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Nodes at which another packet, or their own sending, drowned it. */
  readonly drownedAt: Set<number>;
}

/** What one node has sent, in milliseconds of air. */
export interface AirLedger {
  readonly frames: number;
  readonly airtimeMs: number;
}

export interface AirEvent {
  readonly from: number;
  readonly byteCount: number;
  readonly airtimeMs: number;
  readonly heardBy: readonly number[];
}

export interface AirOptions {
  /** Probability [0…1] that one receiver misses one packet. */
  readonly loss: number;
  /** How long a packet is on the air before others notice it, in milliseconds. */
  readonly noticeMs: number;
  readonly isDeaf: (from: number, to: number) => boolean;
}

/** One frequency shared by all nodes. Two packets that overlap at a receiver are both lost there. */
export class LoraAir {
  readonly #receivers: ((bytes: Uint8Array) => void)[] = [];
  readonly #ledgers: { frames: number; airtimeMs: number }[] = [];
  #underWay: Transmission[] = [];
  #isCut = false;
  onEvent: (event: AirEvent) => void = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly chance: SeededChance,
    private readonly options: AirOptions,
  ) {}

  /** Returns the index of the new node. */
  attach(receive: (bytes: Uint8Array) => void): number {
    this.#ledgers.push({ frames: 0, airtimeMs: 0 });
    return this.#receivers.push(receive) - 1;
  }

  setCut(isCut: boolean): void {
    this.#isCut = isCut;
  }

  ledger(node: number): AirLedger {
    return { ...(this.#ledgers[node] ?? { frames: 0, airtimeMs: 0 }) };
  }

  /** Whether the node hears somebody send now. */
  isBusyAt(node: number): boolean {
    const noticedMs = this.clock.monotonicMs() - this.options.noticeMs;
    return this.#underWay.some((one) => one.startMs <= noticedMs && this.#reaches(one.from, node));
  }

  /** Sends; `onEnd` is called when it is over. The receivers have it just before. */
  transmit(from: number, bytes: Uint8Array, airtimeMs: number, onEnd: () => void): void {
    const startMs = this.clock.monotonicMs();
    const mine: Transmission = { from, startMs, endMs: startMs + airtimeMs, drownedAt: new Set([from]) };
    for (const other of this.#underWay) this.#drown(mine, other);
    this.#underWay.push(mine);
    const ledger = this.#ledgers[from];
    if (ledger) {
      ledger.frames++;
      ledger.airtimeMs += airtimeMs;
    }
    this.clock.timer(airtimeMs, () => {
      this.#underWay = this.#underWay.filter((other) => other !== mine);
      const heardBy = this.#hearers(mine);
      this.onEvent({ from, byteCount: bytes.length, airtimeMs, heardBy });
      for (const node of heardBy) this.#receivers[node]?.(bytes);
      onEnd();
    });
  }

  #hearers(mine: Transmission): number[] {
    const heardBy: number[] = [];
    for (let node = 0; node < this.#receivers.length; node++) {
      if (!this.#reaches(mine.from, node) || mine.drownedAt.has(node) || this.#isCut) continue;
      if (!this.chance.happens(this.options.loss)) heardBy.push(node);
    }
    return heardBy;
  }

  #drown(one: Transmission, other: Transmission): void {
    one.drownedAt.add(other.from);
    other.drownedAt.add(one.from);
    for (let node = 0; node < this.#receivers.length; node++) {
      if (!this.#reaches(one.from, node) || !this.#reaches(other.from, node)) continue;
      one.drownedAt.add(node);
      other.drownedAt.add(node);
    }
  }

  #reaches(from: number, to: number): boolean {
    return from !== to && !this.options.isDeaf(from, to);
  }
}
