import { invariant } from "@estafette/contract";
import { type BudgetUse, BudgetWindow } from "./budget-window.js";
import { DrainRate } from "./drain-rate.js";
import { LIMITS } from "./limits.js";

/** The most in any window of this length: milliseconds of airtime, or credits. */
export interface BudgetLimit {
  readonly windowMs: number;
  readonly max: number;
}

export interface LinkBudgetLimits {
  /** Bytes per second we put on the link at most; null: as fast as it takes them. */
  readonly drainBytesPerS: number | null;
  readonly airtimeMs: readonly BudgetLimit[];
  readonly credits: readonly BudgetLimit[];
  /** Share [0…1) of airtime and credits that only what is urgent may use. */
  readonly urgentShare: number;
}

/** What a parcel or a contact uses. */
export interface BudgetCost {
  readonly bytes: number;
  readonly airtimeMs: number;
  readonly credits: number;
}

export interface BudgetQuestion extends BudgetCost {
  /** The bearer's name of the neighbour it goes to. */
  readonly neighbour: string;
  /** Of class flash or priority: may use the whole budget. */
  readonly urgent: boolean;
}

export type BudgetReason = "drain-rate" | "airtime" | "credits";

/** 0: now. Else how long, and what it waits for. */
export type BudgetAnswer = { readonly waitMs: 0 } | { readonly waitMs: number; readonly why: BudgetReason };

export interface BudgetWindowStatus extends BudgetLimit {
  readonly resource: Resource;
  /** In the last window, reservations included. */
  readonly used: number;
}

/** Plain data for a store. What was reserved then counts as used at the restore: never less than was spent. */
export interface BudgetSnapshot {
  readonly windows: readonly {
    readonly resource: Resource;
    readonly windowMs: number;
    readonly uses: readonly BudgetUse[];
  }[];
  readonly unsettled: Pick<BudgetLease, "airtimeMs" | "credits">;
  /** When the bytes of our own drain rate have drained; null: no rate. */
  readonly drainFreeAtMs: number | null;
}

/** What may be used before the store must be told again. */
export interface BudgetLease {
  readonly airtimeMs: number;
  readonly credits: number;
  /** Of the parcel that is about to go; they drain from now on. */
  readonly bytes: number;
}

type Resource = "airtime" | "credits";

interface Reservation extends BudgetCost {
  readonly neighbour: string;
  readonly startMs: number;
}

/** Part of the smallest airtime window stored as used in advance, so that not every parcel is a commit. A crash costs
 *  at most this part. Money is stored to the last credit. */
const LEASED_SHARE = 0.01;
const NO_LEASE: BudgetLease = { airtimeMs: 0, credits: 0, bytes: 0 };

/**
 * What one link may use, and what it has used: drain rate, airtime, credits. Pure: all times come in, in milliseconds
 * on one clock that never steps back and that goes on over restarts.
 */
export class LinkBudget {
  readonly #windows: { readonly resource: Resource; readonly window: BudgetWindow }[];
  readonly #drain: DrainRate | null;
  readonly #peerDrains = new Map<string, DrainRate>();
  readonly #reservations = new Map<number, Reservation>();
  readonly #urgentShare: number;
  #lease = NO_LEASE;
  #lastId = 0;

