import type { Bearer, SendResult } from "@estafette/contract";
import { isFat } from "./channel.js";
import { Contacts } from "./contacts.js";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";
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
  /** Neighbours with a conversation, in turn. */
  sessions(): readonly Session[];
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
 *   wake ─► pick (ready ids become offers) ─► probe (the conversation asks, and answers) ─► pace (the bearer says
 *   when the channel is free) ─► send ─► settle (events of the session, after their commit)
 *
 * The stream carries wake-ups and sessions, never envelopes. exhaustMap drops wake-ups during a sweep, therefore
 * a sweep looks once more before it ends; the spool is the buffer.
 */
export class Lane {
  readonly #wakeUps = new Subject<void>();
  readonly #subscription: Subscription;
  readonly #contacts: Contacts;
  readonly #waiting = new Map<Session, Waiting>();
  #woken = false;
  /** The channel itself may not be used before: its airtime budget is spent. */
  #pausedUntilMs = 0;
  #alarm: { readonly atMs: number; readonly cancel: () => void } | null = null;
  #stopped = false;

  constructor(readonly host: LaneHost) {
    this.#contacts = new Contacts(host.core, host.bearer, host.signal);
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
    this.wake();
  }

  heard(neighbour: string): void {
    this.#contacts.heard(neighbour);
  }

  contactEnded(neighbour: string): void {
    this.#contacts.ended(neighbour);
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#alarm?.cancel();
    this.#subscription.unsubscribe();
  }

  #sessionsInTurn(): readonly Session[] {
    this.#woken = false;
    return this.host.sessions().filter((s) => !s.isOver);
  }

  async #pick(session: Session): Promise<Session> {
    await session.pick();
    return session;
  }

  /** Puts on the channel what the conversation finds most urgent, one parcel at a time, until it has nothing. */
  async #send(session: Session): Promise<void> {
    // On a slow link every parcel is decided anew: what became urgent meanwhile waits for one, not for a turn.
    const parcelsMax = isFat(this.host.bearer) ? LIMITS.parcelsInTurnMax : 1;
    for (let sent = 0; sent < parcelsMax; sent++) {
      if (this.#stopped || session.isOver || this.#isPaused(session)) return;
      const bytes = this.#waiting.get(session)?.bytes ?? session.nextParcel();
      if (!bytes) return await this.#collect(session);
      this.#waiting.set(session, { bytes, pausedUntilMs: 0 });
      if (!(await this.#put(session, bytes))) return;
      session.process();
    }
    this.#woken = true; // more may follow: others first, then again
  }

  /** False when the parcel waits, or can never go. A bearer that breaks is opened again by its link. */
  async #put(session: Session, bytes: Uint8Array): Promise<boolean> {
    try {
      if (!(await this.#inContact(session, "send"))) return false;
      this.#after(session, await this.host.bearer.send({ to: session.neighbour, bytes }, this.host.signal));
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

  #after(session: Session, result: SendResult): void {
    if (result.outcome === "deferred") {
      if (result.why === "no-contact") this.#contacts.ended(session.neighbour);
      if (result.why === "budget") this.#pauseAll(result.retryAfterMs);
      else this.#pause(session, result.retryAfterMs);
      return;
    }
    this.#waiting.delete(session);
    this.#contacts.sent(session);
    if (result.outcome === "refused") session.close(`the bearer refuses: ${result.why}`);
  }

  async #inContact(session: Session, purpose: "send" | "collect"): Promise<boolean> {
    if (this.#contacts.isOpen(session)) return true;
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
      await this.#inContact(session, "collect");
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
