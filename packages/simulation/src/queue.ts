/** One thing that will happen. `order` breaks ties, so that a run does not depend on the heap's shape. */
export interface QueuedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly label: string;
  readonly action: () => void;
  cancelled: boolean;
  /** Taken out of the queue. */
  isGone: boolean;
}

function before(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Cancelled events in the heap that are not worth the work to take them out. Our choice. */
const CANCELLED_MIN = 1_000;

/** Binary heap of events, earliest first. Cancelled events stay until their time comes, or until they are the most. */
export class EventQueue {
  #heap: QueuedEvent[] = [];
  #cancelledCount = 0;

  /** Without those that were cancelled. */
  get waitingCount(): number {
    return this.#heap.length - this.#cancelledCount;
  }

  /** Those that were cancelled as well. */
  get heldCount(): number {
    return this.#heap.length;
  }

  /** It will be skipped. An event that was popped already is left alone. */
  cancel(event: QueuedEvent): void {
    if (event.cancelled || event.isGone) return;
    event.cancelled = true;
    this.#cancelledCount++;
    if (this.#cancelledCount < CANCELLED_MIN || this.#cancelledCount < this.#heap.length / 2) return;
    const waiting = this.#heap.filter((one) => !one.cancelled);
    this.#heap = [];
    this.#cancelledCount = 0;
    for (const one of waiting) this.push(one);
  }

  push(event: QueuedEvent): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !before(event, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = event;
  }

  /** The earliest event that was not cancelled, still in the queue; undefined when there is none. */
  peek(): QueuedEvent | undefined {
    while (this.#heap[0]?.cancelled === true) this.#removeFirst();
    return this.#heap[0];
  }

  pop(): QueuedEvent | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const [first] = heap;
    if (first !== undefined) first.isGone = true;
    if (first?.cancelled === true) this.#cancelledCount--;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const useRight = right !== undefined && before(right, left);
      const child = useRight ? right : left;
      if (!before(child, last)) break;
      heap[index] = child;
      index = 2 * index + (useRight ? 2 : 1);
    }
    heap[index] = last;
  }
}
