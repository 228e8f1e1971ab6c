import type { BearerHost, ByteLink, SendResult } from "@estafette/contract";
import { AirtimeBudget, kissEncode, Pacer } from "@estafette/framing";
import { encodeIdentification, uiOverheadBytes } from "./ax25.js";
import { accessMs, type KissConfig, uiAirtimeMs } from "./config.js";
import { KISS_LIMITS } from "./limits.js";

/** The sending half of one TNC: parameters, identification, frames one at a time, and the pace between them. */
export class Transmitter {
  readonly #budget: AirtimeBudget;
  readonly #pacer: Pacer;
  readonly #identification: Uint8Array;
  #link: ByteLink | null = null;
  #isBusy = false;
  #parametersAtMs = 0;
  #identifiedAtMs = Number.NEGATIVE_INFINITY;
  #hasSentSince = false;
  #cancelIdentification = (): void => {};
  #identifying: Promise<unknown> = Promise.resolve();
  /** Why we closed the port ourselves, or "". */
  closedBecause = "";

  constructor(
    private readonly config: KissConfig,
    private readonly host: BearerHost,
  ) {
    this.#budget = new AirtimeBudget(config.airtimeMsPerHourMax);
    this.#pacer = new Pacer(host.clock, KISS_LIMITS.holdBackMsMax);
    this.#identification = encodeIdentification(config.stationId, config.via);
  }

  get isOpen(): boolean {
    return this.#link !== null;
  }

  /** The TNC was opened. Rejects with OperatingError when it breaks at once. */
  async attach(link: ByteLink): Promise<void> {
    this.closedBecause = "";
    this.#pacer.reset();
    await link.write(this.#parameters());
    this.#link = link;
  }

  detach(): void {
    this.#link = null;
    this.#cancelIdentification();
  }

  /** The channel was busy with somebody's frame of `frameBytes` bytes. */
  heard(frameBytes: number): void {
    this.#pacer.heard(uiAirtimeMs(this.config, frameBytes - uiOverheadBytes(this.config.via.length)));
  }

  /** Sends one AX.25 frame with `byteCount` bytes of content. Waits out an earlier frame whose sender gave up, writes,
   *  and waits until the TNC should be free: it holds about one frame, and a more urgent one waits for no more. */
  async send(frame: Uint8Array, byteCount: number, signal: AbortSignal): Promise<SendResult> {
    if (this.#isBusy) return deferred("busy", BUSY_RETRY_MS);
    this.#isBusy = true;
    try {
      return await this.#sendOne(frame, byteCount, signal);
    } finally {
      this.#isBusy = false;
      this.#planIdentification();
    }
  }

  async #sendOne(frame: Uint8Array, byteCount: number, signal: AbortSignal): Promise<SendResult> {
    await this.#identifying;
    await this.#pacer.untilFree(signal);
    if (signal.aborted) return deferred("timeout", 0);
    if (!this.#link) return NO_CONTACT;
    const nowMs = this.host.clock.monotonicMs();
    const mustIdentify = nowMs >= this.#identificationDueMs();
    const sizes = mustIdentify ? [byteCount, IDENTIFICATION_INFO_BYTES] : [byteCount];
    const airtimeMs = sizes.reduce((sum, size) => sum + uiAirtimeMs(this.config, size), 0);
    const waitMs = this.#budget.waitMs(airtimeMs, nowMs);
    if (waitMs > 0) return deferred("budget", waitMs);
    if (mustIdentify) {
      const identified = await this.#identify(signal);
      if (identified !== "sent") return deferred(identified, GONE_RETRY_MS);
    }
    this.#hasSentSince = true;
    const taken = await this.#occupy(frame, byteCount, signal);
    if (taken !== "sent") return deferred(taken, GONE_RETRY_MS);
    await this.#pacer.untilFree(signal);
    return { outcome: "sent" };
  }

  /** Counted, but never held back once something was sent: a station must say who it is. */
  async #identify(signal: AbortSignal): Promise<Taken> {
    this.#identifiedAtMs = this.host.clock.monotonicMs();
    this.#hasSentSince = false;
    const taken = await this.#occupy(this.#identification, IDENTIFICATION_INFO_BYTES, signal);
    if (taken === "sent") await this.#pacer.untilFree(signal);
    return signal.aborted ? "timeout" : taken;
  }

  async #occupy(frame: Uint8Array, byteCount: number, signal: AbortSignal): Promise<Taken> {
    const link = this.#link;
    if (!link) return "no-contact";
    const airtimeMs = uiAirtimeMs(this.config, byteCount);
    const nowMs = this.host.clock.monotonicMs();
    this.#budget.spend(airtimeMs, nowMs);
    this.#pacer.wrote(accessMs(this.config) + airtimeMs);
    const data = kissEncode({ port: this.config.tncPort, command: DATA, data: frame });
    // A TNC that lost power on a serial port has lost its parameters too, and nobody is told.
    const isDue = nowMs - this.#parametersAtMs >= PARAMETERS_EVERY_MS;
    return this.#write(link, isDue ? joined(this.#parameters(), data) : data, airtimeMs, signal);
  }

