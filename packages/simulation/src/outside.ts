import type { Bridge, Delivery, DeliveryKind, DeliveryResult, RecipientResult } from "@estafette/contract";
import { sleep } from "@estafette/contract";
import type { Chance } from "./chance.js";
import { createNodeClock } from "./clock.js";
import type { Kernel } from "./kernel.js";

/** One mail that somebody outside took from a gateway. */
export interface HandOver {
  readonly atMs: number;
  readonly node: string;
  readonly life: number;
  readonly kind: DeliveryKind;
  readonly deliveryId: string;
  /** What a mailbox drops repeats by: the X-Estafette-Id header, else the delivery's id. */
  readonly stableId: string;
  readonly from: string;
  readonly to: string;
  readonly rfc5322: Uint8Array;
  readonly possibleDuplicate: boolean;
  /** True once the gateway was told; a power cut between leaves it false. */
  told: boolean;
}

/** How people behind the gateways behave. */
export interface OutsideTraits {
  /** Chance that a hand-over is put off for now. */
  readonly deferred: number;
  /** A hand-over takes between 1 ms and this. */
  readonly handOverMsMax: number;
}

/**
 * Mailboxes and the internet, seen from the gateways. They outlive every power cut. A mailbox drops a second mail
 * with the same X-Estafette-Id, as the documented Sieve rule of a real one does; the internet drops nothing.
 */
export class Outside {
  /** Everything that was ever taken, in order. */
  readonly handOvers: HandOver[] = [];
  /** Address → what its owner sees. */
  readonly #mailboxes = new Map<string, HandOver[]>();
  readonly #known: ReadonlySet<string>;
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly traits: OutsideTraits;
  /** Faults are over: nothing is deferred any more. */
  healed = false;

  constructor(kernel: Kernel, known: ReadonlySet<string>, traits: OutsideTraits) {
    this.#kernel = kernel;
    this.#known = known;
    this.#chance = kernel.chance.fork("outside");
    this.traits = traits;
  }

  mailbox(address: string): readonly HandOver[] {
    return this.#mailboxes.get(address) ?? [];
  }

  /** A bridge of `node`; `alive` is asked at each step, because a gateway may lose power between two of them. */
  bridge(node: string, life: number, alive: () => boolean): Bridge {
    const machine = { bootId: "outside", bootedAtMs: 0, wallErrorMs: 0, trust: "trusted" as const };
    const clock = createNodeClock(this.#kernel, "outside", machine, () => true);
    return {
      delivers: ["mailbox", "internet"],
      start: async () => ({ simulated: `${node}:0` }),
      deliver: async (delivery, signal) => {
        const lastsMs = this.#chance.between(1, this.traits.handOverMsMax);
        const takenAfterMs = this.#chance.between(0, lastsMs);
        await sleep(clock, takenAfterMs);
        if (!alive() || signal.aborted) throw new Error("the connection to the mail server was lost");
        const taken = delivery.to.map((to) => this.#take(node, life, delivery, to));
        await sleep(clock, lastsMs - takenAfterMs);
        if (alive()) for (const one of taken) if ("handOver" in one) one.handOver.told = true;
        return { recipients: taken.map((one) => one.result) } satisfies DeliveryResult;
      },
    };
  }

  #take(
    node: string,
    life: number,
    delivery: Delivery,
    to: string,
  ):
    | { readonly result: RecipientResult; readonly handOver: HandOver }
    | { readonly result: RecipientResult } {
    if (!this.healed && this.#chance.happens(this.traits.deferred)) {
      return { result: { outcome: "deferred", detail: "451 4.3.0 later", retryAfterMs: 30_000 } };
    }
    if (!this.#known.has(to)) {
      return { result: { outcome: "refused", detail: "550 no such user", status: "5.1.1" } };
    }
    const stableId = headerOf(delivery.rfc5322, "x-estafette-id") ?? delivery.deliveryId;
    const handOver: HandOver = {
      atMs: this.#kernel.nowMs,
      node,
      life,
      kind: delivery.kind,
      deliveryId: delivery.deliveryId,
      stableId,
      from: delivery.from,
      to,
      rfc5322: delivery.rfc5322.slice(),
      possibleDuplicate: delivery.possibleDuplicate,
      told: false,
    };
    this.handOvers.push(handOver);
    this.#kernel.note(`${node} handed ${delivery.kind} ${stableId} to ${to}`);
    const box = this.#mailboxes.get(to) ?? [];
    this.#mailboxes.set(to, box);
    const repeated = delivery.kind === "mailbox" && box.some((mail) => mail.stableId === stableId);
    if (!repeated) box.push(handOver);
    return { result: { outcome: "delivered", detail: "250 2.0.0 taken" }, handOver };
  }
}

/** Value of the first header `name` (lower case) of a mail, unfolded; null when there is none. */
export function headerOf(rfc5322: Uint8Array, name: string): string | null {
  const text = Buffer.from(rfc5322.buffer, rfc5322.byteOffset, rfc5322.byteLength).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  const head = (end < 0 ? text : text.slice(0, end)).replace(/\r\n[ \t]+/g, " ");
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return null;
}

/** Everything after the empty line. */
export function bodyOf(rfc5322: Uint8Array): Uint8Array {
  const view = Buffer.from(rfc5322.buffer, rfc5322.byteOffset, rfc5322.byteLength);
  const end = view.indexOf("\r\n\r\n");
  return end < 0 ? new Uint8Array(0) : rfc5322.subarray(end + 4);
}
