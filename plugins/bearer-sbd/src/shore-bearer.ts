import {
  type Bearer,
  type BearerCapabilities,
  type BearerEvent,
  type BearerHost,
  type ContactRequest,
  type ContactResult,
  invariant,
  type Parcel,
  type SendResult,
  type Verdict,
} from "@estafette/contract";
import type { ShoreConfig } from "./config-shore.js";
import { ShoreBooks, ShoreInbox } from "./shore-inbox.js";

/** The operator's side as we see it: he calls us, and we call him. */
export interface Operator {
  /** Serves the operator's calls until the signal aborts; throws OperatingError when it cannot listen. */
  serve(inbox: ShoreInbox, signal: AbortSignal): Promise<void>;
  /** Puts one message into a ship's queue. Weather is a value. */
  submit(imei: string, payload: Uint8Array, signal: AbortSignal): Promise<SendResult>;
}

/** The shore's end: messages come when ships send them, and ours wait at the operator until ships collect them. */
export class ShoreBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  readonly #books = new ShoreBooks();
  #inbox: ShoreInbox | null = null;
  #stopped: AbortSignal = AbortSignal.abort();
  #sending = false;

  constructor(
    private readonly config: ShoreConfig,
    private readonly operator: Operator,
    private readonly host: BearerHost,
  ) {
    this.capabilities = shoreCapabilities(config);
  }

  async *run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    invariant(!this.#inbox, "an sbd bearer is run twice at once");
    if (signal.aborted) return;
    const inbox = new ShoreInbox(this.#books, this.config.imeis);
    this.#inbox = inbox;
    const over = new AbortController();
    this.#stopped = AbortSignal.any([signal, over.signal]);
    const stop = (): void => inbox.close();
    signal.addEventListener("abort", stop);
    try {
      void this.operator.serve(inbox, this.#stopped).then(
        () => inbox.feed.end(),
        (error: unknown) => inbox.feed.fail(error),
      );
      for await (const event of inbox.feed) {
        if (signal.aborted) return;
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      over.abort();
      inbox.close();
      this.#inbox = null;
    }
  }

  async send({ to, bytes }: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (bytes.length > this.config.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    if (!this.config.imeis.includes(to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#inbox) return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    if (this.#sending) return { outcome: "deferred", why: "busy", retryAfterMs: BUSY_RETRY_MS };
    if (signal.aborted) return { outcome: "deferred", why: "timeout", retryAfterMs: 0 };
    this.#sending = true;
    try {
      return await this.operator.submit(to, bytes.slice(), AbortSignal.any([signal, this.#stopped]));
    } catch (error) {
      this.host.log("info", "the operator's gateway cannot be reached", { error: String(error) });
      return { outcome: "deferred", why: "no-contact", retryAfterMs: OPERATOR_RETRY_MS };
    } finally {
      this.#sending = false;
    }
  }

  async settle(parcelId: string, verdict: Verdict): Promise<void> {
    this.#inbox?.settle(parcelId, verdict);
  }

  async contact({ to }: ContactRequest): Promise<ContactResult> {
    if (!this.config.imeis.includes(to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#inbox) return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(): number {
    return 0;
  }
}

function shoreCapabilities({ parcelBytesMax, answerMs, creditBytes }: ShoreConfig): BearerCapabilities {
  return {
    ...{ parcelBytesMax, answerMs, content: "any" },
    duplex: "full",
    acknowledges: "channel",
    ordered: false,
    lossy: false,
    contact: "always",
    neighbours: "many",
    bitsPerSecond: null,
    turnaroundMs: 0,
    airtimeMsPerHourMax: null,
    cost: { perContact: 0, perByte: 1 / creditBytes },
  };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
const OPERATOR_RETRY_MS = 30_000;
