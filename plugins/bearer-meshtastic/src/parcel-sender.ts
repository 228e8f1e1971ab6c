import { type BearerHost, type SendResult, sleep } from "@estafette/contract";
import { type Expectation, unlessAborted } from "@estafette/framing";
import { decodeRoutingError, type FromRadio, PORT_ROUTING, ROUTING_ERRORS } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";
import type { RadioSession } from "./radio-session.js";
import { heartbeatFrame, packetFrame, type SentPacket } from "./to-radio.js";

/** Times of one parcel, in milliseconds. */
export interface ParcelTimes {
  readonly airtimeMs: number;
  /** After which the radio repeats what was not acknowledged. */
  readonly repeatMs: number;
}

type QueueStatus = Extract<FromRadio, { type: "queue-status" }>;

/** What became of a parcel, and how many times it was on the air at most. */
export interface Sent {
  readonly result: SendResult;
  readonly transmissions: number;
}

/** Gives a radio one packet and waits until it is on the air: what lies in the radio's queue of 16 cannot be overtaken,
 *  so there is never more of ours in it than one. */
export class ParcelSender {
  /** The radio still held other packets when we looked last. */
  #isCongested = false;

  constructor(
    private readonly session: RadioSession,
    private readonly host: Pick<BearerHost, "clock" | "log">,
  ) {}

  async send(packet: SentPacket, times: ParcelTimes, signal: AbortSignal): Promise<Sent> {
    if (this.#isCongested) {
      const isFree = await this.#hasRoom(signal, PATIENT_POLL);
      if (isFree !== true) return unsent(isFree === "gone" ? GONE : busy(2 * times.airtimeMs));
      this.#isCongested = false;
    }
    const routing = this.#expectRouting(packet, times);
    try {
      const taken = await this.#handOver(packet, signal);
      if (taken !== null) return taken;
      return await this.#finish(packet, times, routing, signal);
    } finally {
      routing.cancel();
    }
  }

  /** The radio's first word on the packet. Null: it took it, or said nothing though it lives. */
  async #handOver(packet: SentPacket, signal: AbortSignal): Promise<Sent | null> {
    const { session } = this;
    const first = session.expect(
      (message) =>
        (message.type === "queue-status" && message.packetId === packet.id) ||
        isRestart(message) ||
        (routingErrorOn(message, packet.id) ?? 0) !== 0,
      MESHTASTIC_LIMITS.answerMsMax,
    );
    if (!(await session.write(packetFrame(packet)))) first.cancel();
    const answer = await unlessAborted(first, signal);
    if (answer === "gone") return unsent(GONE);
    if (answer === "aborted") return { result: timedOut(0), transmissions: 1 };
    if (answer === "silent") {
      // Old firmware answers no packet; a dead radio answers nothing.
      if ((await this.#ask(signal)) !== null) return null;
      session.close("the radio has fallen silent");
      return { result: timedOut(GONE_RETRY_MS), transmissions: 1 };
    }
    if (isRestart(answer)) return { result: timedOut(GONE_RETRY_MS), transmissions: 1 };
    const error = answer.type === "queue-status" ? answer.res : routingErrorOn(answer, packet.id);
    return error === 0 ? null : unsent(this.#refusal(error ?? 0));
  }

  #refusal(error: number): SendResult {
    this.host.log("info", "the radio does not take a parcel", { error });
    switch (error) {
      case ROUTING_ERRORS.tooLarge:
        return { outcome: "refused", why: "too-large" };
      case ROUTING_ERRORS.dutyCycleLimit:
      case ROUTING_ERRORS.rateLimit:
        return { outcome: "deferred", why: "budget", retryAfterMs: DUTY_RETRY_MS };
      case ROUTING_ERRORS.noChannel:
      case ROUTING_ERRORS.pkiFailed:
      case ROUTING_ERRORS.pkiUnknownKey:
      case ROUTING_ERRORS.pkiNoKey:
        return { outcome: "deferred", why: "no-contact", retryAfterMs: KEY_RETRY_MS };
      default:
        return busy(BUSY_RETRY_MS);
    }
  }

  async #finish(
    packet: SentPacket,
    times: ParcelTimes,
    routing: Expectation<FromRadio>,
    signal: AbortSignal,
  ): Promise<Sent> {
    const startMs = this.host.clock.monotonicMs();
    const drained = await this.#untilOnAir(times.airtimeMs, signal);
    if (drained === "gone") return { result: timedOut(GONE_RETRY_MS), transmissions: 1 };
    this.#isCongested = drained === "congested";
    if (!packet.wantAck) return { result: { outcome: "sent" }, transmissions: 1 };
    const answer = await unlessAborted(routing, signal);
    const elapsedMs = this.host.clock.monotonicMs() - startMs;
    const repeats = Math.min(MESHTASTIC_LIMITS.repeatsMax, Math.floor(elapsedMs / times.repeatMs));
    const transmissions = 1 + repeats;
    if (typeof answer === "string" || isRestart(answer)) return { result: timedOut(0), transmissions };
    const error = routingErrorOn(answer, packet.id);
    if (error === 0) return { result: { outcome: "acknowledged" }, transmissions };
    return { result: timedOut(times.airtimeMs), transmissions };
  }

