import { SPOOL_LIMITS } from "./limits.js";

/*
 *  round 7      flow a ──quantum──► flow b ──quantum──► flow c ──quantum──►  round 8 …
 *                                   ▲ after
 *  spent        a: 8.1 rounds       b: 6.9 → its turn   c: none yet, counts as 7.0
 */

/** Something that costs bytes when it goes. */
export interface Costly {
  readonly bytes: number;
}

/** What waits, by flow, as an index gives it: each call is a probe. */
export interface FlowSource<T extends Costly> {
  /** The first flow after this one in the order of their bytes; null: there is none. */
  next(after: Uint8Array): Uint8Array | null;
  /** The first of a flow in its own order, at most so many. */
  first(flow: Uint8Array, limit: number): readonly T[];
}

const START: Uint8Array = new Uint8Array(0);

/**
 * Deficit round robin between the flows of one class at one hop (Shreedhar and Varghese 1995), in the form that lets
 * the last one of a turn overdraw and counts that against the next turn. Looking changes nothing that a later look
 * would see otherwise; only {@link charge} does. In memory: after a restart everybody begins level.
 */
export class FairShare {
  private round = 0;
  /** Flows up to here have had their turn in this round. */
  private after = START;
  /** Bytes on a scale on which a round is a quantum, of those that are ahead of the round; in hex, latest last. */
  private readonly spent = new Map<string, number>();

  constructor(private readonly quantumBytes: number = SPOOL_LIMITS.fairQuantumBytes) {}

  get rememberedCount(): number {
    return this.spent.size;
  }

  /** Something of this flow went. */
  charge(flow: Uint8Array, bytes: number): void {
    const name = hex(flow);
    const spent = this.spentBy(name, this.round) + bytes;
    this.spent.delete(name);
    this.spent.set(name, spent);
    if (this.spent.size > SPOOL_LIMITS.flowsRememberedMax) this.forget();
  }

  /**
   * All that waits, in the order in which it is to go. Lazy: costs two probes for each turn that is looked at.
   * @param paid Bytes that count as gone already, for this look only.
   * @param isPart The source holds some of the flows' things only: where the round stands is not decided by it.
   */
  *inOrder<T extends Costly>(
    source: FlowSource<T>,
    { paid, isPart = false }: { paid?: { flow: Uint8Array; bytes: number }; isPart?: boolean } = {},
  ): Generator<T, undefined> {
    const known = new Map<string, Queue<T>>();
    const queueOf = (flow: Uint8Array): Queue<T> => {
      const name = hex(flow);
      const queue = known.get(name) ?? new Queue(source, flow, this.spentBy(name, round));
      if (paid !== undefined && !known.has(name) && hex(paid.flow) === name) queue.spent += paid.bytes;
      known.set(name, queue);
      return queue;
    };
    let { round, after } = this;
    let found = 0;
    for (;;) {
      const isWhole = after.length === 0;
      let nearest = Number.POSITIVE_INFINITY;
      for (let flow = source.next(after); flow !== null; flow = source.next(after)) {
        after = flow;
        const queue = queueOf(flow);
        found += yield* this.turn(queue, round);
        if (queue.head !== null) nearest = Math.min(nearest, this.roundOf(queue.spent));
        if (found > 0 && known.size - found >= SPOOL_LIMITS.flowsPassedOverMax) return;
        if (found === 0 && !isPart) this.after = flow;
      }
      if (isWhole && nearest === Number.POSITIVE_INFINITY) return;
      // Where all are ahead, the rounds in which nobody has a turn are left out.
      round = isWhole ? Math.max(round + 1, nearest) : round + 1;
      after = START;
      if (found === 0 && !isPart) [this.round, this.after] = [round, after];
    }
  }

  /** What a flow may send in this round; returns how many that were. */
  private *turn<T extends Costly>(queue: Queue<T>, round: number): Generator<T, number> {
    let count = 0;
    for (let one = queue.head; one !== null && this.roundOf(queue.spent) <= round; one = queue.head) {
      queue.shift(one);
      count++;
      yield one;
    }
    return count;
  }

  /** Who was away comes back level with the round, without credit for the time. */
  private spentBy(name: string, round: number): number {
    return Math.max(this.spent.get(name) ?? 0, round * this.quantumBytes);
  }

  private roundOf(spent: number): number {
    return Math.floor(spent / this.quantumBytes);
  }

  private forget(): void {
    for (const [name, spent] of this.spent) if (this.roundOf(spent) <= this.round) this.spent.delete(name);
    for (const name of this.spent.keys()) {
      if (this.spent.size <= SPOOL_LIMITS.flowsRememberedMax) return;
      this.spent.delete(name);
    }
  }
}

/** What waits of one flow, read in growing portions. */
class Queue<T extends Costly> {
  private portion: readonly T[] = [];
  private gone = 0;
  private limit = 0;

  constructor(
    private readonly source: FlowSource<T>,
    private readonly flow: Uint8Array,
    public spent: number,
  ) {}

  get head(): T | null {
    if (this.gone === this.portion.length && this.portion.length === this.limit) {
      this.limit = Math.max(SPOOL_LIMITS.flowPortionRows, 2 * this.limit);
      this.portion = this.source.first(this.flow, this.limit);
    }
    return this.portion[this.gone] ?? null;
  }

  shift(one: T): void {
    this.gone++;
    this.spent += one.bytes;
  }
}

function hex(flow: Uint8Array): string {
  return Buffer.from(flow.buffer, flow.byteOffset, flow.byteLength).toString("hex");
}
