import type { Clock } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";

/** A message that came up from a ship. `payload` is empty for a mailbox check. */
export interface MobileOriginated {
  readonly cdr: number;
  readonly imei: string;
  readonly momsn: number;
  readonly mtmsn: number;
  readonly unixS: number;
  readonly payload: Uint8Array;
}

/** What a session brought down. */
export interface MobileTerminated {
  readonly mtmsn: number;
  readonly payload: Uint8Array;
}

/** Billed to one modem, in credits: one per started 50 bytes each way, one for a session that carried nothing. */
export interface SbdBill {
  readonly up: number;
  readonly down: number;
  readonly empty: number;
}

/** Answer to a message for a ship: its place in the queue, or the reason it was refused, as DirectIP numbers them. */
export type QueueStatus = number;

interface Subscriber {
  readonly queue: { readonly payload: Uint8Array; readonly untilMs: number }[];
  mtmsn: number;
  bill: { up: number; down: number; empty: number };
  /** Rings the modem. */
  ring: () => void;
}

export interface SbdGatewayOptions {
  readonly clock: Clock;
  /** Hands one message to the owner of the modem; false or a throw: not taken, tried again. */
  readonly deliver: (message: MobileOriginated) => Promise<boolean>;
  /** Milliseconds between two attempts to hand over, scaled. Default 5 000. */
  readonly retryMs?: number;
  /** Milliseconds a message for a ship is kept, scaled. Default five days. */
  readonly keepMs?: number;
  readonly timeScale?: number;
  /** A defect seen in the field: each message is handed over this many times. Default 1. */
  readonly copies?: number;
}

/** The satellite operator's gateway: queues for each modem, a bill for each modem, and delivery ashore. */
export class SbdGateway {
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #ashore: MobileOriginated[] = [];
  #cdr = 0;
  #delivering = false;
  #closed = false;
  #cancelWait = (): void => {};

  constructor(private readonly options: SbdGatewayOptions) {}

  /** Makes a modem known. `ring` is called when something waits for it. */
  subscribe(imei: string, ring: () => void): void {
    const known = this.#subscribers.get(imei);
    if (known) known.ring = ring;
    else {
      this.#subscribers.set(imei, { queue: [], mtmsn: 0, bill: { up: 0, down: 0, empty: 0 }, ring });
    }
  }

  /** One session as the gateway sees it. `cut`: it took the message, and the answer never reaches the modem. */
  session(
    imei: string,
    momsn: number,
    payload: Uint8Array,
    cut: boolean,
  ): { readonly mt: MobileTerminated | null; readonly queued: number } {
    const subscriber = this.#subscribers.get(imei);
    if (!subscriber) return { mt: null, queued: 0 };
    this.#expire(subscriber);
    const next = cut ? undefined : subscriber.queue.shift();
    if (next) subscriber.mtmsn = (subscriber.mtmsn + 1) & 0xffff;
    const mt = next ? { mtmsn: subscriber.mtmsn, payload: next.payload } : null;
    const { bill } = subscriber;
    bill.up += credits(payload.length);
    bill.down += credits(mt?.payload.length ?? 0);
    if (payload.length === 0 && !mt && !cut) bill.empty++;
    const unixS = Math.floor(this.options.clock.unixMs() / 1_000);
    const message = { cdr: ++this.#cdr, imei, momsn, mtmsn: mt?.mtmsn ?? 0, unixS, payload };
    for (let copy = 0; copy < (this.options.copies ?? 1); copy++) this.#ashore.push(message);
    // An operator's store is large, ours is not: the oldest is lost, as after its own days of keeping.
    while (this.#ashore.length > EMULATOR_LIMITS.sbdAshoreMessagesMax) this.#ashore.shift();
    void this.#handOver();
    return { mt, queued: subscriber.queue.length };
  }

  /** A message for a ship. Status as DirectIP has it: 1…50 place in the queue, −2 unknown, −3 too long, −4 no payload,
   *  −5 the queue is full. */
  enqueue(imei: string, payload: Uint8Array, flush = false): QueueStatus {
    const subscriber = this.#subscribers.get(imei);
    if (!subscriber) return -2;
    if (flush) subscriber.queue.length = 0;
    if (payload.length === 0) return flush ? 0 : -4;
    if (payload.length > EMULATOR_LIMITS.sbdMtBytesMax) return -3;
    this.#expire(subscriber);
    if (subscriber.queue.length >= EMULATOR_LIMITS.sbdQueueMessagesMax) return -5;
    const keepMs = (this.options.keepMs ?? FIVE_DAYS_MS) / (this.options.timeScale ?? 1);
    subscriber.queue.push({ payload: payload.slice(), untilMs: this.options.clock.monotonicMs() + keepMs });
    subscriber.ring();
    return subscriber.queue.length;
  }

  queued(imei: string): number {
    return this.#subscribers.get(imei)?.queue.length ?? 0;
  }

  /** What the owner pays so far. */
  bill(imei: string): SbdBill {
    return { ...(this.#subscribers.get(imei)?.bill ?? { up: 0, down: 0, empty: 0 }) };
  }

  /** Messages that came up and nobody ashore has taken yet. */
  get undelivered(): number {
    return this.#ashore.length;
  }

  close(): void {
    this.#closed = true;
    this.#cancelWait();
  }

  /** One after the other, each until it is taken. */
  async #handOver(): Promise<void> {
    if (this.#delivering) return;
    this.#delivering = true;
    const { clock, deliver, retryMs = 5_000, timeScale = 1 } = this.options;
    for (let message = this.#ashore[0]; message && !this.#closed; message = this.#ashore[0]) {
      const taken = await deliver(message).catch(() => false);
      if (taken) this.#ashore.shift();
      else if (!this.#closed) {
        await new Promise<void>((resolve) => {
          const cancel = clock.timer(retryMs / timeScale, resolve);
          this.#cancelWait = () => {
            cancel();
            resolve();
          };
        });
      }
    }
    this.#delivering = false;
  }

  #expire({ queue }: Subscriber): void {
    const nowMs = this.options.clock.monotonicMs();
    while (queue[0] && queue[0].untilMs <= nowMs) queue.shift();
  }
}

function credits(byteCount: number): number {
  return Math.ceil(byteCount / 50);
}

const FIVE_DAYS_MS = 5 * 86_400_000;
