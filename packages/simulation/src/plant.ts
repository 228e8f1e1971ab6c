import type { Bearer, Bridge, Clock } from "@estafette/contract";
import type { Relay } from "@estafette/relay";
import type { Spool } from "@estafette/spool";

/** Where a planted wrapper sits. */
export interface PlantPlace {
  readonly node: string;
  /** 1 for the first life of the node. */
  readonly life: number;
  readonly clock: Clock;
}

/**
 * A deliberate mistake at a seam of a gateway, to prove that a checker would see it. The code of production stays as
 * it is; every member wraps what the honest world would have used.
 */
export interface Plant {
  readonly name: string;
  clock?(clock: Clock, node: string): Clock;
  spool?(spool: Spool, place: PlantPlace): Spool;
  relay?(relay: Relay): Relay;
  bearer?(bearer: Bearer): Bearer;
  bridge?(bridge: Bridge, clock: Clock): Bridge;
}

/** No mistake at all. */
export const HONEST: Plant = { name: "honest" };
