import { SPOOL_LIMITS } from "./limits.js";

const RANKS = [0, 1, 2, 3] as const;

/**
 * Classes of one hop: the most urgent goes first, but after {@link SPOOL_LIMITS.agingLegs} − 1 legs of a class one of
 * the next lower class that waits has its turn. What is urgent waits for one leg at most.
 */
export class Aging {
  /** Legs of each class that went since one of a lower class did. */
  private readonly since: number[] = RANKS.map(() => 0);

  served(rank: number): void {
    count(this.since, rank);
  }

  /** @param classes What waits in each class, in its own order. */
  *inOrder<T>(classes: readonly Iterator<T, undefined>[]): Generator<T, undefined> {
    const since = [...this.since];
    const heads = classes.map((one) => new Head(one));
    for (;;) {
      const rank = nextRank(heads, since, 0);
      const one = rank === null ? undefined : heads[rank]?.shift();
      if (rank === null || one === undefined) return;
      count(since, rank);
      yield one;
    }
  }
}

function count(since: number[], rank: number): void {
  since[rank] = Math.min((since[rank] ?? 0) + 1, SPOOL_LIMITS.agingLegs - 1);
  since.fill(0, 0, rank);
}

/** The class whose turn it is, among those from `from` on; null when nothing waits. */
function nextRank(heads: readonly Head<unknown>[], since: readonly number[], from: number): number | null {
  const rank = heads.findIndex((head, index) => index >= from && head.isThere);
  if (rank < 0) return null;
  const isOverdue = (since[rank] ?? 0) >= SPOOL_LIMITS.agingLegs - 1;
  return (isOverdue ? nextRank(heads, since, rank + 1) : null) ?? rank;
}

/** The next of an iterator, looked at before it is taken. */
class Head<T> {
  private ahead: IteratorResult<T, undefined> | null = null;

  constructor(private readonly rest: Iterator<T, undefined>) {}

  get isThere(): boolean {
    this.ahead ??= this.rest.next();
    return this.ahead.done !== true;
  }

  shift(): T | undefined {
    if (!this.isThere) return undefined;
    const one = this.ahead?.value;
    this.ahead = null;
    return one;
  }
}
