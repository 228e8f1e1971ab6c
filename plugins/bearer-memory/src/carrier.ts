import { type Clock, type Rng, sleep, uniformBelow } from "@estafette/contract";
import { MEMORY_LIMITS } from "./limits.js";
import type { MemoryProfile } from "./profile.js";

/** `carried`: the transmission is over. `collided`: so it is, but nobody could read it. */
export type Occupation = "carried" | "collided" | "busy" | "aborted";

interface Transmission {
  readonly speaker: string;
  readonly startMs: number;
  readonly endMs: number;
  collided: boolean;
}

/** Who is on the channel. Half duplex listens before it speaks, hears others one turnaround late, and collides
 *  when two begin within that time: carrier sense as radios without a central station do it. */
export class Carrier {
  #transmissions: Transmission[] = [];
  #last: { readonly speaker: string; readonly endMs: number } | null = null;
  readonly #slots: number;

  constructor(
    private readonly profile: MemoryProfile,
    private readonly clock: Clock,
    private readonly rng: Rng,
  ) {
    this.#slots = profile.neighbours === "one" ? SLOTS_OF_TWO : SLOTS_OF_MANY;
  }

  /** Resolves when `speaker`'s transmission of `airtimeMs` is over. */
  async occupy(speaker: string, airtimeMs: number, signal: AbortSignal): Promise<Occupation> {
    if (this.profile.duplex === "full") {
      if (airtimeMs > 0) await sleep(this.clock, airtimeMs, signal);
      return signal.aborted ? "aborted" : "carried";
    }
    const free = await this.#untilFree(speaker, signal);
    if (free !== "free") return free;
    const transmission = this.#begin(speaker, airtimeMs);
    await sleep(this.clock, transmission.endMs - transmission.startMs, signal);
    this.#transmissions = this.#transmissions.filter((other) => other !== transmission);
    if (signal.aborted) return "aborted";
    return transmission.collided ? "collided" : "carried";
  }

  async #untilFree(speaker: string, signal: AbortSignal): Promise<"free" | "busy" | "aborted"> {
    for (let attempt = 0; attempt < MEMORY_LIMITS.carrierAttemptsMax; attempt++) {
      if (signal.aborted) return "aborted";
      const waitMs = this.#waitMs(speaker, this.clock.monotonicMs());
      if (waitMs === 0) return "free";
      await sleep(this.clock, waitMs, signal);
    }
    return "busy";
  }

  /** Who spoke last lets all slots pass first; who waits for others draws one of them. */
  #waitMs(speaker: string, nowMs: number): number {
    const { turnaroundMs, lossy } = this.profile;
    // Where nothing is lost somebody arranges the turns: a transmission is known from its begin.
    const unheardMs = lossy ? turnaroundMs : 0;
    const heard = this.#transmissions.filter(
      (other) => other.speaker !== speaker && other.startMs + unheardMs <= nowMs,
    );
    const slotMs = Math.max(1, turnaroundMs);
    if (heard.length > 0) {
      const endMs = Math.max(...heard.map((other) => other.endMs));
      return Math.max(0, endMs - nowMs) + uniformBelow(this.rng, this.#slots) * slotMs;
    }
    if (this.#last?.speaker !== speaker) return 0;
    return Math.max(0, this.#last.endMs + this.#slots * slotMs - nowMs);
  }

  #begin(speaker: string, airtimeMs: number): Transmission {
    const startMs = this.clock.monotonicMs();
    const endMs = startMs + this.profile.turnaroundMs + airtimeMs;
    const transmission = { speaker, startMs, endMs, collided: this.#transmissions.length > 0 };
    for (const other of this.#transmissions) other.collided = true;
    this.#transmissions.push(transmission);
    this.#last = { speaker, endMs };
    return transmission;
  }
}

/** Slots of one turnaround after the channel became free; our choice: with two stations two slots leave collisions
 *  only to an idle channel, with many the chance of a tie stays small. */
const SLOTS_OF_TWO = 2;
const SLOTS_OF_MANY = 8;
