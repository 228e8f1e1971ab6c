import type { BearerHost, ByteLink } from "@estafette/contract";
import type { FromRadio } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";
import { StreamReader } from "./stream-reader.js";

/** What came of waiting: the message, or why there is none. */
export type Answer = FromRadio | "silent" | "gone";

/** Somebody waits for a message. */
export interface Waiting {
  readonly answer: Promise<Answer>;
  /** Ends the waiting with "silent". */
  readonly cancel: () => void;
}

interface Waiter {
  readonly matches: (message: FromRadio) => boolean;
  readonly settle: (answer: Answer) => void;
}

/** One opening of the port to a radio: messages in, frames out, and who waits for which answer. */
export class RadioSession {
  readonly #waiters = new Set<Waiter>();
  readonly #reader: StreamReader;
  #cancelPatience = (): void => {};
  #isOver = false;
  /** Why we closed it ourselves, or "". */
  closedBecause = "";

  constructor(
    private readonly link: ByteLink,
    private readonly host: Pick<BearerHost, "clock" | "log">,
  ) {
    this.#reader = new StreamReader((line) => host.log("debug", "the radio says", { line }));
  }

  /** Calls `onMessage` with each message, one after the other, until the link ends. Rejects when it breaks. */
  async read(onMessage: (message: FromRadio) => Promise<void>): Promise<void> {
    const take = async (messages: readonly FromRadio[]): Promise<void> => {
      for (const message of messages) {
        await onMessage(message);
        for (const waiter of [...this.#waiters]) if (waiter.matches(message)) waiter.settle(message);
      }
    };
    try {
      for await (const bytes of this.link.readable) {
        this.#cancelPatience();
        await take(this.#reader.push(bytes));
        if (this.#reader.isWaiting) this.#expectMore(take);
      }
    } finally {
      this.#end();
    }
  }

  /** A header without the rest of its message was text or noise; frames may lie behind it. */
  #expectMore(take: (messages: readonly FromRadio[]) => Promise<void>): void {
    this.#cancelPatience = this.host.clock.timer(MESHTASTIC_LIMITS.incompleteMsMax, () => {
      take(this.#reader.giveUpWaiting()).then(
        () => {
          if (this.#reader.isWaiting && !this.#isOver) this.#expectMore(take);
        },
        () => this.close("a message could not be taken"),
      );
    });
  }

  /** False: the link is gone. */
  async write(frame: Uint8Array): Promise<boolean> {
    try {
      await this.link.write(frame);
      return true;
    } catch {
      return false;
    }
  }

  /** The next message that matches, or "silent" after `withinMs`. */
  expect(matches: (message: FromRadio) => boolean, withinMs: number): Waiting {
    let cancel = (): void => {};
    const answer = new Promise<Answer>((resolve) => {
      if (this.#isOver) return resolve("gone");
      const settle = (came: Answer): void => {
        stop();
        this.#waiters.delete(waiter);
        resolve(came);
      };
      const waiter: Waiter = { matches, settle };
      const stop = this.host.clock.timer(withinMs, () => settle("silent"));
      cancel = () => settle("silent");
      this.#waiters.add(waiter);
    });
    return { answer, cancel: () => cancel() };
  }

  close(why: string): void {
    if (!this.#isOver && this.closedBecause === "") this.closedBecause = why;
    this.link.close();
    this.#end();
  }

  counters(): ReturnType<StreamReader["counters"]> {
    return this.#reader.counters();
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelPatience();
    for (const waiter of [...this.#waiters]) waiter.settle("gone");
  }
}
