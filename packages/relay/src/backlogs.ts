import { CLASS_RANK, type Leg, type Spool } from "@estafette/spool";
import { LIMITS } from "./limits.js";

/** Bytes by class: flash, priority, normal, bulk. */
export type Backlog = readonly [number, number, number, number];

type Source = Pick<Spool, "nowMs" | "legs" | "message" | "envelope">;

/** How much waits for each slow link. Planning takes the last look; who asks for an estimate has it looked anew. */
export class Backlogs {
  readonly #seen = new Map<string, { readonly backlog: Backlog; readonly atMs: number }>();
  readonly #looking = new Set<string>();

  constructor(
    readonly spool: Source,
    readonly fail: (error: unknown, where: string) => void,
  ) {}

  /** As last seen. One that is old is looked at again, for those who ask later. */
  known(link: string): Backlog {
    const seen = this.#seen.get(link);
    const isFresh = seen && this.spool.nowMs() < seen.atMs + LIMITS.backlogHoldsMs;
    if (!isFresh && !this.#looking.has(link))
      void this.look(link).catch((error: unknown) => this.fail(error, "backlog"));
    return seen?.backlog ?? [0, 0, 0, 0];
  }

  /** As it is now. */
  async look(link: string): Promise<void> {
    this.#looking.add(link);
    try {
      const backlog = await this.#count(link);
      this.#seen.set(link, { backlog, atMs: this.spool.nowMs() });
    } finally {
      this.#looking.delete(link);
    }
  }

  async #count(link: string): Promise<Backlog> {
    const bytes: [number, number, number, number] = [0, 0, 0, 0];
    let afterLegId = 0;
    for (let looked = 0; looked < LIMITS.backlogLegsMax; ) {
      const legs = await this.spool.legs({ link, afterLegId, limit: LIMITS.replanBatch });
      for (const leg of legs) {
        afterLegId = leg.legId;
        bytes[CLASS_RANK[leg.class]] += await this.#bytesOf(leg);
      }
      looked += legs.length;
      if (legs.length < LIMITS.replanBatch) break;
    }
    return bytes;
  }

  async #bytesOf({ what }: Leg): Promise<number> {
    if (what.kind === "note") return what.bytes.length;
    if (what.kind === "message") return (await this.spool.message(what.key))?.bodyBytes ?? 0;
    return (await this.spool.envelope(what.id))?.payloadBytes ?? 0;
  }
}
