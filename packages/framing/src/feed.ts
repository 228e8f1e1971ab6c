import { invariant } from "@estafette/contract";
import { FRAMING_LIMITS } from "./limits.js";

/** A bounded queue between a producer that is called back and a consumer that iterates. Iterate once. */
export class Feed<Item> implements AsyncIterable<Item> {
  readonly #items: Item[] = [];
  readonly #waitingForRoom: (() => void)[] = [];
  #wakeConsumer: (() => void) | null = null;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;

  /** `itemsMax` [1…65 536]: how many items may wait. */
  constructor(private readonly itemsMax: number) {
    invariant(itemsMax >= 1 && itemsMax <= FRAMING_LIMITS.feedItemsMax, "itemsMax is out of range");
  }

  /** How many items wait. */
  get length(): number {
    return this.#items.length;
  }

  /** Adds `item` unless the feed is full or has ended; says whether it did. */
  offer(item: Item): boolean {
    if (this.#ended || this.#items.length >= this.itemsMax) return false;
    this.#items.push(item);
    this.#wake();
    return true;
  }

  /** Adds `item` when there is room; false when the feed ended first. */
  async put(item: Item): Promise<boolean> {
    while (!this.#ended && this.#items.length >= this.itemsMax) {
      await new Promise<void>((resolve) => {
        this.#waitingForRoom.push(resolve);
      });
    }
    return this.offer(item);
  }

  /** What waits is still delivered, then the iteration ends. */
  end(): void {
    this.#ended = true;
    this.#wake();
    for (const wake of this.#waitingForRoom.splice(0)) wake();
  }

  /** What waits is still delivered, then the iteration throws `error`. The first end or failure counts. */
  fail(error: unknown): void {
    if (!this.#ended) this.#failure = { error };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#waitingForRoom.shift()?.();
        yield item;
      } else if (this.#failure) {
        throw this.#failure.error;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeConsumer = resolve;
        });
      }
    }
  }

  #wake(): void {
    this.#wakeConsumer?.();
    this.#wakeConsumer = null;
  }
}