  /** The radio says when its queue is empty, not when it is silent again: first the time on the air passes. */
  async #untilOnAir(airtimeMs: number, signal: AbortSignal): Promise<"free" | "congested" | "gone"> {
    await sleep(this.host.clock, airtimeMs, signal);
    for (let poll = 0; poll < MESHTASTIC_LIMITS.pollsMax && !signal.aborted; poll++) {
      const isFree = await this.#hasRoom(signal, poll);
      if (isFree === "gone") return "gone";
      if (isFree) return "free";
      await sleep(this.host.clock, Math.max(POLL_MS_MIN, airtimeMs / 2), signal);
    }
    return "congested";
  }

  /** Room enough: at first an empty queue, so that ours has left it; later one that others keep half busy. */
  async #hasRoom(signal: AbortSignal, poll: number): Promise<boolean | "gone"> {
    const status = await this.#ask(signal);
    if (status === null) return "gone";
    const othersMax = poll < PATIENT_POLL ? 0 : QUEUED_BY_OTHERS_MAX;
    return status.free >= status.lengthMax - othersMax;
  }

  /** Null: no answer. */
  async #ask(signal: AbortSignal): Promise<QueueStatus | null> {
    const status = this.session.expect(
      (message) => isRestart(message) || (message.type === "queue-status" && message.packetId === 0),
      MESHTASTIC_LIMITS.answerMsMax,
    );
    if (!(await this.session.write(heartbeatFrame()))) status.cancel();
    const answer = await unlessAborted(status, signal);
    return typeof answer === "object" && answer.type === "queue-status" ? answer : null;
  }

  #expectRouting(packet: SentPacket, times: ParcelTimes): Expectation<FromRadio> {
    const withinMs = packet.wantAck ? (MESHTASTIC_LIMITS.repeatsMax + 2) * times.repeatMs : 1;
    return this.session.expect(
      (message) => isRestart(message) || routingErrorOn(message, packet.id) !== null,
      withinMs,
    );
  }
}

/** What a routing message says about our packet `id`; null: it is none, or about another. */
function routingErrorOn(message: FromRadio, id: number): number | null {
  if (message.type !== "packet" || message.packet.data === null) return null;
  const { port, payload, requestId } = message.packet.data;
  if (port !== PORT_ROUTING || requestId !== id) return null;
  try {
    return decodeRoutingError(payload);
  } catch {
    // Well-formed on the outside and not inside: somebody else's rubbish, over the air.
    return null;
  }
}

function isRestart(message: FromRadio): boolean {
  return message.type === "rebooted";
}

function unsent(result: SendResult): Sent {
  return { result, transmissions: 0 };
}

function busy(retryAfterMs: number): SendResult {
  return { outcome: "deferred", why: "busy", retryAfterMs };
}

function timedOut(retryAfterMs: number): SendResult {
  return { outcome: "deferred", why: "timeout", retryAfterMs };
}

const GONE_RETRY_MS = 5_000;
const GONE: SendResult = { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_RETRY_MS };
const BUSY_RETRY_MS = 2_000;
/** The radio counts a sliding hour; a minute later there is room for a packet or two. */
const DUTY_RETRY_MS = 60_000;
/** Keys come with the node database. */
const KEY_RETRY_MS = 300_000;
const POLL_MS_MIN = 50;
/** From this question on, packets of others in the queue no longer count. */
const PATIENT_POLL = 8;
const QUEUED_BY_OTHERS_MAX = 4;
