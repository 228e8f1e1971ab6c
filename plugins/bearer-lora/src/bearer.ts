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
} from "@estafette/contract";
import { AirtimeBudget, Feed, LinkRun } from "@estafette/framing";
import { ADDRESS_BYTES, addressed, readAddressed } from "./addressing.js";
import type { LoraConfig } from "./config.js";
import type { LoraDriver, ModuleEvent } from "./driver.js";
import { LORA_LIMITS } from "./limits.js";
import { bitsPerSecond, slotMs, timeOnAirMs } from "./modulation.js";
import { ModuleSession } from "./module-session.js";
import { ParcelSender } from "./parcel-sender.js";

/** Parcels over raw LoRa. A run is one opening of the port: when that ends, `down` for every neighbour and OperatingError
 *  EST_OPERATING_PORT_GONE, or EST_OPERATING_UNAVAILABLE when the board is none or does not take our settings; opening
 *  again, and when, is for whoever runs it. */
export class LoraBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  readonly #budget: AirtimeBudget;
  #session: ModuleSession | null = null;
  #sender: ParcelSender | null = null;
  #isReady = false;
  #isMisfit = false;
  #isSending = false;
  #lastParcel = 0;
  readonly #life: LinkRun;

  constructor(
    private readonly config: LoraConfig,
    private readonly driver: LoraDriver,
    private readonly host: BearerHost,
  ) {
    this.#life = new LinkRun("lora", host);
    this.capabilities = capabilitiesOf(config);
    this.#budget = new AirtimeBudget(config.airtimeMsPerHourMax);
  }

  run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    return this.#life.of(this.config.url, signal, (link) => this.#oneOpening(link, signal));
  }

  async *#oneOpening(link: ByteLink, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const session = new ModuleSession(link, this.driver, this.host);
    const events = new Feed<BearerEvent>(LORA_LIMITS.eventsMax);
    const leave = (): void => {
      void session.write(this.driver.farewell());
      session.close("stopped");
      events.end();
    };
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    this.#session = session;
    this.#isMisfit = false;
    const reading = session
      .read(async (event) => {
        const heard = this.#on(event);
        if (heard) await events.put(heard);
      })
      .then(
        () => null,
        (error: unknown) => ({ error }),
      )
      .finally(() => events.end());
    const attending = this.#attend(session, events);
    try {
      yield* events;
    } finally {
      signal.removeEventListener("abort", leave);
      session.close("stopped");
      events.end();
      await attending;
    }
    const wasUp = this.#isReady;
    this.#isReady = false;
    this.#session = null;
    this.#sender = null;
    const failure = await reading;
    if (signal.aborted) return;
    yield* this.#gone(session.closedBecause || "the board is gone", wasUp, failure?.error);
  }

  *#gone(why: string, wasUp: boolean, cause: unknown): Generator<BearerEvent, void, undefined> {
    if (wasUp) {
      for (const node of this.config.nodes) yield { type: "down", neighbour: String(node), why };
    }
    const code = this.#isMisfit ? "EST_OPERATING_UNAVAILABLE" : "EST_OPERATING_PORT_GONE";
    throw new OperatingError(code, `${this.config.url}: ${why}`, { cause });
  }

  /** Sets the board up, then looks after it until the session is over. */
  async #attend(session: ModuleSession, events: Feed<BearerEvent>): Promise<void> {
    const { modulation, airtimeMsPerHourMax, nodes } = this.config;
    const misfit = await this.driver.start(session, modulation, airtimeMsPerHourMax);
    if (session.isOver) return;
    if (misfit !== null) {
      this.#isMisfit = true;
      session.close(misfit);
      return;
    }
    this.#sender = new ParcelSender(session, this.driver, this.host);
    this.#isReady = true;
    for (const node of nodes) await events.put({ type: "up", neighbour: String(node) });
    for (;;) {
      await session.pause(LORA_LIMITS.signOfLifeMs);
      if (session.isOver) return;
      if (!(await this.driver.isAlive(session))) session.close("the board does not answer, or was restarted");
    }
  }

  #on(event: ModuleEvent): BearerEvent | null {
    if (event.type === "failed") this.host.log("warn", event.why);
    if (event.type !== "heard" || !this.#isReady) return null;
    const { address, nodes } = this.config;
    const addressedParcel = readAddressed(event.payload);
    if (addressedParcel?.to !== address || !nodes.includes(addressedParcel.from)) return null;
    const { from, parcel: bytes } = addressedParcel;
    this.#lastParcel++;
    return { type: "heard", parcelId: `l${this.#lastParcel}`, from: String(from), bytes };
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (parcel.bytes.length > this.config.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    const to = this.#nodeNamed(parcel.to);
    if (to === null) return { outcome: "refused", why: "unknown-neighbour" };
    if (this.#isSending) return deferred("busy", BUSY_RETRY_MS);
    if (signal.aborted) return deferred("timeout", 0);
    this.#isSending = true;
    try {
      return await this.#sendOne(to, parcel.bytes, signal);
    } finally {
      this.#isSending = false;
    }
  }

  async #sendOne(to: number, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    const sender = this.#sender;
    if (!sender || !this.#isReady) return deferred("no-contact", GONE_RETRY_MS);
    const airtimeMs = this.airtimeMs(bytes.length);
    const waitMs = this.#budget.waitMs(airtimeMs, this.host.clock.monotonicMs());
    if (waitMs > 0) return deferred("budget", waitMs);
    const payload = addressed(to, this.config.address, bytes);
    const { result, wasTaken } = await sender.send(payload, airtimeMs, signal);
    if (wasTaken) this.#budget.spend(airtimeMs, this.host.clock.monotonicMs());
    return result;
  }

  #nodeNamed(name: string): number | null {
    return this.config.nodes.find((node) => String(node) === name) ?? null;
  }

  /** LoRa confirms nothing, so a verdict changes nothing. */
  async settle(): Promise<void> {}

  async contact(request: ContactRequest): Promise<ContactResult> {
    if (this.#nodeNamed(request.to) === null) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#isReady || !this.#session)
      return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(byteCount: number): number {
    const sizes = this.driver.packetSizes(byteCount + ADDRESS_BYTES);
    return sizes.reduce((sum, size) => sum + timeOnAirMs(this.config.modulation, size), 0);
  }
}

/** One frequency for all: packets are lost, never doubled or overtaken, and nobody acknowledges. */
function capabilitiesOf(config: LoraConfig): BearerCapabilities {
  const { parcelBytesMax, answerMs, airtimeMsPerHourMax, modulation } = config;
  return {
    ...{ parcelBytesMax, answerMs, airtimeMsPerHourMax, content: "any" },
    duplex: "half",
    acknowledges: "nobody",
    ordered: true,
    lossy: true,
    contact: "always",
    neighbours: "many",
    bitsPerSecond: bitsPerSecond(modulation),
    turnaroundMs: WAIT_SLOTS * slotMs(modulation),
    cost: { perContact: 0, perByte: 0 },
  };
}

function deferred(why: "no-contact" | "busy" | "timeout" | "budget", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
/** Two slots of listening, and a random wait of some more. */
const WAIT_SLOTS = 9;
