import {
  type BearerEvent,
  type BearerHost,
  OperatingError,
  type SendResult,
  sleep,
} from "@estafette/contract";
import { Feed } from "@estafette/framing";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { MqttConfig } from "./config.js";
import { MQTT_LIMITS } from "./limits.js";
import { Topics } from "./topics.js";

/** Lets the broker know that a parcel is committed. */
type Acknowledge = () => void;

/** One connection to the broker, from its call to its end. mqtt.js owns the socket and its timers; it does not reconnect:
 *  that is for whoever runs the bearer. */
export class Connection {
  readonly feed = new Feed<BearerEvent>(MQTT_LIMITS.eventsMax);
  readonly #client: MqttClient;
  readonly #topics: Topics;
  readonly #unsettled = new Map<string, Acknowledge>();
  readonly #away = new Set<string>();
  readonly #over = new AbortController();
  #isUp = false;
  /** Packet id of the newest message of ours that nobody had subscribed to. */
  #unread: number | undefined;
  /** Largest parcel this broker takes, in bytes. */
  parcelBytesMax: number;

  constructor(
    private readonly config: MqttConfig,
    private readonly host: BearerHost,
    private readonly nextId: () => string,
  ) {
    this.#topics = new Topics(config);
    this.parcelBytesMax = config.parcelBytesMax;
    this.#client = mqtt.connect(config.broker, this.#options());
    this.#client.on("connect", ({ properties }) => {
      const packetMax = (properties as { maximumPacketSize?: number } | undefined)?.maximumPacketSize;
      this.#begin(packetMax ?? Number.POSITIVE_INFINITY).catch((error: unknown) => this.#end(error));
    });
    this.#client.on("error", (error) => this.#end(error));
    this.#client.on("disconnect", ({ reasonCode }) => {
      const why = reasonCode === TAKEN_OVER ? "another client took our name" : `reason ${reasonCode}`;
      this.host.log("warn", "the broker threw us out", { broker: config.broker, why });
    });
    // mqtt.js takes "no matching subscribers" for success and forgets that it was said.
    this.#client.on("packetreceive", (packet) => {
      if (packet.cmd === "puback" && packet.reasonCode === NOBODY) this.#unread = packet.messageId;
    });
    this.#client.on("close", () => this.#end(new Error("closed")));
  }

  #options(): IClientOptions {
    const { config } = this;
    const { name, username, password, ca, cert, key } = config;
    return {
      protocolVersion: 5,
      clientId: `${config.prefix}-${name}`,
      clean: false,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: config.keepaliveS,
      connectTimeout: MQTT_LIMITS.connectMsMax,
      properties: {
        sessionExpiryInterval: config.sessionExpiryS,
        receiveMaximum: MQTT_LIMITS.receiveParcelsMax,
        maximumPacketSize: MQTT_LIMITS.parcelBytesMax + MQTT_LIMITS.packetOverheadBytes,
      },
      will: {
        topic: this.#topics.ownPresence,
        payload: Buffer.from(AWAY),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: config.willDelayS },
      },
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
      ...(ca === null ? {} : { ca }),
      ...(cert === null || key === null ? {} : { cert, key }),
      customHandleAcks: (topic, payload, _packet, done) => {
        this.#arrived(topic, payload, () => done(0));
      },
    };
  }

  /** Subscribes, tells the others that we are here, and calls everybody up whose absence nobody told. */
  async #begin(packetBytesMax: number): Promise<void> {
    const { parcelBytesMax } = this.config;
    this.parcelBytesMax = Math.min(parcelBytesMax, packetBytesMax - MQTT_LIMITS.packetOverheadBytes);
    if (this.parcelBytesMax < MQTT_LIMITS.parcelBytesMin)
      throw new Error(`its packets of ${packetBytesMax} bytes are too small for a parcel`);
    const granted = await this.#client.subscribeAsync([...this.#topics.subscriptions], { qos: 1 });
    const refused = granted.find(({ qos }) => qos > 2);
    if (refused) throw new Error(`the broker does not let us read ${refused.topic}`);
    await this.#tell(HERE);
    this.#isUp = true;
    for (const neighbour of this.config.with)
      if (!this.#away.has(neighbour)) this.feed.offer({ type: "up", neighbour });
  }

  async #tell(presence: typeof HERE | typeof AWAY): Promise<void> {
    await this.#client.publishAsync(this.#topics.ownPresence, presence, { qos: 1, retain: true });
  }

  /** mqtt.js takes no further packet before `acknowledge` is called, so that one parcel is open at a time. */
  #arrived(topic: string, payload: Uint8Array, acknowledge: Acknowledge): void {
    const about = this.#topics.read(topic);
    if (about?.what === "parcel" && payload.length > 0 && payload.length <= MQTT_LIMITS.parcelBytesMax) {
      const parcelId = this.nextId();
      this.#unsettled.set(parcelId, acknowledge);
      const bytes = Uint8Array.from(payload);
      this.#comes(about.partner);
      void this.feed.put({ type: "heard", parcelId, from: about.partner, bytes });
      return;
    }
    if (about?.what === "presence") this.#presence(about.partner, new TextDecoder().decode(payload));
    else this.host.log("debug", "a message that is none of ours", { topic });
    acknowledge();
  }

  #presence(partner: string, word: string): void {
    if (word === HERE) this.#comes(partner);
    else if (word === AWAY && !this.#away.has(partner)) {
      this.#away.add(partner);
      if (this.#isUp) this.feed.offer({ type: "down", neighbour: partner, why: "it has left the broker" });
    }
  }

  #comes(partner: string): void {
    if (!this.#away.delete(partner) || !this.#isUp) return;
    this.feed.offer({ type: "up", neighbour: partner });
  }

  reaches(partner: string): boolean {
    return this.#isUp && !this.#away.has(partner);
  }

  /** Resolves when the broker has the parcel, or says why not. */
  async send(partner: string, bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    const properties = { messageExpiryInterval: this.config.messageExpiryS };
    const publishing = this.#client
      .publishAsync(this.#topics.parcelTo(partner), Buffer.from(bytes), { qos: 1, properties })
      .then(
        (published) => resultOf(this.#isUnread(published) ? NOBODY : 0),
        (error: { code?: unknown }) => resultOf(typeof error.code === "number" ? error.code : 0x80),
      );
    const enough = new AbortController();
    const ends = AbortSignal.any([signal, this.#over.signal, enough.signal]);
    const late = sleep(this.host.clock, MQTT_LIMITS.acknowledgeMsMax, ends).then(
      (): SendResult =>
        this.#over.signal.aborted ? deferred("no-contact", GONE_RETRY_MS) : deferred("timeout", 0),
    );
    const result = await Promise.race([publishing, late]);
    enough.abort();
    if (result.outcome === "deferred" && result.why === "budget")
      this.host.log("warn", "the broker does not let us write", { to: partner });
    return result;
  }

  #isUnread(published: unknown): boolean {
    const { messageId } = published as { readonly messageId?: number };
    if (messageId === undefined || messageId !== this.#unread) return false;
    this.#unread = undefined;
    return true;
  }

  /** `later`: nothing is acknowledged, and the broker sends it again on the next connection. */
  settle(parcelId: string, final: boolean): void {
    const acknowledge = this.#unsettled.get(parcelId);
    if (!acknowledge) return;
    this.#unsettled.delete(parcelId);
    if (final) acknowledge();
    else this.#end(new Error("a parcel is to come later"));
  }

  /** Says goodbye, so that the others know at once, and closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.feed.end();
    const enough = new AbortController();
    const limit = sleep(this.host.clock, MQTT_LIMITS.goodbyeMsMax, enough.signal);
    if (this.#isUp && this.#unsettled.size === 0) {
      const goodbye = this.#tell(AWAY)
        .then(() => this.#client.endAsync())
        .catch(() => {}); // it is gone already
      await Promise.race([goodbye, limit]);
    }
    enough.abort();
    this.#isUp = false;
    this.#client.end(true);
  }

  #end(cause: unknown): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    const message = `${this.config.broker}: ${cause instanceof Error ? cause.message : String(cause)}`;
    for (const neighbour of this.config.with)
      if (this.reaches(neighbour)) this.feed.offer({ type: "down", neighbour, why: "the broker is gone" });
    this.#isUp = false;
    this.feed.fail(new OperatingError("EST_OPERATING_PORT_GONE", message, { cause }));
    this.#client.end(true);
  }
}

/** PUBACK reason codes (MQTT 5, §3.4.2.1). */
function resultOf(reason: number): SendResult {
  if (reason === NOBODY) return deferred("no-contact", MQTT_LIMITS.nobodyRetryMs);
  if (reason < 0x80) return { outcome: "acknowledged" };
  if (reason === 0x95) return { outcome: "refused", why: "too-large" };
  if (reason === 0x97) return deferred("busy", MQTT_LIMITS.quotaRetryMs);
  if (reason === 0x87 || reason === 0x90) return deferred("budget", MQTT_LIMITS.forbiddenRetryMs);
  return deferred("no-contact", GONE_RETRY_MS);
}

function deferred(why: "no-contact" | "busy" | "timeout" | "budget", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const HERE = "here";
const AWAY = "away";
const TAKEN_OVER = 0x8e;
/** No matching subscribers. */
const NOBODY = 0x10;
const GONE_RETRY_MS = 5_000;
