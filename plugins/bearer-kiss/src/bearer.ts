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
  ProtocolError,
  type SendResult,
} from "@estafette/contract";
import { type KissFrame, KissReader, LinkRun } from "@estafette/framing";
import { type Ax25Frame, decodeAx25, encodeUi, isDatagram, isIdentification } from "./ax25.js";
import { formatCallSign } from "./call-sign.js";
import { accessMs, type KissConfig, uiAirtimeMs } from "./config.js";
import { KISS_LIMITS } from "./limits.js";
import { Neighbours } from "./neighbours.js";
import { NO_CONTACT, Transmitter } from "./transmitter.js";

/** Parcels as AX.25 UI frames through a KISS TNC. A run is one opening of the TNC: when it goes away, each neighbour is
 *  `down` and the run throws OperatingError EST_OPERATING_PORT_GONE; opening again, and when, is for whoever runs it. */
export class KissBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  readonly #transmitter: Transmitter;
  readonly #neighbours: Neighbours;
  readonly #ownName: string;
  readonly #up = new Set<string>();
  #lastParcel = 0;
  #foreignFrames = 0;
  readonly #life: LinkRun;

  constructor(
    private readonly config: KissConfig,
    private readonly host: BearerHost,
  ) {
    this.#life = new LinkRun("kiss", host);
    this.capabilities = kissCapabilities(config);
    this.#transmitter = new Transmitter(config, host);
    this.#neighbours = new Neighbours(config.stations);
    this.#ownName = formatCallSign(config.stationId);
  }

  run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    return this.#life.of(this.config.url, signal, (link) => this.#oneOpening(link, signal));
  }

  async *#oneOpening(link: ByteLink, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const hangUp = (): void => link.close();
    signal.addEventListener("abort", hangUp);
    if (signal.aborted) hangUp();
    let cause: unknown;
    try {
      await this.#transmitter.attach(link);
      for (const name of this.#neighbours.configured) yield this.#nowUp(name);
      yield* this.#heard(link);
    } catch (error) {
      cause = error;
    } finally {
      this.#transmitter.detach();
      signal.removeEventListener("abort", hangUp);
      link.close();
    }
    const names = [...this.#up];
    this.#up.clear();
    this.#neighbours.forgetLearnt();
    if (signal.aborted) return;
    const why = this.#transmitter.closedBecause || "the TNC is gone";
    for (const neighbour of names) yield { type: "down", neighbour, why };
    throw new OperatingError("EST_OPERATING_PORT_GONE", `${this.config.url}: ${why}`, { cause });
  }

  async *#heard(link: ByteLink): AsyncGenerator<BearerEvent, void, undefined> {
    const reader = new KissReader(FRAME_BYTES_MAX);
    for await (const chunk of link.readable) {
      for (const message of reader.push(chunk)) yield* this.#message(message);
    }
  }

  /** Whatever else a TNC hands over is somebody else's: other ports, other protocols, other stations. */
  *#message({ port, command, data }: KissFrame): Generator<BearerEvent, void, undefined> {
    if (port !== this.config.tncPort || command !== 0) return;
    const frame = readable(data);
    if (frame && formatCallSign(frame.source) === this.#ownName) return;
    this.#transmitter.heard(data.length);
    if (!frame) return;
    const isForUs = formatCallSign(frame.destination) === this.#ownName;
    const isParcel = isForUs && isDatagram(frame) && frame.info.length > 0;
    if (!isParcel && !(isDatagram(frame) && isIdentification(frame))) return this.#noteForeign();
    const from = formatCallSign(frame.source);
    const { isNew, forgotten } = this.#neighbours.heard(frame.source);
    if (forgotten !== null && this.#up.delete(forgotten))
      yield { type: "down", neighbour: forgotten, why: "not heard for longest" };
    if (isNew) yield this.#nowUp(from);
    if (!isParcel) return;
    this.#lastParcel++;
    yield { type: "heard", parcelId: `k${this.#lastParcel}`, from, bytes: frame.info };
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    const { length } = parcel.bytes;
    if (length > this.config.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    const destination = this.#neighbours.find(parcel.to);
    if (!destination) return { outcome: "refused", why: "unknown-neighbour" };
    const { stationId: source, via } = this.config;
    return this.#transmitter.send(encodeUi({ destination, source, via, info: parcel.bytes }), length, signal);
  }

  /** A UI frame confirms nothing, so a verdict changes nothing. */
  async settle(): Promise<void> {}

  async contact(request: ContactRequest): Promise<ContactResult> {
    if (!this.#neighbours.find(request.to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#transmitter.isOpen) return NO_CONTACT;
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(byteCount: number): number {
    return uiAirtimeMs(this.config, byteCount);
  }

  #nowUp(neighbour: string): BearerEvent {
    this.#up.add(neighbour);
    return { type: "up", neighbour };
  }

  #noteForeign(): void {
    this.#foreignFrames++;
    if (this.#foreignFrames % FOREIGN_LOG_FRAMES === 1)
      this.host.log("debug", "frames of other stations", {
        station: this.#ownName,
        frames: this.#foreignFrames,
      });
  }
}

function readable(data: Uint8Array): Ax25Frame | null {
  try {
    return decodeAx25(data);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function kissCapabilities(config: KissConfig): BearerCapabilities {
  const { parcelBytesMax, bitsPerSecond, answerMs, airtimeMsPerHourMax } = config;
  return {
    ...{ parcelBytesMax, bitsPerSecond, answerMs, airtimeMsPerHourMax },
    duplex: "half",
    acknowledges: "nobody",
    ordered: true,
    lossy: true,
    contact: "always",
    neighbours: "many",
    content: "any",
    turnaroundMs: config.txDelayMs + Math.round(accessMs(config)),
    cost: { perContact: 0, perByte: 0 },
  };
}

/** Content, and two addresses with eight digipeaters, control and protocol. */
const FRAME_BYTES_MAX = KISS_LIMITS.parcelBytesMax + 72;
/** Others' traffic is logged once for each so many frames. */
const FOREIGN_LOG_FRAMES = 1_000;
