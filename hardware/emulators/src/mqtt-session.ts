import { EMULATOR_LIMITS } from "./limits.js";
import { PROPERTY, type Properties, packet, properties, text, u16 } from "./mqtt-packets.js";

/** One application message inside the broker. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly properties: Properties;
  /** When it expires, in monotonic milliseconds; Infinity: never. */
  readonly untilMs: number;
}

/** What the broker keeps for one client, connected or not. */
export class MqttSession {
  /** Topic filter → highest quality of service granted. */
  readonly filters = new Map<string, 0 | 1>();
  readonly #queue: MqttMessage[] = [];
  readonly #inFlight = new Map<number, MqttMessage>();
  #lastId = 0;
  #write: ((bytes: Uint8Array) => void) | null = null;
  #window: number = EMULATOR_LIMITS.mqttInFlightMax;

  constructor(
    private readonly nowMs: () => number,
    /** A defect seldom seen but allowed: each message is delivered twice, the second time marked as such. */
    private readonly twice: boolean,
  ) {}

  matches(topic: string): 0 | 1 | null {
    let best: 0 | 1 | null = null;
    for (const [filter, qos] of this.filters) {
      if (isMatch(filter, topic) && (best === null || qos > best)) best = qos;
    }
    return best;
  }

  /** The client is back: what it has not acknowledged comes again first, marked. */
  attach(write: (bytes: Uint8Array) => void, window: number): void {
    this.#write = write;
    this.#window = Math.min(window, EMULATOR_LIMITS.mqttInFlightMax);
    for (const [id, message] of this.#inFlight) this.#publish(id, message, true);
    this.#pump();
  }

  detach(): void {
    this.#write = null;
  }

  /** Beyond the bound a message is dropped without a word, as brokers do. */
  deliver(message: MqttMessage, granted: 0 | 1): void {
    const qos = Math.min(message.qos, granted) as 0 | 1;
    if (qos === 0) {
      if (this.#write) this.#publish(0, { ...message, qos }, false);
    } else if (this.#queue.length < EMULATOR_LIMITS.mqttQueueMessagesMax) {
      this.#queue.push({ ...message, qos });
      this.#pump();
    }
  }

  acknowledged(id: number): void {
    this.#inFlight.delete(id);
    this.#pump();
  }

  get waiting(): number {
    return this.#queue.length + this.#inFlight.size;
  }

  #pump(): void {
    while (this.#write && this.#inFlight.size < this.#window) {
      const message = this.#queue.shift();
      if (!message) return;
      if (message.untilMs <= this.nowMs()) continue;
      do this.#lastId = (this.#lastId % 0xffff) + 1;
      while (this.#inFlight.has(this.#lastId));
      this.#inFlight.set(this.#lastId, message);
      this.#publish(this.#lastId, message, false);
      if (this.twice) this.#publish(this.#lastId, message, true);
    }
  }

  #publish(id: number, message: MqttMessage, again: boolean): void {
    const { topic, payload, qos, retain, untilMs } = message;
    const held = new Map(message.properties);
    if (Number.isFinite(untilMs)) {
      const leftS = Math.max(1, Math.ceil((untilMs - this.nowMs()) / 1_000));
      held.set(PROPERTY.messageExpiry, leftS);
    }
    const flags = (again ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
    const head = qos === 1 ? [...text(topic), ...u16(id)] : text(topic);
    this.#write?.(packet(3, flags, head, properties(held), [...payload]));
  }
}

/** Topic filters with + and # (§4.7). */
export function isMatch(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const given = topic.split("/");
  for (const [level, word] of wanted.entries()) {
    if (word === "#") return true;
    if (level >= given.length || (word !== "+" && word !== given[level])) return false;
  }
  return wanted.length === given.length;
}
