import { type Clock, invariant } from "@estafette/contract";
import { FRAMING_LIMITS } from "./limits.js";

/** What came of waiting. `silent`: nothing that matched in time; `gone`: nobody will speak any more. */
export type Answer<Message> = Message | "silent" | "gone";

/** Somebody waits for a message. */
export interface Expectation<Message> {
  readonly answer: Promise<Answer<Message>>;
  /** Ends the waiting with "silent". */
  readonly cancel: () => void;
}

interface Waiter<Message> {
  readonly matches: (message: Message) => boolean;
  readonly settle: (answer: Answer<Message>) => void;
}

/** Who waits for which message of a device. A message may answer several. */
export class Expectations<Message extends object> {
  readonly #waiters = new Set<Waiter<Message>>();
  #isOver = false;

  constructor(private readonly clock: Pick<Clock, "timer">) {}

  expect(matches: (message: Message) => boolean, withinMs: number): Expectation<Message> {
    invariant(this.#waiters.size < FRAMING_LIMITS.expectationsMax, "too many wait for one device");
    let cancel = (): void => {};
    const answer = new Promise<Answer<Message>>((resolve) => {
      if (this.#isOver) return resolve("gone");
      const settle = (came: Answer<Message>): void => {
        stop();
        this.#waiters.delete(waiter);
        resolve(came);
      };
      const waiter = { matches, settle };
      const stop = this.clock.timer(withinMs, () => settle("silent"));
      cancel = () => settle("silent");
      this.#waiters.add(waiter);
    });
    return { answer, cancel: () => cancel() };
  }

  offer(message: Message): void {
    for (const waiter of [...this.#waiters]) if (waiter.matches(message)) waiter.settle(message);
  }

  /** The device is gone: everybody is told, and whoever asks later. */
  end(): void {
    this.#isOver = true;
    for (const waiter of [...this.#waiters]) waiter.settle("gone");
  }
}

/** The answer, or that `signal` ended the waiting; the waiting is over either way. */
export function unlessAborted<Message>(
  expectation: Expectation<Message>,
  signal: AbortSignal,
): Promise<Answer<Message> | "aborted"> {
  return new Promise((resolve) => {
    const finish = (answer: Answer<Message> | "aborted"): void => {
      signal.removeEventListener("abort", giveUp);
      expectation.cancel();
      resolve(answer);
    };
    const giveUp = (): void => finish("aborted");
    if (signal.aborted) return giveUp();
    signal.addEventListener("abort", giveUp);
    void expectation.answer.then(finish);
  });
}