  /** A port that takes nothing is closed: half a frame may be under way, and only opening it again is certain. A
   *  frame whose sender gave up stays with the port; the pacer keeps the next one behind it. */
  #write(link: ByteLink, bytes: Uint8Array, airtimeMs: number, signal: AbortSignal): Promise<Taken> {
    return new Promise((resolve) => {
      const finish = (taken: Taken): void => {
        stop();
        signal.removeEventListener("abort", giveUp);
        resolve(taken);
      };
      const giveUp = (): void => finish("timeout");
      const stop = this.host.clock.timer(4 * airtimeMs + KISS_LIMITS.stuckMs, () => {
        this.closedBecause = "the TNC takes no data";
        link.close();
        finish("timeout");
      });
      signal.addEventListener("abort", giveUp);
      link.write(bytes).then(
        () => finish("sent"),
        () => finish("no-contact"),
      );
    });
  }

  /** The last identification of a conversation goes out when it is due and nothing else does. */
  #planIdentification(): void {
    this.#cancelIdentification();
    const dueMs = this.#identificationDueMs();
    if (dueMs === Number.POSITIVE_INFINITY || !this.#link || !this.#hasSentSince) return;
    const delayMs = Math.max(0, dueMs - this.host.clock.monotonicMs());
    this.#cancelIdentification = this.host.clock.timer(delayMs, () => {
      if (this.#link && !this.#isBusy) this.#identifying = this.#identify(NEVER);
    });
  }

  #identificationDueMs(): number {
    const { idIntervalMs } = this.config;
    return idIntervalMs === null ? Number.POSITIVE_INFINITY : this.#identifiedAtMs + idIntervalMs;
  }

  /** TXDELAY, P, SLOTTIME, TXTAIL and half duplex (KISS, §4). */
  #parameters(): Uint8Array {
    this.#parametersAtMs = this.host.clock.monotonicMs();
    const { tncPort, txDelayMs, persistence, slotTimeMs, txTailMs } = this.config;
    const values = [txDelayMs / 10, persistence, slotTimeMs / 10, txTailMs / 10, 0];
    const frames = values.map((value, at) =>
      kissEncode({ port: tncPort, command: at + 1, data: Uint8Array.of(value) }),
    );
    return joined(...frames);
  }
}

type Taken = "sent" | "no-contact" | "timeout";

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

type Deferred = Extract<SendResult, { outcome: "deferred" }>;

function deferred(why: Deferred["why"], retryAfterMs: number): Deferred {
  return { outcome: "deferred", why, retryAfterMs };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
export const NO_CONTACT = deferred("no-contact", GONE_RETRY_MS);
const NEVER = new AbortController().signal;
const DATA = 0;
/** Our choice: often enough that a TNC with default parameters is not for long, and no airtime is spent. */
const PARAMETERS_EVERY_MS = 600_000;
/** Content of the longest identification. */
const IDENTIFICATION_INFO_BYTES = 22;
