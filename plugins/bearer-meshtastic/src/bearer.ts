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
  uniformBelow,
} from "@estafette/contract";
import { AirtimeBudget, Feed, LinkRun } from "@estafette/framing";
import { attend } from "./attendance.js";
import { capabilitiesOf, parcelAirtimeMs } from "./capabilities.js";
import type { MeshtasticConfig } from "./config.js";
import type { FromRadio, HeardPacket } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";
import { slotMs } from "./modulation.js";
import { nodeName, nodeNumber } from "./node-names.js";
import { ParcelSender } from "./parcel-sender.js";
import { RadioFacts } from "./radio-facts.js";
import { RadioSession } from "./radio-session.js";
import { BROADCAST, goodbyeFrame, NODES_NONCE } from "./to-radio.js";

/** Parcels over a Meshtastic radio. A run is one opening of its port or connection: when that ends, `down` for every
 *  neighbour and OperatingError EST_OPERATING_PORT_GONE, or EST_OPERATING_UNAVAILABLE when the radio is not set up as the
 *  configuration says; opening again, and when, is for whoever runs it. A radio that restarts on a serial port is
 *  greeted again within the run. */
export class MeshtasticBearer implements Bearer {
  readonly #facts = new RadioFacts();
  readonly #up = new Set<number>();
  #capabilities: BearerCapabilities;
  #budget: AirtimeBudget;
  #session: RadioSession | null = null;
  #sender: ParcelSender | null = null;
  #events: Feed<BearerEvent> | null = null;
  #channelIndex = 0;
  #isReady = false;
  #isMisfit = false;
  #isSending = false;
  #lastParcel = 0;
  #parcelBytesMax: number;
  readonly #life: LinkRun;

  constructor(
    private readonly config: MeshtasticConfig,
    private readonly host: BearerHost,
  ) {
    this.#life = new LinkRun("meshtastic", host);
    this.#parcelBytesMax = config.parcelBytesMax;
    this.#capabilities = capabilitiesOf(config, this.#facts, this.#parcelBytesMax);
    this.#budget = new AirtimeBudget(this.#capabilities.airtimeMsPerHourMax);
  }

  get capabilities(): BearerCapabilities {
    return this.#capabilities;
  }

