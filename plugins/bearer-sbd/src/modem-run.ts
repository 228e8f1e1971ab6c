import { type BearerEvent, type BearerHost, type ByteLink, sleep } from "@estafette/contract";
import { Feed } from "@estafette/framing";
import type { ModemConfig } from "./config-modem.js";
import type { CreditAccount } from "./credits.js";
import { SBD_LIMITS } from "./limits.js";
import { Modem, type Unsolicited } from "./modem.js";
import type { Received, ReceivedMessages } from "./received.js";
import type { RetryTable } from "./retry.js";
import { meaningOf, type SessionResult } from "./session-result.js";

/** What outlives one opening of the port. */
export interface ModemBooks {
  readonly account: CreditAccount;
  readonly retry: RetryTable;
  readonly received: ReceivedMessages;
}

/** How a session went. */
export type Exchanged = "taken" | "failed" | "closed";

/**
 * The modem while its port is open: sessions one at a time, what came down handed on, rings answered.
 *
 *   load (SBDWB) ─► session (SBDIX) ─► clear outgoing (SBDD0) ─► read (SBDRB) ─► heard ─► verdict ─► clear incoming (SBDD1)
 */
export class ModemRun {
  readonly feed = new Feed<BearerEvent>(SBD_LIMITS.eventsMax);
  readonly #modem: Modem;
  readonly #over = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #lastSessionMs = Number.NEGATIVE_INFINITY;
  #collecting = false;
  #moreWaits = false;
  isReady = false;

  constructor(
    link: ByteLink,
    private readonly config: ModemConfig,
    private readonly host: BearerHost,
    private readonly books: ModemBooks,
  ) {
    this.#modem = new Modem(link, host.clock, (what) => this.#on(what));
  }

