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
import { AirtimeBudget, encodeSerialFrame, LinkRun, Pacer, SerialFrameReader } from "@estafette/framing";
import { frameAirtimeMs, type SerialConfig } from "./config.js";
import { SERIAL_LIMITS } from "./limits.js";

/** Parcels over a serial port. A run is one opening of the port: unplugging it gives `down`, then OperatingError
 *  EST_OPERATING_PORT_GONE; opening again, and when, is for whoever runs it. */
export class SerialBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  readonly #budget: AirtimeBudget;
  readonly #pacer: Pacer;
  #link: ByteLink | null = null;
  #sending = false;
  #stuck = false;
  #lastParcel = 0;
  readonly #life: LinkRun;

  constructor(
    private readonly config: SerialConfig,
    private readonly host: BearerHost,
  ) {
    this.#life = new LinkRun("serial", host);
    this.capabilities = serialCapabilities(config);
    this.#budget = new AirtimeBudget(config.airtimeMsPerHourMax);
    this.#pacer = new Pacer(host.clock, SERIAL_LIMITS.holdBackMsMax);
  }

  run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    return this.#life.of(this.#url(), signal, (link) => this.#onePlugging(link, signal));
  }

  async *#onePlugging(link: ByteLink, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const closePort = (): void => link.close();
    signal.addEventListener("abort", closePort);
    if (signal.aborted) closePort();
    let cause: unknown;
    try {
      this.#link = link;
      this.#stuck = false;
      this.#pacer.reset();
      yield { type: "up", neighbour: "" };
      yield* this.#heard(link);
    } catch (error) {
      cause = error;
    } finally {
      this.#link = null;
      signal.removeEventListener("abort", closePort);
      link.close();
    }
    if (signal.aborted) return;
    const why = this.#stuck ? "the port takes no data" : "the port is gone";
    yield { type: "down", neighbour: "", why };
    throw new OperatingError("EST_OPERATING_PORT_GONE", `${this.config.port}: ${why}`, { cause });
  }

  async *#heard(link: ByteLink): AsyncGenerator<BearerEvent, void, undefined> {
    const reader = new SerialFrameReader(this.config.parcelBytesMax);
    let discardedBefore = 0;
    for await (const chunk of link.readable) {
      for (const bytes of reader.push(chunk)) {
        if (this.config.duplex === "half") this.#pacer.heard(this.#occupiedMs(bytes.length));
        this.#lastParcel++;
        yield { type: "heard", parcelId: `s${this.#lastParcel}`, from: "", bytes };
      }
      const { framesDamaged, bytesDiscarded } = reader.counters();
      if (bytesDiscarded >= discardedBefore + NOISE_LOG_BYTES) {
        discardedBefore = bytesDiscarded;
        this.host.log("info", "noise on the line", { port: this.config.port, framesDamaged, bytesDiscarded });
      }
    }
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    const { length } = parcel.bytes;
    if (length > this.config.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    if (parcel.to !== "") return { outcome: "refused", why: "unknown-neighbour" };
    if (this.#sending) return deferred("busy", BUSY_RETRY_MS);
    this.#sending = true;
    try {
      return await this.#sendOne(parcel.bytes, signal);
    } finally {
      this.#sending = false;
    }
  }

  /** Waits out an earlier frame whose sender gave up, writes, and waits until the modem should be free: what lies in
   *  buffers below is about one frame, and a more urgent parcel waits for no more than that. */
  async #sendOne(bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    await this.#pacer.untilFree(signal);
    if (signal.aborted) return deferred("timeout", 0);
    const link = this.#link;
    if (!link) return deferred("no-contact", GONE_RETRY_MS);
    const airtimeMs = frameAirtimeMs(this.config, bytes.length);
    const nowMs = this.host.clock.monotonicMs();
    const waitMs = this.#budget.waitMs(airtimeMs, nowMs);
    if (waitMs > 0) return deferred("budget", waitMs);
    this.#budget.spend(airtimeMs, nowMs);
    this.#pacer.wrote(this.#occupiedMs(bytes.length));
    const taken = await this.#write(link, bytes, airtimeMs, signal);
    if (taken !== "sent") return deferred(taken, GONE_RETRY_MS);
    await this.#pacer.untilFree(signal);
    return { outcome: "sent" };
  }

  /** A port that takes nothing is closed: half a frame may be under way, and only opening it again is certain. A
   *  frame whose sender gave up stays with the port; the pacer keeps the next one behind it. */
  #write(
    link: ByteLink,
    bytes: Uint8Array,
    airtimeMs: number,
    signal: AbortSignal,
  ): Promise<"sent" | "no-contact" | "timeout"> {
    return new Promise((resolve) => {
      const finish = (taken: "sent" | "no-contact" | "timeout"): void => {
        stop();
        signal.removeEventListener("abort", giveUp);
        resolve(taken);
      };
      const giveUp = (): void => finish("timeout");
      const stop = this.host.clock.timer(4 * airtimeMs + SERIAL_LIMITS.stuckMs, () => {
        this.#stuck = true;
        link.close();
        finish("timeout");
      });
      signal.addEventListener("abort", giveUp);
      link.write(encodeSerialFrame(bytes)).then(
        () => finish("sent"),
        () => finish("no-contact"),
      );
    });
  }

  /** A serial line confirms nothing, so a verdict changes nothing. */
  async settle(): Promise<void> {}

  async contact(request: ContactRequest): Promise<ContactResult> {
    if (request.to !== "") return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#link) return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(byteCount: number): number {
    return frameAirtimeMs(this.config, byteCount);
  }

  #occupiedMs(byteCount: number): number {
    return frameAirtimeMs(this.config, byteCount) + this.config.frameOverheadMs;
  }

  #url(): string {
    const { port, baud, rtscts } = this.config;
    return `serial:${port}?baud=${baud}${rtscts ? "&flow=hardware" : ""}`;
  }
}

function serialCapabilities(config: SerialConfig): BearerCapabilities {
  const { parcelBytesMax, duplex, bitsPerSecond, turnaroundMs, answerMs } = config;
  return {
    ...{ parcelBytesMax, duplex, bitsPerSecond, turnaroundMs, answerMs },
    content: "any",
    acknowledges: "nobody",
    ordered: true,
    lossy: true,
    contact: "always",
    neighbours: "one",
    airtimeMsPerHourMax: config.airtimeMsPerHourMax,
    cost: { perContact: 0, perByte: 0 },
  };
}

function deferred(why: "no-contact" | "busy" | "timeout" | "budget", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
/** Noise is logged once for each so many bytes, so that a line gone wrong does not fill the log. */
const NOISE_LOG_BYTES = 4_096;
