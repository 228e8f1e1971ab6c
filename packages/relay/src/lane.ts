import type { Bearer, SendResult } from "@estafette/contract";
import type { LinkBudgetSettings } from "./api.js";
import { isFat } from "./channel.js";
import { Contacts } from "./contacts.js";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";
import { Pacing } from "./pacing.js";
import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  from,
  type Observable,
  of,
  repeat,
  Subject,
  type Subscription,
} from "./rx.js";
import type { Session } from "./session.js";

/** What a lane sees of its link. */
export interface LaneHost {
  readonly core: Core;
  readonly name: string;
  readonly bearer: Bearer;
  readonly budget?: LinkBudgetSettings | undefined;
  /** Neighbours with a conversation, in turn. */
  sessions(): readonly Session[];
  /** Whether a flash or priority message waits for this neighbour's word. */
  isUrgent(session: Session): Promise<boolean>;
  readonly signal: AbortSignal;
}

/** A parcel the channel has not taken yet, and until when not to ask it again for this neighbour. */
interface Waiting {
  readonly bytes: Uint8Array | null;
  readonly pausedUntilMs: number;
}

/**
 * One lane per link, one visible pipeline:
 *
 *   wake ─► pace (budget, contact window) ─► pick (ready ids become offers) ─► probe (the conversation asks, and
 *   answers) ─► send (the bearer says when the channel is free) ─► settle (events of the session, after their commit)
 *
 * The stream carries wake-ups and sessions, never envelopes. exhaustMap drops wake-ups during a sweep, therefore
 * a sweep looks once more before it ends; the spool is the buffer.
 */
export class Lane {
  readonly #wakeUps = new Subject<void>();
  readonly #subscription: Subscription;
  readonly #contacts: Contacts;
  readonly pacing: Pacing;
  readonly #waiting = new Map<Session, Waiting>();
  #woken = false;
  /** Who sent last: the others come first in the next sweep. */
  #lastServed: Session | null = null;
  /** The channel itself may not be used before: its airtime budget is spent. */
  #pausedUntilMs = 0;
  #alarm: { readonly atMs: number; readonly cancel: () => void } | null = null;
  #stopped = false;

  constructor(readonly host: LaneHost) {
    this.pacing = new Pacing(host.core, host.name, host.bearer, host.budget);
    this.#contacts = new Contacts(host.core, host.bearer, this.pacing, host.signal);
    this.#subscription = this.#pipeline().subscribe();
  }

