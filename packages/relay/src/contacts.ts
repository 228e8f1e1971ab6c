import type { Bearer, ContactRequest, ContactResult } from "@estafette/contract";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";
import type { Pacing } from "./pacing.js";
import type { Session } from "./session.js";

/** What is remembered of the visits to one neighbour; all times on the monotonic clock, in milliseconds. */
interface Visits {
  openUntilMs: number;
  /** The last contact, or the last parcel that went out in it. */
  lastMs: number;
  /** Visits since anything was heard. */
  inVain: number;
}

/**
 * Dialled links: when a contact is opened, and why. To send: when there is something to send, and paid for once. To
 * collect: an answer's time after something was sent, twice that each time nothing came; else every few hours.
 */
export class Contacts {
  readonly #visits = new Map<string, Visits>();

  constructor(
    readonly core: Core,
    readonly bearer: Bearer,
    readonly pacing: Pacing,
    readonly signal: AbortSignal,
  ) {}

  get isDialled(): boolean {
    return this.bearer.capabilities.contact === "dialled";
  }

  isOpen(session: Session): boolean {
    return !this.isDialled || this.#nowMs() < this.#of(session).openUntilMs;
  }

  /**
   * When the next collecting visit is due, on the monotonic clock in milliseconds; null: this link is not dialled. Not
   * before an open contact has ended: during it what waits comes by itself.
   */
  collectAtMs(session: Session): number | null {
    if (!this.isDialled) return null;
    const { lastMs, inVain, openUntilMs } = this.#of(session);
    const { answerMs } = this.bearer.capabilities;
    const patienceMs = Math.max(LIMITS.firstCollectMs, answerMs) * 2 ** Math.min(inVain, 16);
    const waitMs = session.isAwaiting ? Math.min(patienceMs, LIMITS.collectEveryMs) : LIMITS.collectEveryMs;
    return Math.max(lastMs + waitMs, openUntilMs);
  }

  async dial(session: Session, purpose: "send" | "collect"): Promise<ContactResult> {
    const maxMs = LIMITS.contactMsMax;
    const result = await this.#pay({ to: session.neighbour, purpose, maxMs });
    const visits = this.#of(session);
    if (result.outcome === "open") {
      visits.openUntilMs = this.#nowMs() + maxMs;
      visits.inVain = purpose === "send" ? 0 : visits.inVain + 1;
    }
    // A visit that did not come about is not tried again before the next one is due; sending has its own pause.
    if (result.outcome === "open" || purpose === "collect") visits.lastMs = this.#nowMs();
    return result;
  }

  /** Reserved before the call; paid when it is answered, or when nobody knows. */
  async #pay(request: ContactRequest): Promise<ContactResult> {
    const taken = await this.pacing.takeContact(request.to);
    let result: ContactResult | null = null;
    try {
      result = await this.bearer.contact(request, this.signal);
      return result;
    } finally {
      this.pacing.settleContact(taken, result);
    }
  }

  sent(session: Session): void {
    if (this.isDialled) this.#of(session).lastMs = this.#nowMs();
  }

  heard(neighbour: string): void {
    const visits = this.#visits.get(neighbour);
    if (visits) visits.inVain = 0;
  }

  /** The contact is over: the bearer says so, or takes no more. */
  ended(neighbour: string): void {
    const visits = this.#visits.get(neighbour);
    if (visits) visits.openUntilMs = 0;
  }

  #of({ neighbour }: Session): Visits {
    const known = this.#visits.get(neighbour);
    if (known) return known;
    const [oldest] = this.#visits.keys();
    if (this.#visits.size >= LIMITS.sessionsPerLinkMax && oldest !== undefined) this.#visits.delete(oldest);
    const lastMs = this.#nowMs() + LIMITS.firstCollectMs - LIMITS.collectEveryMs;
    const fresh = { openUntilMs: 0, lastMs, inVain: 0 };
    this.#visits.set(neighbour, fresh);
    return fresh;
  }

  #nowMs(): number {
    return this.core.clock.monotonicMs();
  }
}