  constructor(limits: LinkBudgetLimits) {
    this.#drain = limits.drainBytesPerS === null ? null : new DrainRate(limits.drainBytesPerS);
    this.#urgentShare = limits.urgentShare;
    this.#windows = [
      ...limits.airtimeMs.map((one) => windowOf("airtime", one)),
      ...limits.credits.map((one) => windowOf("credits", one)),
    ];
  }

  /** Whether anything has to be stored. */
  get isMetered(): boolean {
    return this.#windows.length > 0 || this.#drain !== null;
  }

  get isUnlimited(): boolean {
    return this.#drain === null && this.#peerDrains.size === 0 && !this.isMetered;
  }

  /** The most this neighbour wants to be sent, in bytes per second; null: no wish. The smaller of the two rates counts. */
  peerDrainBytesPerS(neighbour: string, bytesPerS: number | null): void {
    const known = this.#peerDrains.get(neighbour);
    if (bytesPerS === null) this.#peerDrains.delete(neighbour);
    else if (known) known.bytesPerS = bytesPerS;
    else {
      const [oldest] = this.#peerDrains.keys();
      if (this.#peerDrains.size >= LIMITS.drainingNeighboursMax && oldest !== undefined)
        this.#peerDrains.delete(oldest);
      this.#peerDrains.set(neighbour, new DrainRate(bytesPerS));
    }
  }

  /** The longest of all waits. */
  waitMs(question: BudgetQuestion, nowMs: number): BudgetAnswer {
    const share = question.urgent ? 1 : 1 - this.#urgentShare;
    let longest: BudgetAnswer = { waitMs: 0 };
    const consider = (waitMs: number, why: BudgetReason): void => {
      if (waitMs > longest.waitMs) longest = { waitMs, why };
    };
    for (const drain of [this.#drain, this.#peerDrains.get(question.neighbour)])
      if (drain) consider(drain.waitMs(nowMs), "drain-rate");
    for (const { resource, window } of this.#windows) {
      const amount = amountOf(question, resource);
      const reserved = this.#reserved(resource);
      if (amount > 0) consider(window.waitMs(amount, window.max * share, reserved, nowMs), resource);
    }
    return longest;
  }

  /** Counts from now on; to be settled by {@link commit} or {@link refund}. */
  reserve(cost: BudgetCost & { readonly neighbour: string }, nowMs: number): number {
    invariant(this.#reservations.size < LIMITS.budgetReservationsMax, "reservations are settled");
    const { bytes, airtimeMs, credits, neighbour } = cost;
    this.#reservations.set(++this.#lastId, { bytes, airtimeMs, credits, neighbour, startMs: nowMs });
    this.#lease = {
      airtimeMs: Math.max(0, this.#lease.airtimeMs - airtimeMs),
      credits: Math.max(0, this.#lease.credits - credits),
      bytes: 0,
    };
    return this.#lastId;
  }

  /** It was used; `actual` as far as it differs from what was reserved. */
  commit(id: number, nowMs: number, actual: Partial<BudgetCost> = {}): void {
    const reservation = this.#take(id);
    if (!reservation) return;
    const used = { ...reservation, ...actual };
    // A channel that was busy first: the parcel drains from when it was really on the air.
    const startMs = Math.max(reservation.startMs, nowMs - used.airtimeMs);
    this.#drain?.spend(used.bytes, startMs);
    this.#peerDrains.get(reservation.neighbour)?.spend(used.bytes, startMs);
    const endMs = Math.max(nowMs, Math.floor(reservation.startMs + used.airtimeMs));
    for (const { resource, window } of this.#windows) window.record(amountOf(used, resource), endMs);
  }

  /** It was not used after all. */
  refund(id: number): void {
    this.#take(id);
  }

  #take(id: number): Reservation | null {
    const reservation = this.#reservations.get(id);
    this.#reservations.delete(id);
    return reservation ?? null;
  }

  /** What must be stored as used, by {@link snapshot}, before `cost` may be reserved; null: it is already. */
  leaseFor(cost: BudgetCost): BudgetLease | null {
    if (!this.isMetered) return null;
    const { airtimeMs, credits } = this.#lease;
    const bytes = this.#drain === null ? 0 : cost.bytes;
    const covers = this.#windows.length === 0 || (cost.airtimeMs <= airtimeMs && cost.credits <= credits);
    if (covers && bytes === 0) return null;
    const airtimeMax = this.#windows.filter((w) => w.resource === "airtime").map((w) => w.window.max);
    const ahead = airtimeMax.length > 0 ? LEASED_SHARE * Math.min(...airtimeMax) : 0;
    return { airtimeMs: cost.airtimeMs + ahead, credits: cost.credits, bytes };
  }

  /** The snapshot with this lease is in the store. */
  grant(lease: BudgetLease): void {
    this.#lease = lease;
  }

  snapshot(nowMs: number, lease: BudgetLease = NO_LEASE): BudgetSnapshot {
    return {
      windows: this.#windows.map(({ resource, window }) => ({
        resource,
        windowMs: window.windowMs,
        uses: window.uses(nowMs),
      })),
      unsettled: {
        airtimeMs: lease.airtimeMs + this.#reserved("airtime"),
        credits: lease.credits + this.#reserved("credits"),
      },
      drainFreeAtMs: this.#drain?.freeAfterMs(lease.bytes + this.#reservedBytes(), nowMs) ?? null,
    };
  }

  /** After a restart. Windows that were not metered then begin empty; those that are no more are dropped. */
  restore(snapshot: BudgetSnapshot, nowMs: number): void {
    this.#drain?.holdUntil(snapshot.drainFreeAtMs ?? 0);
    for (const { resource, window } of this.#windows) {
      const kept = snapshot.windows.find((w) => w.resource === resource && w.windowMs === window.windowMs);
      for (const [endMs, amount] of kept?.uses ?? []) window.record(amount, Math.min(endMs, nowMs));
      window.record(snapshot.unsettled[resource === "airtime" ? "airtimeMs" : "credits"], nowMs);
    }
  }

  status(nowMs: number): readonly BudgetWindowStatus[] {
    return this.#windows.map(({ resource, window }) => ({
      resource,
      windowMs: window.windowMs,
      max: window.max,
      used: window.used(nowMs) + this.#reserved(resource),
    }));
  }

  #reservedBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#reservations.values()) sum += bytes;
    return sum;
  }

  #reserved(resource: Resource): number {
    let sum = 0;
    for (const reservation of this.#reservations.values()) sum += amountOf(reservation, resource);
    return sum;
  }
}

function windowOf(resource: Resource, { windowMs, max }: BudgetLimit) {
  return { resource, window: new BudgetWindow(windowMs, max) };
}

function amountOf(cost: BudgetCost, resource: Resource): number {
  return resource === "airtime" ? cost.airtimeMs : cost.credits;
}
