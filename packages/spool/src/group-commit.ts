import { type Clock, invariant, ProtocolError } from "@estafette/contract";
import { diskFault, diskFull, diskTrouble } from "./files.js";
import { SPOOL_LIMITS } from "./limits.js";
import { PowerCut } from "./power-cut.js";
import type { Transaction } from "./transaction.js";

/** One change somebody asked for. */
export interface Change {
  /** Runs inside its own savepoint, perhaps again when the whole transaction was lost. */
  readonly run: () => unknown;
  /** Bytes this adds to the store; 0 for what settles, replaces or removes. Such changes work on a full store. */
  readonly growsBytes: number;
  /** Asked inside the transaction, where what it replaces is known: what it really adds, at most `growsBytes`. */
  readonly added?: () => number;
}

interface Call extends Change {
  readonly isLazy: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Look {
  /** How many calls must have been committed or refused before this one may be answered. */
  readonly after: number;
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins changes that arrive together into one commit, in order. A look at the store waits for changes
 * asked for before it, so that everyone reads what they wrote.
 *
 *   change ─┐                                  ┌─► resolve each
 *   change ─┼─ queue ─ timer(0) ─ transaction ─┤
 *   look  ──┘                                  └─► look
 */
export class GroupCommit {
  private queue: Call[] = [];
  private looks: Look[] = [];
  private queuedBytes = 0;
  /** Calls ever queued, the number of the last one that somebody waits for, and calls answered. */
  private queuedCount = 0;
  private lastEager = 0;
  private answeredCount = 0;
  private cancelTimer: (() => void) | null = null;
  private timerIsLazy = false;
  private fault: Error | null = null;
  private isAbandoned = false;
  /** Of the last commit: when it ended, how long it took, how many changes it joined. */
  private lastEndMs = 0;
  private lastTookMs = 0;
  private lastGroupCount = 0;
  private lazyTrouble: unknown = null;

  constructor(
    private readonly clock: Clock,
    private readonly transaction: Transaction,
    private readonly settings: { readonly messagesMax: number; readonly delayMs: number },
    /** Called once when the store stops for good after an I/O error. */
    private readonly onFault: (error: Error) => void,
    private readonly onPowerCut: () => void,
  ) {}

  /** Resolves with what `run` returned, after the commit. */
  change<T>(change: Change & { readonly run: () => T }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isAbandoned) return;
      if (this.fault !== null) reject(this.fault);
      else this.enqueue({ ...change, isLazy: false, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Resolves at once; committed within {@link SPOOL_LIMITS.lazyDelayMs}, or with the next change. */
  lazyChange(change: Change): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.isAbandoned) return;
      const trouble = this.fault ?? this.takeLazyTrouble();
      if (trouble !== null) return reject(trouble);
      const noteTrouble = (error: unknown): void => {
        // The caller went on; the next one hears that the disk is full. What was wrong with this range alone
        // shows in the ranges that are held.
        if (!(error instanceof ProtocolError)) this.lazyTrouble = error;
      };
      this.enqueue({ ...change, isLazy: true, resolve: () => {}, reject: noteTrouble });
      resolve();
    });
  }

  /** Why a lazily committed change did not happen, told once; null when all did. */
  takeLazyTrouble(): unknown {
    const trouble = this.lazyTrouble;
    this.lazyTrouble = null;
    return trouble;
  }

  /** Upkeep that nobody waits for. An error of ours in it is rejected to nobody, so it must not have one. */
  background(run: () => void): void {
    if (this.isAbandoned || this.fault !== null) return;
    this.enqueue({ run, growsBytes: 0, isLazy: false, resolve: () => {}, reject: () => {} });
  }