  run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    return this.#life.of(this.config.url, signal, (link) => this.#oneOpening(link, signal));
  }

  async *#oneOpening(link: ByteLink, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const session = new RadioSession(link, this.host);
    const events = new Feed<BearerEvent>(MESHTASTIC_LIMITS.eventsMax);
    const leave = (): void => {
      void session.write(goodbyeFrame());
      session.close("stopped");
      events.end();
    };
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    this.#begin(session, events);
    const reading = session
      .read(async (message) => {
        for (const event of this.#on(message)) await events.put(event);
      })
      .then(
        () => null,
        (error: unknown) => ({ error }),
      )
      .finally(() => events.end());
    const attending = attend(session, this.host.clock, () => this.#nonce());
    try {
      yield* events;
    } finally {
      signal.removeEventListener("abort", leave);
      session.close("stopped");
      events.end();
      await attending;
    }
    const failure = await reading;
    yield* this.#end(session, signal, failure?.error);
  }

  #begin(session: RadioSession, events: Feed<BearerEvent>): void {
    this.#session = session;
    this.#events = events;
    this.#sender = new ParcelSender(session, this.host);
    this.#isReady = false;
    this.#isMisfit = false;
    this.#facts.forget();
  }

  *#end(session: RadioSession, signal: AbortSignal, cause: unknown): Generator<BearerEvent, void, undefined> {
    const why = session.closedBecause || (cause ? "the radio is gone" : "the radio closed the connection");
    this.#session = null;
    this.#sender = null;
    this.#events = null;
    this.#isReady = false;
    if (signal.aborted) {
      this.#up.clear();
      return;
    }
    yield* this.#allDown(why);
    const code = this.#isMisfit ? "EST_OPERATING_UNAVAILABLE" : "EST_OPERATING_PORT_GONE";
    throw new OperatingError(code, `${this.config.url}: ${why}`, { cause });
  }

  *#on(message: FromRadio): Generator<BearerEvent, void, undefined> {
    this.#facts.learn(message);
    if (message.type === "config-complete") yield* this.#complete(message.nonce);
    else if (message.type === "rebooted") {
      this.#isReady = false;
      this.#facts.forget();
      yield* this.#allDown("the radio restarts");
    } else if (message.type === "node" && this.#isReady) yield* this.#newNeighbours();
    else if (message.type === "packet") yield* this.#heard(message.packet);
    else if (message.type === "notification") this.host.log("warn", `the radio says: ${message.text}`);
  }

  *#complete(nonce: number): Generator<BearerEvent, void, undefined> {
    if (nonce === NODES_NONCE) {
      if (this.#isReady) yield* this.#newNeighbours();
      return;
    }
    const misfit = this.#misfit();
    if (misfit !== null) {
      this.#isMisfit = true;
      this.#session?.close(misfit);
      return;
    }
    this.#isReady = true;
    const { firmware, num } = this.#facts;
    this.host.log("info", "the radio is ready", { node: nodeName(num), firmware });
    yield* this.#announceCapabilities();
    yield* this.#newNeighbours();
  }

  /** Why this radio cannot be used as it is set up; null: it can. */
  #misfit(): string | null {
    const { channel } = this.config;
    const index = this.#facts.channelIndex(channel);
    if (index === null)
      return `the radio has no channel ${JSON.stringify(channel)}; it has ${this.#facts.channelNames}`;
    if (this.#facts.isLicensed && this.#facts.isEncrypted(index))
      return "the radio is set to licensed operation, and its channel has a key: it would encrypt";
    this.#channelIndex = index;
    return null;
  }

  *#announceCapabilities(): Generator<BearerEvent, void, undefined> {
    const now = capabilitiesOf(this.config, this.#facts, this.#parcelBytesMax);
    if (JSON.stringify(now) === JSON.stringify(this.#capabilities)) return;
    if (now.airtimeMsPerHourMax !== this.#capabilities.airtimeMsPerHourMax) {
      const nowMs = this.host.clock.monotonicMs();
      const usedMs = this.#budget.usedMs(nowMs);
      this.#budget = new AirtimeBudget(now.airtimeMsPerHourMax);
      this.#budget.spend(usedMs, nowMs - usedMs);
    }
    this.#capabilities = now;
    yield { type: "capabilities", capabilities: now };
  }

  *#newNeighbours(): Generator<BearerEvent, void, undefined> {
    const { nodes } = this.config;
    const known = [...this.#facts.nodes.values()].filter(({ viaMqtt }) => !viaMqtt).map(({ num }) => num);
    for (const num of nodes.length > 0 ? nodes : known) {
      if (num === this.#facts.num || this.#up.has(num)) continue;
      if (this.#up.size >= MESHTASTIC_LIMITS.neighboursMax) return;
      this.#up.add(num);
      yield { type: "up", neighbour: nodeName(num) };
    }
  }

  *#allDown(why: string): Generator<BearerEvent, void, undefined> {
    for (const num of this.#up) yield { type: "down", neighbour: nodeName(num), why };
    this.#up.clear();
  }

  *#heard(packet: HeardPacket): Generator<BearerEvent, void, undefined> {
    const bytes = this.#isReady ? this.#parcelIn(packet) : null;
    if (bytes === null) return;
    const { from } = packet;
    const { nodes } = this.config;
    if (nodes.length > 0 && !nodes.includes(from)) {
      this.host.log("debug", "a parcel from a node that is not configured", { node: nodeName(from) });
      return;
    }
    this.#facts.meet(from);
    yield* this.#newNeighbours();
    if (!this.#up.has(from)) return;
    this.#lastParcel++;
    yield { type: "heard", parcelId: `m${this.#lastParcel}`, from: nodeName(from), bytes };
  }

  /** The parcel in a packet for this gateway; null: it is somebody else's. */
  #parcelIn({ from, to, channel, data }: HeardPacket): Uint8Array | null {
    const { num } = this.#facts;
    if (data === null || data.port !== this.config.appPort || from === num) return null;
    if (to === num) return data.payload.length > 0 ? data.payload : null;
    const isForUs = channel === this.#channelIndex && data.payload[0] === (num & 0xff);
    return to === BROADCAST && isForUs && data.payload.length > 1 ? data.payload.slice(1) : null;
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (parcel.bytes.length > this.#parcelBytesMax) return { outcome: "refused", why: "too-large" };
    const to = nodeNumber(parcel.to);
    if (to === null) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#up.has(to)) return deferred("no-contact", GONE_RETRY_MS);
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
    const { clock } = this.host;
    const sender = this.#sender;
    if (!sender || !this.#isReady) return deferred("no-contact", GONE_RETRY_MS);
    const airtimeMs = this.airtimeMs(bytes.length);
    const waitMs = this.#budget.waitMs(airtimeMs, clock.monotonicMs());
    if (waitMs > 0) return deferred("budget", waitMs);
    const repeatMs = 2 * airtimeMs + REPEAT_SLOTS * slotMs(this.#facts.modulation) + REPEAT_MS;
    const packet = this.#packet(to, bytes);
    const sent = await sender.send(packet, { airtimeMs, repeatMs }, signal);
    this.#budget.spend(sent.transmissions * airtimeMs, clock.monotonicMs());
    const { result } = sent;
    if (result.outcome === "refused" && result.why === "too-large") this.#shrink(bytes.length);
    return result;
  }

  #packet(to: number, bytes: Uint8Array) {
    const { mode, hopLimit, acknowledge, appPort } = this.config;
    return {
      to: mode === "direct" ? to : BROADCAST,
      id: 1 + uniformBelow(this.host.rng, 0xfffffffe),
      channel: this.#channelIndex,
      hopLimit,
      wantAck: acknowledge,
      port: appPort,
      payload: mode === "direct" ? bytes.slice() : Uint8Array.of(to & 0xff, ...bytes),
    };
  }

  /** This firmware takes less than the one we know: the next conversation uses smaller parcels. */
  #shrink(byteCount: number): void {
    this.#parcelBytesMax = Math.max(PARCEL_BYTES_MIN, byteCount - SHRINK_BYTES);
    this.#capabilities = { ...this.#capabilities, parcelBytesMax: this.#parcelBytesMax };
    this.#events?.offer({ type: "capabilities", capabilities: this.#capabilities });
    this.host.log("warn", "the radio takes smaller parcels only", { parcelBytesMax: this.#parcelBytesMax });
  }

  /** A radio confirms nothing for us, so a verdict changes nothing. */
  async settle(): Promise<void> {}

  async contact(request: ContactRequest): Promise<ContactResult> {
    const to = nodeNumber(request.to);
    if (to === null) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#isReady || !this.#up.has(to))
      return { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(byteCount: number): number {
    return parcelAirtimeMs(byteCount, this.config.mode, this.#facts);
  }

  #nonce(): number {
    return 100_000 + uniformBelow(this.host.rng, 1_000_000_000);
  }
}

function deferred(why: "no-contact" | "busy" | "timeout" | "budget", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const GONE_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
const PARCEL_BYTES_MIN = 48;
/** What sealing to one node costs: the difference firmware has made before. */
const SHRINK_BYTES = 12;
/** The firmware's wait before it repeats: twice the airtime, 2³ + 16 + 32 slots, and 4.5 s. */
const REPEAT_SLOTS = 56;
const REPEAT_MS = 4_500;
