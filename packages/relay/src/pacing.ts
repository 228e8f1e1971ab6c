import { type Bearer, type ContactResult, OperatingError, type SendResult } from "@estafette/contract";
import {
  type BudgetCost,
  type BudgetLease,
  type BudgetSnapshot,
  ContactWindows,
  LinkBudget,
  type LinkBudgetLimits,
} from "@estafette/router";
import type { BudgetStatus, LinkBudgetSettings, PauseReason } from "./api.js";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";

const DAY_MS = 86_400_000;

/** 0: now. Else how long nothing goes out, and why. */
type PaceAnswer = { readonly waitMs: 0 } | { readonly waitMs: number; readonly why: PauseReason };

/** What was taken out of the budget for one parcel or contact, until it is known what became of it. */
export interface Taken {
  readonly id: number;
  readonly cost: BudgetCost;
  readonly atMs: number;
}

const ALL_CONFIGURED: LinkBudgetSettings = {
  drainBytesPerS: null,
  airtimeMsPerDayMax: null,
  credits: null,
  urgentShare: 0,
  windows: [],
};

/**
 * When one link may be used: its budget of drain rate, airtime and credits, and its contact windows. What was used is
 * kept in the store, and stored before it is used. Budgets run on the time of the spool, which goes on over restarts
 * and never faster than real time; windows on the wall clock, as far as it may be believed.
 */
export class Pacing {
  readonly #budget: LinkBudget;
  readonly #windows: ContactWindows | null;
  readonly #settings: LinkBudgetSettings;
  readonly #stateName: string;
  #restored: Promise<void> | null = null;
  /** The largest parcel seen: what the next one may cost. 0: none yet. */
  #largestBytes = 0;
  #pause: { readonly why: PauseReason; readonly untilMs: number } | null = null;

  /** The bearer's own hourly airtime counts as well; it stays the last gate where it changes later. */
  constructor(
    readonly core: Core,
    readonly link: string,
    readonly bearer: Bearer,
    settings: LinkBudgetSettings = ALL_CONFIGURED,
  ) {
    this.#settings = settings;
    this.#stateName = `budget/${link}`;
    this.#windows = settings.windows.length > 0 ? new ContactWindows(settings.windows) : null;
    this.#budget = new LinkBudget(limitsOf(settings, bearer.capabilities.airtimeMsPerHourMax));
  }

  get isUnlimited(): boolean {
    return this.#windows === null && this.#budget.isUnlimited;
  }

  /** The most this neighbour wants to be sent, in bytes per second; null: as much as we like. */
  setPeerDrain(neighbour: string, bytesPerS: number | null): void {
    this.#budget.peerDrainBytesPerS(neighbour, bytesPerS);
  }

