import { type BearerHost, type ByteLink, sleep } from "@estafette/contract";
import { type Expectation, Expectations } from "@estafette/framing";
import type { LoraDriver, Module, ModuleEvent } from "./driver.js";
import { LORA_LIMITS } from "./limits.js";

/** One opening of the port to a board. */
export class ModuleSession implements Module {
  readonly #expectations: Expectations<ModuleEvent>;
  readonly #closing = new AbortController();
  /** Why we closed it ourselves, or "". */
  closedBecause = "";

  constructor(
    private readonly link: ByteLink,
    private readonly driver: LoraDriver,
    private readonly host: Pick<BearerHost, "clock">,
  ) {
    this.#expectations = new Expectations(host.clock);
  }

  get isOver(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Calls `onEvent` with each event, one after the other, until the link ends. Rejects when it breaks. */
  async read(onEvent: (event: ModuleEvent) => Promise<void>): Promise<void> {
    let reader = this.driver.reader();
    let lastMs = this.host.clock.monotonicMs();
    try {
      for await (const bytes of this.link.readable) {
        const nowMs = this.host.clock.monotonicMs();
        // A board says a frame in one go: what a pause cut is not whole, and must not end with the next one's start.
        if (nowMs - lastMs > LORA_LIMITS.incompleteMsMax) reader = this.driver.reader();
        lastMs = nowMs;
        for (const event of reader.push(bytes)) {
          await onEvent(event);
          this.#expectations.offer(event);
        }
      }
    } finally {
      this.#end();
    }
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      await this.link.write(bytes);
      return true;
    } catch {
      return false;
    }
  }

  expect(matches: (event: ModuleEvent) => boolean, withinMs: number): Expectation<ModuleEvent> {
    return this.#expectations.expect(matches, withinMs);
  }

  /** Ends early when the session does. */
  pause(durationMs: number): Promise<void> {
    return sleep(this.host.clock, durationMs, this.#closing.signal);
  }

  close(why: string): void {
    if (!this.isOver && this.closedBecause === "") this.closedBecause = why;
    this.link.close();
    this.#end();
  }

  #end(): void {
    this.#closing.abort();
    this.#expectations.end();
  }
}