  /** @param seesLazy whether lazily committed changes matter for the answer. */
  look<T>(run: () => T, seesLazy = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isAbandoned) return;
      if (this.fault !== null) return reject(this.fault);
      const after = seesLazy ? this.queuedCount : this.lastEager;
      const look = { after, run, resolve: resolve as (value: unknown) => void, reject };
      if (after <= this.answeredCount) return this.answer(look);
      this.looks.push(look);
      this.schedule(false);
    });
  }

  /** Commits everything asked for so far, now. */
  drain(): void {
    while ((this.queue.length > 0 || this.looks.length > 0) && this.fault === null && !this.isAbandoned) {
      this.turn();
    }
  }

  /** Nothing queued happens, nobody waiting hears again: what a power cut does. */
  abandon(): void {
    this.isAbandoned = true;
    this.stopTimer();
    this.queue = [];
    this.looks = [];
  }

  /** Refuses everything from now on. */
  fail(error: unknown): void {
    if (this.fault !== null || this.isAbandoned) return;
    this.fault = error instanceof Error ? error : diskFault("the store failed", error);
    this.stopTimer();
    const waiting = [...this.queue, ...this.looks];
    this.queue = [];
    this.looks = [];
    for (const one of waiting) one.reject(this.fault);
  }

  /** Changes asked for so far. */
  get changesAsked(): number {
    return this.queuedCount;
  }

  get hasFailed(): boolean {
    return this.fault !== null;
  }

  private enqueue(call: Call): void {
    this.queue.push(call);
    this.queuedBytes += call.growsBytes;
    this.queuedCount++;
    if (!call.isLazy) this.lastEager = this.queuedCount;
    const { queuedCallsMax, queuedBytesMax, lazyBytesMax, lazyCallsMax } = SPOOL_LIMITS;
    if (this.queue.length >= queuedCallsMax || this.queuedBytes >= queuedBytesMax) {
      this.drain();
    } else {
      const lazyIsFull = this.queue.length >= lazyCallsMax || this.queuedBytes >= lazyBytesMax;
      this.schedule(call.isLazy && !lazyIsFull);
    }
  }

  private schedule(isLazy: boolean): void {
    if (this.cancelTimer !== null && (isLazy || !this.timerIsLazy)) return;
    this.stopTimer();
    this.timerIsLazy = isLazy;
    const delayMs = isLazy ? SPOOL_LIMITS.lazyDelayMs : Math.max(this.settings.delayMs, this.restMs());
    this.cancelTimer = this.clock.timer(delayMs, () => {
      this.cancelTimer = null;
      this.turn();
    });
  }

  /**
   * Milliseconds until the next commit is worth its flush. Where several changes came together more are on their
   * way, and on a slow disk they had better share one: the disk rests half as long as it worked.
   */
  private restMs(): number {
    if (this.lastGroupCount < 2) return 0;
    const restEndsMs = this.lastEndMs + Math.min(this.lastTookMs / 2, SPOOL_LIMITS.groupRestMsMax);
    return Math.max(0, Math.ceil(restEndsMs - this.clock.monotonicMs()));
  }

  private stopTimer(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  private turn(): void {
    if (this.isAbandoned || this.fault !== null) return;
    this.stopTimer();
    const group = this.takeGroup();
    try {
      if (group.length > 0) this.commit(group);
    } catch (error) {
      this.stop(error, group);
      return;
    }
    this.answeredCount += group.length;
    const answerable = this.looks.filter((look) => look.after <= this.answeredCount);
    this.looks = this.looks.filter((look) => look.after > this.answeredCount);
    for (const look of answerable) this.answer(look);
    if (this.looks.length > 0 || this.queue.some((call) => !call.isLazy)) this.schedule(false);
    else if (this.queue.length > 0) this.schedule(true);
  }

  private takeGroup(): Call[] {
    let count = 0;
    let bytes = 0;
    for (const call of this.queue) {
      const isFull = count >= this.settings.messagesMax || bytes >= SPOOL_LIMITS.groupBytesMax;
      if (isFull && !call.isLazy) break;
      if (count >= this.settings.messagesMax + SPOOL_LIMITS.lazyCallsMax) break;
      bytes += call.growsBytes;
      count++;
    }
    const group = this.queue.splice(0, count);
    this.queuedBytes -= bytes;
    return group;
  }

  private commit(group: readonly Call[]): void {
    const startMs = this.clock.monotonicMs();
    const outcomes = this.transaction.commit(group);
    this.lastEndMs = this.clock.monotonicMs();
    this.lastTookMs = this.lastEndMs - startMs;
    this.lastGroupCount = group.length;
    invariant(outcomes.length === group.length, "a transaction answers each change");
    for (const [index, call] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome?.done) call.resolve(outcome.value);
      else call.reject(outcome?.error);
    }
    this.transaction.trim();
  }

  /** An I/O error, or our own code is wrong in a way a savepoint cannot undo: nothing more is written. */
  private stop(error: unknown, group: readonly Call[]): void {
    if (error instanceof PowerCut) {
      this.abandon();
      this.onPowerCut();
      return;
    }
    const fault = diskFault("the spool stopped after an I/O error; restart the gateway", error);
    this.fail(fault);
    for (const call of group) call.reject(fault);
    this.onFault(fault);
  }

  private answer(look: Look): void {
    try {
      look.resolve(look.run());
    } catch (error) {
      const trouble = diskTrouble(error);
      if (trouble === "fault") this.stop(error, []);
      look.reject(trouble === null ? error : (this.fault ?? diskFull(error)));
    }
  }
}
