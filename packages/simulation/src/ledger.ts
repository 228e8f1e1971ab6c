import type { Submission } from "@estafette/contract";
import type { EndState, Leg, MessageRecord, NewDelivery, NewMessage, Spool } from "@estafette/spool";
import type { Kernel } from "./kernel.js";

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function keyText(key: {
  readonly origin: Uint8Array;
  readonly epoch: number;
  readonly sequence: number;
}): string {
  return `${hex(key.origin)}.${key.epoch}.${key.sequence}`;
}

export interface KeptMessage {
  readonly message: NewMessage;
  readonly atMs: number;
}

export interface Ending {
  readonly end: EndState;
  readonly detail: string;
  readonly atMs: number;
}

/**
 * What one node's store really committed, written down beside it by the world, never read by the node. It sits
 * directly on the production store: whoever says "it is safe" before this book has the entry, lies.
 */
export class Ledger {
  readonly messages = new Map<string, KeptMessage>();
  readonly endings = new Map<string, Ending>();
  /** Envelope ids (hex) this node has, or had, in its custody, with the time of the commit. */
  readonly custody = new Map<string, number>();
  readonly legs = new Map<number, Leg>();
  /** Envelope ids (hex) whose commit was asked for, with the life in which that happened last. */
  readonly attempts = new Map<string, number>();
  /** Deliveries to this node's own users that came from this node's own users. */
  readonly #local: NewDelivery[] = [];
  /** The present life of the node. */
  life = 0;
  /** Times a neighbour's custody was compared with its own book. */
  comparisons = 0;

  constructor(
    readonly node: string,
    readonly address: Uint8Array,
    private readonly kernel: Kernel,
    private readonly world: {
      /** This node released its copy of envelope `id`, because the node with this address said that it has it. */
      custodyClaimed(address: Uint8Array, id: Uint8Array): void;
      violation(text: string): void;
    },
  ) {}

  /** The store with this book beside it. */
  around(spool: Spool): Spool {
    const book = this;
    const watched: Partial<Spool> = {
      async acceptMessages(...kept) {
        await spool.acceptMessages(...kept);
        const [messages, deliveries = []] = kept;
        for (const message of messages) book.#keep(message);
        book.#local.push(...deliveries);
      },
      async acceptEnvelope(envelope) {
        book.attempts.set(hex(envelope.id), book.life);
        const outcome = await spool.acceptEnvelope(envelope);
        book.#hold(envelope.id, outcome);
        return outcome;
      },
      async acceptArrival(arrival) {
        if (arrival.envelope !== null) book.attempts.set(hex(arrival.envelope.id), book.life);
        const outcome = await spool.acceptArrival(arrival);
        if (arrival.envelope === null) book.#local.push(...arrival.deliveries);
        else book.#hold(arrival.envelope.id, outcome.outcome);
        return outcome;
      },
      async compose(composed) {
        book.attempts.set(hex(composed.envelope.id), book.life);
        await spool.compose(composed);
        book.#hold(composed.envelope.id, "composed");
      },
      async tell(told) {
        const answer = await spool.tell(told);
        if (answer.told) for (const message of told.messages) book.#keep(message);
        return answer;
      },
      ready: async (where) => book.#learn(await spool.ready(where)),
      legs: async (where) => book.#learn(await spool.legs(where)),
      legsOf: async (what) => book.#learn(await spool.legsOf(what)),
      async settleLeg(...answer) {
        const [legId, { outcome }] = answer;
        if (outcome === "taken") book.#compare(legId);
        const settled = await spool.settleLeg(...answer);
        book.#end(settled.ended);
        return settled;
      },
      settleMessages: async (...settled) => book.#end(await spool.settleMessages(...settled)),
      settleEnvelope: async (...settled) => book.#end(await spool.settleEnvelope(...settled)),
      async endMessage(...ended) {
        const record = await spool.endMessage(...ended);
        if (record !== null) book.#end([record]);
        return record;
      },
      async expire(limit) {
        const expired = await spool.expire(limit);
        book.#end(expired.messages);
        return expired;
      },
    };
    return new Proxy(spool, {
      get(target, property) {
        const own: unknown = Reflect.get(watched, property);
        if (own !== undefined) return own;
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  /** The first recipient of an accepted submission that no commit covers; null: all are safe. */
  missing(id: string, submission: Submission): string | null {
    const kept = [...this.messages.values()].filter(({ message }) => message.submissionId === id);
    const safe = new Set(kept.flatMap(({ message }) => message.to));
    for (const delivery of this.#local) {
      if (delivery.from === submission.from) for (const to of delivery.to) safe.add(to);
    }
    return submission.to.find((to) => !safe.has(to)) ?? null;
  }

  #keep(message: NewMessage): void {
    const key = keyText(message.key);
    this.kernel.note(`${this.node} keeps message ${key}`);
    this.messages.set(key, { message, atMs: this.kernel.nowMs });
  }

  #hold(id: Uint8Array, how: string): void {
    const text = hex(id);
    this.kernel.note(`${this.node} envelope ${text} ${how}`);
    if (!this.custody.has(text)) this.custody.set(text, this.kernel.nowMs);
  }

  #learn(legs: readonly Leg[]): readonly Leg[] {
    for (const leg of legs) this.legs.set(leg.legId, leg);
    return legs;
  }

  /** Our node releases custody: the neighbour's own book must already have it. */
  #compare(legId: number): void {
    const leg = this.legs.get(legId);
    if (leg === undefined || leg.what.kind !== "envelope") return;
    this.comparisons++;
    this.world.custodyClaimed(leg.hop.neighbour, leg.what.id);
  }

  #end(records: readonly MessageRecord[]): readonly MessageRecord[] {
    for (const record of records) {
      if (record.end === null) continue;
      const key = keyText(record.key);
      const earlier = this.endings.get(key);
      if (earlier !== undefined && earlier.end !== record.end) {
        this.world.violation(`${this.node} message ${key} ended twice: ${earlier.end}, then ${record.end}`);
      }
      if (earlier === undefined) {
        this.kernel.note(`${this.node} message ${key} ends ${record.end}: ${record.detail}`);
        this.endings.set(key, { end: record.end, detail: record.detail, atMs: this.kernel.nowMs });
      }
    }
    return records;
  }
}
