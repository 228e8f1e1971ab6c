import { Aging } from "./aging.js";
import { FairShare } from "./fair-share.js";
import { SPOOL_LIMITS } from "./limits.js";

/** Whose turn it is at one hop: between the classes, and between the flows of each. */
export interface Turns {
  readonly aging: Aging;
  /** By class rank. */
  readonly shares: readonly FairShare[];
}

/** The turns of every hop something went to lately. */
export class HopTurns {
  private readonly byHop = new Map<string, Turns>();

  at(link: string, neighbour: Uint8Array): Turns {
    const hop = `${Buffer.from(neighbour).toString("hex")} ${link}`;
    const known = this.byHop.get(hop) ?? {
      aging: new Aging(),
      shares: [0, 1, 2, 3].map(() => new FairShare()),
    };
    this.byHop.delete(hop);
    this.byHop.set(hop, known);
    const [oldest] = this.byHop.keys();
    if (this.byHop.size > SPOOL_LIMITS.hopsRememberedMax && oldest !== undefined) this.byHop.delete(oldest);
    return known;
  }
}
