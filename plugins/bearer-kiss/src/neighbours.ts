import { type CallSign, formatCallSign } from "./call-sign.js";
import { KISS_LIMITS } from "./limits.js";

/** Stations that can be sent to: those configured, and those heard since the TNC was opened. */
export class Neighbours {
  readonly #configured: ReadonlyMap<string, CallSign>;
  /** The one heard last is the last. */
  readonly #learnt = new Map<string, CallSign>();

  constructor(stations: readonly CallSign[]) {
    this.#configured = new Map(stations.map((station) => [formatCallSign(station), station]));
  }

  get configured(): readonly string[] {
    return [...this.#configured.keys()];
  }

  find(name: string): CallSign | null {
    return this.#configured.get(name) ?? this.#learnt.get(name) ?? null;
  }

  /** Says whether `station` is new, and who had to be forgotten for it. */
  heard(station: CallSign): { readonly isNew: boolean; readonly forgotten: string | null } {
    const name = formatCallSign(station);
    if (this.#configured.has(name)) return { isNew: false, forgotten: null };
    const isNew = !this.#learnt.delete(name);
    this.#learnt.set(name, station);
    const [oldest] = this.#learnt.keys();
    if (this.#learnt.size <= KISS_LIMITS.learntMax || oldest === undefined) return { isNew, forgotten: null };
    this.#learnt.delete(oldest);
    return { isNew, forgotten: oldest };
  }

  forgetLearnt(): void {
    this.#learnt.clear();
  }
}
