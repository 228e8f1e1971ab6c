import { createHash, type Hash } from "node:crypto";
import { InvariantError, invariant } from "@estafette/contract";
import { type Chance, createChance } from "./chance.js";
import { LIMITS } from "./limits.js";
import { EventQueue, type QueuedEvent } from "./queue.js";

/** Captured once: the only real scheduling in a world. It lets every promise chain run to rest between two events. */
const afterMicrotasks = setImmediate;

/** What a run leaves for a person to read. */
export interface KernelLog {
  readonly lines: readonly string[];
  readonly droppedCount: number;
}

/**
 * Virtual time. One queue of events ordered by (time, order of scheduling); between two events everything that was
 * promised runs to rest; a running SHA-256 over "<ms> <label>" is the digest of the run. All times are whole
 * milliseconds since the world began.
 */
export class Kernel {
  readonly chance: Chance;
  readonly #queue = new EventQueue();
  readonly #hash: Hash = createHash("sha256");
  readonly #lines: string[] = [];
  readonly #keepLog: boolean;
  #droppedCount = 0;
  #nowMs = 0;
  #order = 0;
  #eventsRun = 0;
  #eventsAtInstant = 0;
  /** Called with what an event threw; the world decides whether that is a violation. */
  onThrown: (error: unknown, label: string) => void = (error) => {
    throw error;
  };

  constructor(seed: string, options: { readonly keepLog?: boolean } = {}) {
    this.chance = createChance(seed);
    this.#keepLog = options.keepLog ?? false;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get eventsRun(): number {
    return this.#eventsRun;
  }

  get eventsWaiting(): number {
    return this.#queue.waitingCount;
  }

  /** Schedules `action`; a fraction of a millisecond is rounded up, so that nothing happens early. Cancels when called. */
  after(delayMs: number, label: string, action: () => void): () => void {
    invariant(delayMs >= 0 && delayMs <= 2 ** 31 - 1, `delay of "${label}" is ${delayMs} ms`);
    invariant(this.#queue.waitingCount < LIMITS.eventsWaitingMax, "too many events wait");
    const event: QueuedEvent = {
      atMs: Math.ceil(this.#nowMs + delayMs),
      order: this.#order++,
      label,
      action,
      cancelled: false,
      isGone: false,
    };
    this.#queue.push(event);
    return () => this.#queue.cancel(event);
  }

  /** Adds a fact to the digest (and the log): something that happened now. */
  note(label: string): void {
    const line = `${this.#nowMs} ${label}`;
    this.#hash.update(line).update("\n");
    if (!this.#keepLog) return;
    if (this.#lines.length < LIMITS.logLinesMax) this.#lines.push(line);
    else this.#droppedCount++;
  }

  log(): KernelLog {
    return { lines: this.#lines, droppedCount: this.#droppedCount };
  }

  /** SHA-256 so far, in hex. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Lets promise chains run until none of them can go on without a new event. */
  rest(): Promise<void> {
    return new Promise((resolve) => {
      afterMicrotasks(resolve);
    });
  }

  /** Runs every event up to and including `untilMs`, then sets the time to it. */
  async run(untilMs: number): Promise<void> {
    await this.runUntil(() => false, untilMs);
  }

  /** Runs until `done()` holds after an event (true), or the time is `untilMs` (false). */
  async runUntil(done: () => boolean, untilMs: number): Promise<boolean> {
    await this.rest();
    for (;;) {
      if (done()) return true;
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > untilMs) break;
      this.#queue.pop();
      this.#step(next);
      await this.rest();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return done();
  }

  #step(event: QueuedEvent): void {
    this.#eventsAtInstant = event.atMs === this.#nowMs ? this.#eventsAtInstant + 1 : 0;
    this.#nowMs = event.atMs;
    if (this.#eventsAtInstant > LIMITS.eventsPerInstantMax || ++this.#eventsRun > LIMITS.eventsPerRunMax) {
      throw new InvariantError(
        "EST_INVARIANT",
        `the world runs in a circle at ${event.atMs} ms: ${event.label}`,
      );
    }
    this.#hash.update(`${event.atMs} ${event.label}\n`);
    try {
      event.action();
    } catch (error) {
      this.onThrown(error, event.label);
    }
  }
}
