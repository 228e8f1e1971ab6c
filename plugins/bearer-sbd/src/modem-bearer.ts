import {
  type Bearer,
  type BearerCapabilities,
  type BearerEvent,
  type BearerHost,
  type ByteLink,
  type ContactRequest,
  type ContactResult,
  OperatingError,
  type Parcel,
  type SendResult,
  type Verdict,
} from "@estafette/contract";
import { LinkRun } from "@estafette/framing";
import type { ModemConfig } from "./config-modem.js";
import { CreditAccount } from "./credits.js";
import { type Exchanged, type ModemBooks, ModemRun } from "./modem-run.js";
import { ReceivedMessages } from "./received.js";
import { RetryTable } from "./retry.js";

/** The ship's end: each contact is one session with one parcel up, and each session brings one down. A run is one opening
 *  of the port: unplugging it gives `down`, then OperatingError EST_OPERATING_PORT_GONE. */
export class ModemBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  readonly #books: ModemBooks;
  #run: ModemRun | null = null;
  #sending = false;
  /** Until when the contact that was opened to send may be used, in monotonic milliseconds. */
  #openUntilMs = 0;
  readonly #life: LinkRun;

  constructor(
    private readonly config: ModemConfig,
    private readonly host: BearerHost,
  ) {
    this.#life = new LinkRun("sbd", host);
    this.capabilities = modemCapabilities(config);
    this.#books = {
      account: new CreditAccount(config.creditBytes, config.emptyCredits),
      retry: new RetryTable(host.clock, host.rng, config.retryMs),
      received: new ReceivedMessages(),
    };
  }

  run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const { port, baud } = this.config;
    return this.#life.of(`serial:${port}?baud=${baud}`, signal, (link) => this.#onePlugging(link, signal));
  }

  async *#onePlugging(link: ByteLink, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const run = new ModemRun(link, this.config, this.host, this.#books);
    const close = (): void => run.close();
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    let cause: unknown;
    try {
      this.#run = run;
      void run.serve();
      for await (const event of run.feed) {
        if (signal.aborted) return;
        yield event;
      }
    } catch (error) {
      cause = error;
    } finally {
      this.#run = null;
      this.#openUntilMs = 0;
      signal.removeEventListener("abort", close);
      run.close();
    }
    if (signal.aborted) return;
    yield { type: "down", neighbour: "", why: "the port is gone" };
    throw new OperatingError("EST_OPERATING_PORT_GONE", `${this.config.port}: the port is gone`, { cause });
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    const { to, bytes } = parcel;
    if (bytes.length > this.config.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    if (to !== "") return { outcome: "refused", why: "unknown-neighbour" };
    if (this.#sending) return deferred("busy", BUSY_RETRY_MS);
    if (signal.aborted) return deferred("busy", 0);
    const run = this.#run;
    if (!run?.isReady || this.host.clock.monotonicMs() >= this.#openUntilMs) return deferred("no-contact", 0);
    this.#openUntilMs = 0; // a session takes one parcel
    this.#sending = true;
    const exchange = run.exchange(bytes.slice()).finally(() => {
      this.#sending = false;
    });
    this.#books.account.parcelTold(bytes.length);
    return this.#answered(await orAborted(exchange, signal));
  }

  #answered(outcome: Exchanged | "aborted"): SendResult {
    if (outcome === "taken") return { outcome: "acknowledged" };
    return deferred("timeout", outcome === "failed" ? this.#books.retry.waitMs : 0);
  }

  /** `accepted` and `never` clear the modem's copy; `later` keeps the message in memory and offers it again. */
  async settle(parcelId: string, verdict: Verdict): Promise<void> {
    if (this.#run) void this.#run.settle(parcelId, verdict !== "later").catch(() => {});
    else this.#books.received.answered(parcelId, verdict !== "later");
  }

  async contact({ to, purpose, maxMs }: ContactRequest, signal: AbortSignal): Promise<ContactResult> {
    if (to !== "") return { outcome: "refused", why: "unknown-neighbour" };
    const run = this.#run;
    if (!run?.isReady) return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    const { account, retry } = this.#books;
    if (retry.waitMs > 0) return { outcome: "deferred", why: "no-contact", retryAfterMs: retry.waitMs };
    if (purpose === "collect") {
      const outcome = await orAborted(run.exchange(null), signal);
      if (outcome === "taken") return { outcome: "open", paid: account.forCollecting() };
      return { outcome: "deferred", why: "no-contact", retryAfterMs: retry.waitMs };
    }
    this.#openUntilMs = this.host.clock.monotonicMs() + maxMs;
    return { outcome: "open", paid: account.forSending() };
  }

  airtimeMs(byteCount: number): number {
    return (byteCount * 8_000) / this.config.bitsPerSecond;
  }
}

function modemCapabilities(config: ModemConfig): BearerCapabilities {
  const { parcelBytesMax, answerMs, bitsPerSecond, emptyCredits, creditBytes } = config;
  return {
    ...{ parcelBytesMax, answerMs, bitsPerSecond, content: "any" },
    duplex: "full",
    acknowledges: "channel",
    ordered: false,
    lossy: false,
    contact: "dialled",
    neighbours: "one",
    turnaroundMs: 0,
    airtimeMsPerHourMax: null,
    cost: { perContact: emptyCredits, perByte: 1 / creditBytes },
  };
}

function orAborted(outcome: Promise<Exchanged>, signal: AbortSignal): Promise<Exchanged | "aborted"> {
  return new Promise((resolve) => {
    const giveUp = (): void => resolve("aborted");
    signal.addEventListener("abort", giveUp);
    const end = (value: Exchanged): void => {
      signal.removeEventListener("abort", giveUp);
      resolve(value);
    };
    outcome.then(end, () => end("closed"));
    if (signal.aborted) giveUp();
  });
}

function deferred(why: "no-contact" | "busy" | "timeout", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