  /** Reads the port until it closes; the feed ends with it. */
  async serve(): Promise<void> {
    try {
      void this.#begin().catch((error: unknown) => {
        this.feed.fail(error);
        this.#modem.close();
      });
      await this.#modem.run();
      this.feed.end();
    } catch (error) {
      this.feed.fail(error);
    } finally {
      this.close();
    }
  }

  close(): void {
    this.isReady = false;
    this.#over.abort();
    this.#modem.close();
    this.books.received.release();
    this.feed.end();
  }

  async #begin(): Promise<void> {
    await this.#exclusive(async () => {
      await this.#modem.begin();
      if (this.#modem.closed) return;
      this.isReady = true;
      this.feed.offer({ type: "up", neighbour: "" });
      // Left from before a restart: what has no final verdict, here and in the modem.
      for (const received of this.books.received.all) this.#offer(received);
      await this.#fetch();
    });
  }

  /** One after the other: a modem does one thing at a time. */
  #exclusive<Value>(act: () => Promise<Value>): Promise<Value> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** One session, in its turn, with a parcel or to see what waits. The wait it asks for is in the retry table. */
  exchange(parcel: Uint8Array | null): Promise<Exchanged> {
    return this.#exclusive(() => this.#exchange(parcel, false));
  }

  async #exchange(parcel: Uint8Array | null, answersRing: boolean): Promise<Exchanged> {
    await this.#verdict();
    await this.#pause();
    if (this.#modem.closed) return "closed";
    // The outgoing buffer survives a session: without this an old message would go, and be billed, again.
    const isPrepared = parcel ? await this.#modem.load(parcel) : await this.#modem.clear("outgoing");
    if (!isPrepared) return this.#isGone ? "closed" : this.#failed("the modem does not take our message", 0);
    const result = await this.#modem.session(answersRing);
    this.#lastSessionMs = this.host.clock.monotonicMs();
    if (parcel) await this.#modem.clear("outgoing");
    const outcome = this.#judge(result, parcel?.length ?? 0);
    // An unknown outcome may have brought something too: the incoming buffer tells.
    if (result?.mtStatus === 1) this.books.received.inModem = null; // overwritten
    if (!result || result.mtStatus === 1) {
      const received = await this.#fetch();
      if (received && !result) this.books.account.session(0, received.bytes.length);
    }
    if (outcome === "taken") {
      this.#moreWaits = (result?.mtQueued ?? 0) > 0;
      if (this.#moreWaits) this.#collect();
    }
    return outcome;
  }

  #judge(result: SessionResult | null, upBytes: number): Exchanged {
    const { account, retry } = this.books;
    if (result && meaningOf(result.moStatus).fate === "taken") {
      retry.reset();
      account.session(upBytes, result.mtStatus === 1 ? result.mtBytes : 0);
      return "taken";
    }
    const meaning = result ? meaningOf(result.moStatus) : null;
    // What the gateway may have taken it may bill.
    if (upBytes > 0 && meaning?.fate !== "not-sent") account.session(upBytes, 0);
    if (!result && this.#isGone) return "closed";
    const say = meaning?.say ?? "the modem gave no answer to a session";
    return this.#failed(say, meaning?.fatal ? SBD_LIMITS.fatalRetryMs : (meaning?.atLeastMs ?? 0));
  }

  #failed(why: string, atLeastMs: number): "failed" {
    const waitMs = this.books.retry.failed(atLeastMs);
    this.host.log(atLeastMs >= SBD_LIMITS.fatalRetryMs ? "warn" : "debug", why, { waitMs });
    return "failed";
  }

  /** Takes the message out of the modem; it stays there as well until it is settled. */
  async #fetch(): Promise<Received | null> {
    const bytes = await this.#modem.read();
    const received = bytes && bytes.length > 0 ? this.books.received.add(bytes) : null;
    if (received) this.#offer(received);
    return received;
  }

  #offer({ parcelId, bytes }: Received): void {
    void this.feed.put({ type: "heard", parcelId, from: "", bytes });
  }

  /** Before the next session overwrites the modem's copy, its verdict is waited for, but not for ever. */
  async #verdict(): Promise<void> {
    const { received } = this.books;
    if (received.inModem === null) return;
    const enough = new AbortController();
    const limit = sleep(
      this.host.clock,
      SBD_LIMITS.verdictMsMax,
      AbortSignal.any([enough.signal, this.#over.signal]),
    );
    await Promise.race([received.verdictOnModems(), limit]);
    enough.abort();
    await this.#clearIncoming();
  }

  async settle(parcelId: string, final: boolean): Promise<void> {
    const { received } = this.books;
    received.answered(parcelId, final);
    if (final) {
      await this.#exclusive(() => this.#clearIncoming());
      return;
    }
    void sleep(this.host.clock, SBD_LIMITS.laterMs, this.#over.signal).then(() => {
      const held = received.get(parcelId);
      if (held && !this.#isGone) this.#offer(held);
    });
  }

  async #clearIncoming(): Promise<void> {
    const { received } = this.books;
    if (received.inModem === null || received.get(received.inModem)) return;
    received.inModem = null;
    await this.#modem.clear("incoming");
  }

  /** The modem's capacitor recharges between sessions. */
  async #pause(): Promise<void> {
    const restMs = this.#lastSessionMs + this.config.sessionGapMs - this.host.clock.monotonicMs();
    if (restMs > 0) await sleep(this.host.clock, restMs, this.#over.signal);
  }

  /** Something waits ashore. One message comes with each session, so that it takes as many; a session that carries a
   *  parcel of ours may be one of them. */
  #collect(): void {
    this.#moreWaits = true;
    if (this.#collecting) return;
    this.#collecting = true;
    void this.#drain().finally(() => {
      this.#collecting = false;
    });
  }

  async #drain(): Promise<void> {
    for (let session = 0; session < SBD_LIMITS.drainSessionsMax && this.#moreWaits; session++) {
      await sleep(this.host.clock, this.books.retry.waitMs, this.#over.signal);
      if (this.#isGone) return;
      await this.#exclusive(async () => {
        if (this.#moreWaits && !this.#isGone) await this.#exchange(null, session === 0);
      });
    }
  }

  #on(what: Unsolicited): void {
    if (!this.isReady) return;
    if (what === "ring") {
      if (this.config.ring === "answer") this.#collect();
    } else if (what === "service") {
      this.books.retry.reset();
      this.feed.offer({ type: "up", neighbour: "" });
    } else this.feed.offer({ type: "down", neighbour: "", why: "no satellite in view" });
  }

  get #isGone(): boolean {
    return this.#over.signal.aborted || this.#modem.closed;
  }
}
