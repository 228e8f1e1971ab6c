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
import type { MqttConfig } from "./config.js";
import { Connection } from "./connection.js";

/** Parcels over a broker. A run is one connection: it throws OperatingError EST_OPERATING_PORT_GONE when the broker cannot
 *  be reached or goes; connecting again, and when, is for whoever runs it. */
export class MqttBearer implements Bearer {
  #capabilities: BearerCapabilities;
  #connection: Connection | null = null;
  #running = false;
  #sending = false;
  #lastParcel = 0;

  constructor(
    private readonly config: MqttConfig,
    private readonly host: BearerHost,
  ) {
    this.#capabilities = mqttCapabilities(config);
  }

  get capabilities(): BearerCapabilities {
    return this.#capabilities;
  }

  async *run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    invariant(!this.#running, "an mqtt bearer is run twice at once");
    if (signal.aborted) return;
    this.#running = true;
    const connection = new Connection(this.config, this.host, () => `q${++this.#lastParcel}`);
    this.#connection = connection;
    const leave = (): void => void connection.close();
    signal.addEventListener("abort", leave);
    try {
      for await (const event of connection.feed) {
        if (signal.aborted) return;
        yield* this.#adapted(connection);
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      this.#connection = null;
      await connection.close();
      this.#running = false;
    }
  }

  /** A broker with a smaller packet limit makes parcels smaller. */
  *#adapted({ parcelBytesMax }: Connection): Generator<BearerEvent, void, undefined> {
    if (parcelBytesMax === this.#capabilities.parcelBytesMax) return;
    this.#capabilities = { ...this.#capabilities, parcelBytesMax };
    yield { type: "capabilities", capabilities: this.#capabilities };
  }

  async send({ to, bytes }: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (bytes.length > this.#capabilities.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    if (!this.config.with.includes(to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (this.#sending) return { outcome: "deferred", why: "busy", retryAfterMs: BUSY_RETRY_MS };
    if (signal.aborted) return { outcome: "deferred", why: "timeout", retryAfterMs: 0 };
    const connection = this.#connection;
    if (!connection?.reaches(to))
      return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    this.#sending = true;
    try {
      return await connection.send(to, bytes, signal);
    } finally {
      this.#sending = false;
    }
  }

  /** `accepted` and `never` acknowledge the message to the broker; `later` ends the connection, so that it comes again. */
  async settle(parcelId: string, verdict: Verdict): Promise<void> {
    this.#connection?.settle(parcelId, verdict !== "later");
  }

  async contact({ to }: ContactRequest): Promise<ContactResult> {
    if (!this.config.with.includes(to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (this.#connection?.reaches(to)) return { outcome: "open", paid: 0 };
    return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
  }

  airtimeMs(): number {
    return 0;
  }
}

function mqttCapabilities({ parcelBytesMax, answerMs }: MqttConfig): BearerCapabilities {
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
    cost: { perContact: 0, perByte: 0 },
  };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
