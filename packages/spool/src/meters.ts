import { invariant } from "@estafette/contract";
import type { EndState, SpoolStats } from "./records.js";

const METERS = [
  "waitingFlash",
  "waitingPriority",
  "waitingNormal",
  "waitingBulk",
  "waitingBytes",
  "partialBytes",
  "partials",
  "deliveriesPending",
  "delivered",
  "forwarded",
  "expired",
  "refused",
  "deleted",
  "fileBytes",
  "messageHistory",
  "deliveryHistory",
  "seenRows",
  "stateNames",
] as const satisfies readonly (string | EndState)[];

type Meter = (typeof METERS)[number];
export type Readings = Readonly<Record<Meter, number>>;

const WAITING = ["waitingFlash", "waitingPriority", "waitingNormal", "waitingBulk"] as const;

/** Deliveries carry no class of their own; they are counted as normal. */
export const DELIVERY_RANK = 2;

/** Counts that would cost a scan to know. Kept in memory, written with each commit, taken back on a rollback. */
export class Meters {
  private values: Record<Meter, number>;

  /** @param stored the JSON written last, or "{}" for a new store. */
  constructor(stored: string) {
    const parsed = JSON.parse(stored) as Partial<Record<Meter, number>>;
    this.values = Object.fromEntries(METERS.map((name) => [name, parsed[name] ?? 0])) as Record<
      Meter,
      number
    >;
  }

  add(name: Meter, difference: number): void {
    this.values[name] += difference;
    invariant(this.values[name] >= 0, `the meter ${name} never falls below zero`);
  }

  /** Something began (`sign` 1) or stopped (−1) waiting. */
  waiting(rank: number, bytes: number, sign: 1 | -1): void {
    const name = WAITING[rank];
    invariant(name !== undefined, "a class rank is 0, 1, 2 or 3");
    this.add(name, sign);
    this.add("waitingBytes", sign * bytes);
  }

  get(name: Meter): number {
    return this.values[name];
  }

  readings(): Readings {
    return { ...this.values };
  }

  restore(readings: Readings): void {
    this.values = { ...readings };
  }

  stats(fill: number): SpoolStats {
    const v = this.values;
    return {
      waitingCount: [v.waitingFlash, v.waitingPriority, v.waitingNormal, v.waitingBulk],
      waitingBytes: v.waitingBytes,
      partialBytes: v.partialBytes,
      deliveriesPending: v.deliveriesPending,
      fill,
      ended: {
        delivered: v.delivered,
        forwarded: v.forwarded,
        expired: v.expired,
        refused: v.refused,
        deleted: v.deleted,
      },
    };
  }
}
