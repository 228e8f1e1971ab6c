import type { BearerHost, ByteLink } from "@estafette/contract";
import { type Expectation, Expectations } from "@estafette/framing";
import type { FromRadio } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";
import { StreamReader } from "./stream-reader.js";

/** One opening of the port to a radio: messages in, frames out, and who waits for which answer. */
export class RadioSession {
  readonly #expectations: Expectations<FromRadio>;
  readonly #reader: StreamReader;
  #cancelPatience = (): void => {};
  #isOver = false;
  /** Why we closed it ourselves, or "". */
  closedBecause = "";

  constructor(
    private readonly link: ByteLink,
    private readonly host: Pick<BearerHost, "clock" | "log">,
  ) {
    this.#expectations = new Expectations(host.clock);
    this.#reader = new StreamReader((line) => host.log("debug", "the radio says", { line }));
  }

  /** Calls `onMessage` with each message, one after the other, until the link ends. Rejects when it breaks. */
  async read(onMessage: (message: FromRadio) => Promise<void>): Promise<void> {
    const take = async (messages: readonly FromRadio[]): Promise<void> => {
      for (const message of messages) {
        await onMessage(message);
        this.#expectations.offer(message);
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
  expect(matches: (message: FromRadio) => boolean, withinMs: number): Expectation<FromRadio> {
    return this.#expectations.expect(matches, withinMs);
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
    this.#expectations.end();
  }
}