  #pipeline(): Observable<unknown> {
    return this.#wakeUps.pipe(
      exhaustMap(() =>
        defer(() => from(this.#sessionsInTurn())).pipe(
          concatMap((session) => this.#pick(session)),
          concatMap((session) => this.#send(session)),
          repeat({ delay: () => (this.#woken && !this.#stopped ? of(true) : EMPTY) }),
          catchError((error: unknown) => {
            this.host.core.fail(error, `lane ${this.host.name}`);
            this.#wakeAt(this.#nowMs() + LIMITS.brokenPauseMs); // wake-ups may have been dropped meanwhile
            return EMPTY;
          }),
        ),
      ),
    );
  }

  wake(): void {
    this.#woken = true;
    if (!this.#stopped) this.#wakeUps.next();
  }

  /** The session is over: what it had for the channel is void. */
  forget(session: Session): void {
    this.#waiting.delete(session);
    this.setPeerDrain(session, null);
    if (this.#lastServed === session) this.#lastServed = null;
    this.wake();
  }

  /** The neighbour's advertised drain rate, for this conversation; null: none. */
  setPeerDrain(session: Session, bytesPerS: number | null): void {
    this.pacing.setPeerDrain(session.neighbour, bytesPerS);
  }

  heard(neighbour: string): void {
    this.#contacts.heard(neighbour);
  }

  contactEnded(neighbour: string): void {
    this.#contacts.ended(neighbour);
    this.wake();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm?.cancel();
    this.#subscription.unsubscribe();
    await this.pacing.stop().catch((error: unknown) => this.host.core.fail(error, `lane ${this.host.name}`));
  }

  #sessionsInTurn(): readonly Session[] {
    this.#woken = false;
    const sessions = this.host.sessions().filter((s) => !s.isOver);
    const after = this.#lastServed ? sessions.indexOf(this.#lastServed) + 1 : 0;
    return [...sessions.slice(after), ...sessions.slice(0, after)];
  }

  async #pick(session: Session): Promise<Session> {
    // What would have to wait is not even composed: later there may be more to join, or something more urgent.
    if ((await this.#pace(session, this.pacing.expectedBytes)) !== "wait") await session.pick();
    return session;
  }

  /** Puts on the channel what the conversation finds most urgent, one parcel at a time, until it has nothing. */
  async #send(session: Session): Promise<void> {
    // On a slow link every parcel is decided anew: what became urgent meanwhile waits for one, not for a turn.
    const parcelsMax = isFat(this.host.bearer) ? LIMITS.parcelsInTurnMax : 1;
    for (let sent = 0; sent < parcelsMax; sent++) {
      if (this.#isPaused(session)) return;
      const bytes = await this.#nextParcel(session);
      if (bytes === "later") return;
      if (!bytes) return await this.#collect(session);
      if (!(await this.#put(session, bytes))) return;
      session.process();
    }
    this.#woken = true; // more may follow: others first, then again
  }

  /** Built when it may go, so that what is most urgent is decided at the last moment. */
  async #nextParcel(session: Session): Promise<Uint8Array | "later" | null> {
    const built = this.#waiting.get(session)?.bytes ?? null;
    const expectedBytes = built?.length ?? this.pacing.expectedBytes;
    const mayGo = await this.#pace(session, expectedBytes);
    if (mayGo === "wait" || this.#stopped || session.isOver) return "later";
    // One that was built is numbered already: nothing can go before it, so it goes for the urgent.
    const bytes = built ?? session.nextParcel(mayGo);
    if (!bytes) return mayGo === "bulk" ? null : "later";
    this.#waiting.set(session, { bytes, pausedUntilMs: 0 });
    // Larger than any before it.
    if (bytes.length > expectedBytes && (await this.#pace(session, bytes.length)) === "wait") return "later";
    return bytes;
  }

  /**
   * The least urgent class the link's budget and window let go in a parcel of this length now. What may not go, for
   * the lack of budget or because the rest of it is kept for the urgent, has the lane woken when it may.
   */
  async #pace(session: Session, byteCount: number): Promise<"bulk" | "priority" | "wait"> {
    const { pacing } = this;
    if (pacing.isUnlimited) return "bulk";
    await pacing.ready();
    const dials = !this.#contacts.isOpen(session);
    const ask = (urgent: boolean) => pacing.ask(session.neighbour, byteCount, { dials, urgent });
    const answer = ask(false);
    const { waitMs } = answer;
    pacing.note(answer);
    if (waitMs === 0) return "bulk";
    this.#wakeAt(this.#nowMs() + waitMs);
    const urgentWaitMs = ask(true).waitMs;
    if (urgentWaitMs >= waitMs || !(await this.host.isUrgent(session))) return "wait";
    if (urgentWaitMs === 0) return "priority";
    this.#wakeAt(this.#nowMs() + urgentWaitMs);
    return "wait";
  }

  /** False when the parcel waits, or can never go. A bearer that breaks is opened again by its link. */
  async #put(session: Session, bytes: Uint8Array): Promise<boolean> {
    try {
      if (!(await this.#inContact(session))) return false;
      this.#after(session, await this.#spend(session, bytes));
      return true;
    } catch (error) {
      this.host.core.log("warn", "the bearer broke while sending", {
        link: this.host.name,
        why: String(error),
      });
      this.#pause(session, LIMITS.brokenPauseMs);
      return false;
    }
  }

  /** Taken out of the budget before it goes; what is sent twice costs twice. */
  async #spend({ neighbour }: Session, bytes: Uint8Array): Promise<SendResult> {
    const taken = await this.pacing.takeParcel(neighbour, bytes.length);
    let result: SendResult | null = null;
    try {
      result = await this.host.bearer.send({ to: neighbour, bytes }, this.host.signal);
      return result;
    } finally {
      this.pacing.settleParcel(taken, result);
    }
  }

  #after(session: Session, result: SendResult): void {
    if (result.outcome === "deferred") {
      if (result.why === "no-contact") this.#contacts.ended(session.neighbour);
      if (result.why === "budget") this.#pauseAll(result.retryAfterMs);
      else this.#pause(session, result.retryAfterMs);
      return;
    }
    this.#waiting.delete(session);
    this.#lastServed = session;
    this.#contacts.sent(session);
    if (result.outcome === "refused") session.close(`the bearer refuses: ${result.why}`);
  }

  async #inContact(session: Session): Promise<boolean> {
    return this.#contacts.isOpen(session) || (await this.#dial(session, "send"));
  }

  async #dial(session: Session, purpose: "send" | "collect"): Promise<boolean> {
    const contact = await this.#contacts.dial(session, purpose);
    if (contact.outcome === "deferred") this.#pause(session, contact.retryAfterMs);
    else if (contact.outcome === "refused") session.close("nobody answers at this address");
    return contact.outcome === "open";
  }

  /** Nothing to say: perhaps it is time to see what waits for us. What is collected comes as events of the link. */
  async #collect(session: Session): Promise<void> {
    const atMs = this.#contacts.collectAtMs(session);
    if (atMs === null) return;
    if (this.#nowMs() < atMs) return this.#wakeAt(atMs);
    try {
      await this.#dial(session, "collect");
    } catch (error) {
      this.host.core.log("warn", "the bearer broke while dialling", {
        link: this.host.name,
        why: String(error),
      });
      this.#pause(session, LIMITS.brokenPauseMs);
    }
    this.#woken = true;
  }

  #isPaused(session: Session): boolean {
    return this.#nowMs() < Math.max(this.#pausedUntilMs, this.#waiting.get(session)?.pausedUntilMs ?? 0);
  }

  /** Only this neighbour cannot be reached now: the others are not kept waiting. */
  #pause(session: Session, delayMs: number): void {
    const pausedUntilMs = this.#nowMs() + Math.max(delayMs, LIMITS.pauseMsMin);
    const bytes = this.#waiting.get(session)?.bytes ?? null;
    if (!session.isOver) this.#waiting.set(session, { bytes, pausedUntilMs });
    this.#wakeAt(pausedUntilMs);
  }

  #pauseAll(delayMs: number): void {
    this.#pausedUntilMs = this.#nowMs() + Math.max(delayMs, LIMITS.pauseMsMin);
    this.#wakeAt(this.#pausedUntilMs);
  }

  /** One alarm, for the earliest time anything is due; each sweep sets the later ones again. */
  #wakeAt(atMs: number): void {
    if (this.#stopped || (this.#alarm && this.#alarm.atMs <= atMs)) return;
    this.#alarm?.cancel();
    const delayMs = Math.min(Math.max(atMs - this.#nowMs(), 1), LIMITS.timerMsMax);
    const cancel = this.host.core.clock.timer(delayMs, () => {
      this.#alarm = null;
      for (const { pausedUntilMs } of this.#waiting.values())
        if (pausedUntilMs > this.#nowMs()) this.#wakeAt(pausedUntilMs);
      if (this.#pausedUntilMs > this.#nowMs()) this.#wakeAt(this.#pausedUntilMs);
      this.wake();
    });
    this.#alarm = { atMs, cancel };
  }

  #nowMs(): number {
    return this.host.core.clock.monotonicMs();
  }
}
