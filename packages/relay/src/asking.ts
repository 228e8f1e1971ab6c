import { toHex } from "@estafette/protocol";
import type { EnvelopeRecord } from "@estafette/spool";
import { BoundedSet } from "./core.js";
import { LIMITS } from "./limits.js";

/**
 * Whether a neighbour is asked before an envelope is sent (header-only probe, E16). Asking costs some bytes and an
 * answer's time; it saves the envelope where the neighbour has it already, or a part of it. Own envelopes that were
 * never begun are nowhere else, so nothing can be saved.
 */
export class Asking {
  readonly #begun = new BoundedSet(LIMITS.begunRememberedMax);
  /** How often each neighbour had a relayed envelope already, as a moving average; by address in hex. */
  readonly #duplicates = new Map<string, number>();

  /** `startedAtMs`: spool time of this start; what was kept before may have been begun before. */
  constructor(readonly startedAtMs: number) {}

  /** Also remembers that it is begun now. */
  isWorthIt(record: EnvelopeRecord, neighbour: string): boolean {
    const id = toHex(record.id);
    const begun = this.#begun.has(id) || record.keptAtMs < this.startedAtMs;
    this.#begun.add(id);
    if (record.from === null && !begun) return false;
    const chance = begun ? LIMITS.begunHeldChance : this.#chanceAt(neighbour);
    return chance * record.payloadBytes > LIMITS.probeBytes;
  }

  /** What the neighbour answered to a relayed envelope. */
  answered(neighbour: string, hadIt: boolean): void {
    const before = this.#chanceAt(neighbour);
    const [oldest] = this.#duplicates.keys();
    if (this.#duplicates.size >= LIMITS.contextPeersMax && oldest !== undefined)
      this.#duplicates.delete(oldest);
    this.#duplicates.set(neighbour, before + ((hadIt ? 1 : 0) - before) * LIMITS.duplicateChanceGain);
  }

  #chanceAt(neighbour: string): number {
    return this.#duplicates.get(neighbour) ?? LIMITS.duplicateChanceFirst;
  }
}
