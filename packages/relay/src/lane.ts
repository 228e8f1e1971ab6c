import type { Bearer, SendResult } from "@estafette/contract";
import type { Core } from "./core.js";
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
  readonly #unsent = new Map<Session, Uint8Array>();
  #woken = false;
  #pausedUntilMs = 0;
  #cancelPause: (() => void) | null = null;
  #contactOpenUntilMs = 0;
  #stopped = false;

  constructor(readonly host: LaneHost) {
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

  /** The link went down or came up: what was on its way to the channel is gone. */
  reset(): void {
    this.#unsent.clear();
    this.#contactOpenUntilMs = 0;
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPause?.();
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
    for (let sent = 0; sent < 32; sent++) {
      if (this.#stopped || session.isOver || this.#isPaused()) return;
      const bytes = this.#unsent.get(session) ?? session.nextParcel();
      if (!bytes) return;
      this.#unsent.set(session, bytes);
      if (!(await this.#inContact(session))) return;
      const result = await this.host.bearer.send({ to: session.neighbour, bytes }, this.host.signal);
      this.#after(session, result);
      session.process();
    }
    this.#woken = true; // more may follow: others first, then again
  }

  #after(session: Session, result: SendResult): void {
    if (result.outcome === "deferred") {
      this.#pause(result.retryAfterMs);
      return;
    }
    this.#unsent.delete(session);
    if (result.outcome === "refused") session.close(`the bearer refuses: ${result.why}`);
  }

  /** Dialled links: a contact is opened when there is something to send, and paid for once. */
  async #inContact(session: Session): Promise<boolean> {
    const { bearer } = this.host;
    if (bearer.capabilities.contact === "always" || this.#nowMs() < this.#contactOpenUntilMs) return true;
    const maxMs = 600_000;
    const contact = await bearer.contact({ to: session.neighbour, purpose: "send", maxMs }, this.host.signal);
    if (contact.outcome === "open") {
      this.#contactOpenUntilMs = this.#nowMs() + maxMs;
      return true;
    }
    if (contact.outcome === "deferred") this.#pause(contact.retryAfterMs);
    else session.close("nobody answers at this address");
    return false;
  }

  #isPaused(): boolean {
    return this.#nowMs() < this.#pausedUntilMs;
  }

  #pause(delayMs: number): void {
    this.#contactOpenUntilMs = 0;
    const waitMs = Math.max(delayMs, 10);
    this.#pausedUntilMs = this.#nowMs() + waitMs;
    this.#cancelPause?.();
    this.#cancelPause = this.host.core.clock.timer(waitMs, () => this.wake());
  }

  #nowMs(): number {
    return this.host.core.clock.monotonicMs();
  }
}