  /** Resolves when what was used before the last start is known. */
  ready(): Promise<void> {
    if (!this.#budget.isMetered) return Promise.resolve();
    this.#restored ??= this.#restore().catch((error: unknown) => {
      this.#restored = null;
      throw error;
    });
    return this.#restored;
  }

  async #restore(): Promise<void> {
    const bytes = await this.core.spool.getState(this.#stateName);
    if (bytes) this.#budget.restore(JSON.parse(new TextDecoder().decode(bytes)), this.#nowMs());
  }

  /** Bytes of the next parcel, as far as parcels before it tell. */
  get expectedBytes(): number {
    return Math.min(this.#largestBytes || LIMITS.firstParcelBytes, this.bearer.capabilities.parcelBytesMax);
  }

  /** Whether a parcel of this length may go now; `dials`: it needs a contact first. */
  ask(
    neighbour: string,
    byteCount: number,
    how: { readonly dials: boolean; readonly urgent: boolean },
  ): PaceAnswer {
    const cost = this.#parcelCost(byteCount);
    const contact = how.dials ? this.#contactCost().credits : 0;
    const question = { ...cost, credits: cost.credits + contact, neighbour, urgent: how.urgent };
    const answer = this.#budget.waitMs(question, this.#nowMs());
    const closedMs = this.#closedMs(cost.airtimeMs);
    return closedMs > answer.waitMs ? { waitMs: closedMs, why: "window" } : answer;
  }

  /** Milliseconds until a window is open that leaves time for this transmission; 0: now. */
  #closedMs(airtimeMs: number): number {
    if (!this.#windows) return 0;
    if (this.core.clock.trust() === "untrusted") return this.#settings.attended ? LIMITS.clockAskedMs : 0;
    const nowUnixMs = this.core.clock.unixMs();
    let next = this.#windows.nextWindow(nowUnixMs);
    if (next && next.opensAtMs <= nowUnixMs) {
      if (nowUnixMs + airtimeMs <= next.closesAtMs) return 0;
      next = this.#windows.nextWindow(next.closesAtMs);
    }
    return next ? Math.max(1, Math.ceil(next.opensAtMs - nowUnixMs)) : LIMITS.timerMsMax;
  }

  /** What was answered last, for people. Long pauses are told once. */
  note(answer: PaceAnswer): void {
    const before = this.#pause;
    if (!("why" in answer)) {
      this.#pause = null;
      return;
    }
    const { why, waitMs } = answer;
    this.#pause = { why, untilMs: this.#nowMs() + waitMs };
    if (before?.why === why || waitMs < LIMITS.pauseToldMsMin) return;
    this.core.emit({ type: "paused", link: this.link, why, waitMs });
  }

  takeParcel(neighbour: string, byteCount: number): Promise<Taken> {
    this.#largestBytes = Math.max(this.#largestBytes, byteCount);
    return this.#take(neighbour, this.#parcelCost(byteCount));
  }

  takeContact(neighbour: string): Promise<Taken> {
    return this.#take(neighbour, this.#contactCost());
  }

  async #take(neighbour: string, cost: BudgetCost): Promise<Taken> {
    await this.ready();
    const lease = this.#budget.leaseFor(cost);
    if (lease && (await this.#isStored(lease))) this.#budget.grant(lease);
    const atMs = this.#nowMs();
    return { id: this.#budget.reserve({ ...cost, neighbour }, atMs), cost, atMs };
  }

  /** A full store is no reason to be silent: only what is sent makes room. Until then a crash would forget the use. */
  async #isStored(lease: BudgetLease): Promise<boolean> {
    try {
      await this.#store(this.#budget.snapshot(this.#nowMs(), lease));
      return true;
    } catch (error) {
      if (error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FULL") return false;
      throw error;
    }
  }

  /** What became of the parcel; null: the bearer broke. What may have been on the air has been. */
  settleParcel({ id, cost, atMs }: Taken, result: SendResult | null): void {
    const tookMs = this.#nowMs() - atMs;
    if (result !== null && wasNotSent(result, tookMs < cost.airtimeMs)) this.#budget.refund(id);
    else this.#budget.commit(id, this.#nowMs());
  }

  /** Where the bearer knows the price it says what was paid; else it is what the owner says. */
  settleContact({ id }: Taken, result: ContactResult | null): void {
    if (result !== null && result.outcome !== "open") {
      this.#budget.refund(id);
      return;
    }
    const knowsPrice = this.bearer.capabilities.cost.perContact > 0;
    const paid = result !== null && knowsPrice ? { credits: result.paid } : {};
    this.#budget.commit(id, this.#nowMs(), paid);
  }

  /** An orderly end: nothing is counted that was not used. */
  async stop(): Promise<void> {
    if (this.#restored === null) return;
    await this.#restored;
    await this.#store(this.#budget.snapshot(this.#nowMs()));
  }

  status(): BudgetStatus {
    const nowMs = this.#nowMs();
    const pause = this.#pause && this.#pause.untilMs > nowMs ? this.#pause : null;
    return {
      drainBytesPerS: this.#settings.drainBytesPerS,
      urgentShare: this.#settings.urgentShare,
      limits: this.#budget.status(nowMs),
      window: this.#windowStatus(),
      pause: pause && { why: pause.why, waitMs: pause.untilMs - nowMs },
    };
  }

  /** Milliseconds until the next contact window; 0: open, or always open. */
  get opensInMs(): number {
    return this.#closedMs(0);
  }

  /** As configured; what is 0 there is as the bearer says. */
  get prices(): { readonly perContact: number; readonly perByte: number } {
    const { credits } = this.#settings;
    const { cost } = this.bearer.capabilities;
    if (!credits) return cost;
    const { perContact, perKilobyte } = credits;
    return { perContact: perContact || cost.perContact, perByte: perKilobyte / 1_000 || cost.perByte };
  }

  #windowStatus(): BudgetStatus["window"] {
    if (!this.#windows) return "always";
    if (this.core.clock.trust() === "untrusted") return this.#settings.attended ? "closed" : "not-enforced";
    return this.#windows.isOpen(this.core.clock.unixMs()) ? "open" : "closed";
  }

  #parcelCost(byteCount: number): BudgetCost {
    if (this.isUnlimited) return { bytes: byteCount, airtimeMs: 0, credits: 0 };
    const { perByte } = this.prices;
    const airtimeMs = Math.ceil(this.bearer.airtimeMs(byteCount));
    return { bytes: byteCount, airtimeMs, credits: perByte * byteCount };
  }

  #contactCost(): BudgetCost {
    return { bytes: 0, airtimeMs: 0, credits: this.prices.perContact };
  }

  async #store(snapshot: BudgetSnapshot): Promise<void> {
    await this.core.spool.putState(this.#stateName, new TextEncoder().encode(JSON.stringify(snapshot)));
  }

  #nowMs(): number {
    return this.core.spool.nowMs();
  }
}

function limitsOf(settings: LinkBudgetSettings, airtimeMsPerHourMax: number | null): LinkBudgetLimits {
  const { drainBytesPerS, urgentShare, airtimeMsPerDayMax, credits } = settings;
  const limit = (windowMs: number, max: number | null | undefined) =>
    max === null || max === undefined ? [] : [{ windowMs, max }];
  return {
    drainBytesPerS,
    urgentShare,
    airtimeMs: [...limit(3_600_000, airtimeMsPerHourMax), ...limit(DAY_MS, airtimeMsPerDayMax)],
    credits: [...limit(DAY_MS, credits?.perDay), ...limit(30 * DAY_MS, credits?.perMonth)],
  };
}

/** A channel that says "nobody there" after the time of the whole parcel has sent it. */
function wasNotSent(result: SendResult, wasQuick: boolean): boolean {
  if (result.outcome === "refused") return true;
  if (result.outcome !== "deferred") return false;
  return result.why === "busy" || result.why === "budget" || (result.why === "no-contact" && wasQuick);
}
