import { type MessageClass, type Rng, uniformBelow } from "@estafette/contract";
import type {
  Answer,
  ChannelTraits,
  Conversation,
  ConversationEvent,
  KnownNeighbour,
  TransferResult,
} from "../api.js";
import { createConversation } from "../conversation.js";
import { headIn, hex, type Person, seededRng } from "./fixtures.js";

/*
 * Two conversations on one channel in virtual time. Everything unpredictable comes from the seed.
 * The ends play the relay: they want what they do not hold, keep ranges across conversations and accept.
 */

export interface Weather {
  loss: number;
  duplicate: number;
  /** Chance that a parcel is late by up to `lateMs`. */
  late: number;
  lateMs: number;
  /** Chance that one bit of a parcel is flipped. */
  bitError: number;
}

export const CALM: Weather = { loss: 0, duplicate: 0, late: 0, lateMs: 0, bitError: 0 };

/** What one end keeps across conversations, as a spool would. */
export class Keeper {
  pairSecret: Uint8Array | null = null;
  readonly held = new Map<string, { start: number; end: number; bytes: Uint8Array }[]>();
  readonly committed = new Map<string, { head: Uint8Array; payload: Uint8Array; times: number }>();
  readonly notes: string[] = [];
  readonly results: { key: number; result: TransferResult }[] = [];
}

interface Receiving {
  readonly id: string;
  readonly headBytes: number;
  readonly payloadBytes: number;
  head: Uint8Array | null;
}

export interface EndOptions {
  readonly self: Person;
  readonly expected: KnownNeighbour | null;
  readonly admit?: (rootPublic: Uint8Array, staticPublic: Uint8Array) => KnownNeighbour | null;
  readonly keeper?: Keeper;
  readonly decideMs?: number;
  readonly commitMs?: number;
  /** Overrides what a spool would answer. */
  readonly answer?: (id: string, messageClass: MessageClass) => Answer | null;
  readonly judgeHead?: (id: string) => Exclude<Answer, { answer: "want" }> | null;
  readonly channel?: ChannelTraits;
  readonly greeting?: Uint8Array;
}

export class End {
  conversation: Conversation;
  readonly keeper: Keeper;
  readonly log: ConversationEvent[] = [];
  readonly sent: Uint8Array[] = [];
  txStartMs = 0;
  txUntilMs = 0;
  collided = false;
  /** What its link lets go now. */
  leastUrgent: MessageClass = "bulk";
  receiving = new Map<number, Receiving>();

  constructor(
    readonly world: World,
    readonly options: EndOptions,
  ) {
    this.keeper = options.keeper ?? new Keeper();
    this.conversation = this.create();
  }

  create(): Conversation {
    const { self, expected, admit } = this.options;
    this.receiving = new Map();
    return createConversation({
      self: self.identity,
      expected: expected === null ? null : { ...expected, pairSecret: this.keeper.pairSecret },
      admit: admit ?? (() => null),
      channel: this.options.channel ?? this.world.channel,
      rng: this.world.rng,
      nowMs: this.world.nowMs,
      greeting: this.options.greeting ?? new Uint8Array(0),
    });
  }

  react(): void {
    for (const event of this.conversation.takeEvents()) {
      this.log.push(event);
      this.reactTo(event, this.conversation);
    }
  }

  private later(delayMs: number, conversation: Conversation, act: () => void): void {
    this.world.at(this.world.nowMs + delayMs, () => {
      if (this.conversation === conversation) act();
    });
  }

  private reactTo(event: ConversationEvent, conversation: Conversation): void {
    const { decideMs = 0, commitMs = 0, judgeHead } = this.options;
    const { world, keeper } = this;
    switch (event.type) {
      case "established":
        keeper.pairSecret = event.pairSecret;
        break;
      case "pushed":
        this.later(commitMs, conversation, () => this.commitPushed(event.tag, event.bytes, conversation));
        break;
      case "offered": {
        const id = hex(event.id);
        const { headBytes, payloadBytes, tag } = event;
        this.receiving.set(tag, { id, headBytes, payloadBytes, head: null });
        this.later(decideMs, conversation, () => {
          conversation.decide(tag, this.answerTo(id, event.class), world.nowMs);
        });
        break;
      }
      case "head": {
        const open = this.receiving.get(event.tag);
        if (open !== undefined) open.head = event.bytes;
        const verdict = open === undefined ? null : (judgeHead?.(open.id) ?? null);
        if (verdict !== null) conversation.reject(event.tag, verdict, world.nowMs);
        break;
      }
      case "range": {
        const open = this.receiving.get(event.tag);
        if (open === undefined) throw new Error("range of nothing");
        const held = keeper.held.get(open.id) ?? [];
        held.push({ start: event.start, end: event.start + event.bytes.length, bytes: event.bytes });
        keeper.held.set(open.id, held);
        break;
      }
      case "complete":
        this.later(commitMs, conversation, () => this.commit(event.tag, conversation));
        break;
      case "note":
        keeper.notes.push(hex(event.bytes));
        this.later(commitMs, conversation, () => conversation.acceptNote(event.tag, world.nowMs));
        break;
      case "settled":
        keeper.results.push(event);
        break;
      case "lost":
        break;
    }
  }

  private answerTo(id: string, messageClass: MessageClass): Answer {
    const special = this.options.answer?.(id, messageClass) ?? null;
    if (special !== null) return special;
    if (this.keeper.committed.has(id)) return { answer: "have" };
    return { answer: "want", held: this.keeper.held.get(id) ?? [] };
  }

  private commitPushed(tag: number, bytes: Uint8Array, conversation: Conversation): void {
    const { id, headBytes } = headIn(bytes);
    const before = this.keeper.committed.get(hex(id));
    if (before !== undefined) {
      conversation.reject(tag, { answer: "have" }, this.world.nowMs);
      return;
    }
    const [head, payload] = [bytes.slice(0, headBytes), bytes.slice(headBytes)];
    this.keeper.committed.set(hex(id), { head, payload, times: 1 });
    conversation.accept(tag, this.world.nowMs);
  }

  private commit(tag: number, conversation: Conversation): void {
    const open = this.receiving.get(tag);
    if (open?.head == null) throw new Error("complete without a head");
    const payload = new Uint8Array(open.payloadBytes);
    const covered = new Uint8Array(open.payloadBytes);
    for (const range of this.keeper.held.get(open.id) ?? []) {
      payload.set(range.bytes, range.start);
      covered.fill(1, range.start, range.end);
    }
    if (covered.includes(0)) throw new Error("complete with a gap");
    const before = this.keeper.committed.get(open.id)?.times ?? 0;
    this.keeper.committed.set(open.id, { head: open.head, payload, times: before + 1 });
    conversation.accept(tag, this.world.nowMs);
  }
}

export class World {
  nowMs = 1000;
  readonly rng: Rng;
  /** Chance of the channel, apart from that of the ends, so that recorded runs stay comparable. */
  private readonly chance: Rng;
  private queue: { atMs: number; order: number; act: () => void }[] = [];
  private order = 0;
  readonly ends: End[] = [];
  up = true;
  /** Every parcel put on the channel, with its sender. */
  readonly record: { from: number; bytes: Uint8Array; atMs: number }[] = [];
  collisions = 0;

  constructor(
    readonly channel: ChannelTraits,
    readonly weather: Weather,
    seed: number,
  ) {
    this.rng = seededRng(seed);
    this.chance = seededRng(seed ^ 0x5eed);
  }

  add(options: EndOptions): End {
    const end = new End(this, options);
    this.ends.push(end);
    return end;
  }

  at(atMs: number, act: () => void): void {
    this.queue.push({ atMs, order: this.order++, act });
  }

  private happens(rate: number): boolean {
    return rate > 0 && uniformBelow(this.chance, 1_000_000) < rate * 1_000_000;
  }

  /** Runs until `done` or `untilMs`; false when time ran out. */
  run(untilMs: number, done: () => boolean = () => false): boolean {
    for (let idle = 0, last = this.nowMs; ; ) {
      this.settleInputs();
      if (done()) return true;
      this.settleInputs(); // done() may have offered something
      const next = this.nextAtMs();
      if (next === null || next > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return false;
      }
      this.nowMs = Math.max(this.nowMs, next);
      idle = this.nowMs === last ? idle + 1 : 0;
      last = this.nowMs;
      if (idle > 20_000) throw new Error("time stands still");
      this.step();
    }
  }

  private nextAtMs(): number | null {
    let next: number | null = null;
    for (const { atMs } of this.queue) if (next === null || atMs < next) next = atMs;
    for (const end of this.ends) {
      const at = end.conversation.nextTickMs();
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  private step(): void {
    const due = this.queue.filter(({ atMs }) => atMs <= this.nowMs);
    this.queue = this.queue.filter(({ atMs }) => atMs > this.nowMs);
    due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    for (const { act } of due) {
      act();
      this.settleInputs();
    }
    for (const end of this.ends) {
      const at = end.conversation.nextTickMs();
      if (at === null || at > this.nowMs) continue;
      end.conversation.tick(this.nowMs);
      const again = end.conversation.nextTickMs();
      if (again !== null && again <= this.nowMs) throw new Error("a tick did not help");
    }
  }

  private settleInputs(): void {
    for (const end of this.ends) {
      end.react();
      this.pump(end);
      end.react();
    }
  }

  /** As a bearer would: while the channel is free, take the next parcel. */
  private pump(end: End): void {
    for (let count = 0; count < 10_000 && this.up; count++) {
      const other = this.ends.find((one) => one !== end);
      if (end.txUntilMs > this.nowMs) return;
      const half = this.channel.duplex === "half";
      const heard = other !== undefined && other.txUntilMs > this.nowMs;
      if (half && heard && other.txStartMs + this.channel.turnaroundMs / 4 <= this.nowMs) return;
      const bytes = end.conversation.nextParcel(this.nowMs, end.leastUrgent);
      if (bytes === null) return;
      if (bytes.length > this.channel.parcelBytesMax) throw new Error("a parcel that is too large");
      this.transmit(end, other, bytes, half);
    }
  }

  private transmit(end: End, other: End | undefined, bytes: Uint8Array, half: boolean): void {
    this.record.push({ from: this.ends.indexOf(end), bytes, atMs: this.nowMs });
    end.sent.push(bytes);
    end.txStartMs = this.nowMs;
    end.txUntilMs = this.nowMs + this.channel.airtimeMs(bytes.length);
    end.collided = false;
    if (half && other !== undefined && other.txUntilMs > this.nowMs) {
      end.collided = true;
      other.collided = true;
      this.collisions++;
    }
    const arrivesMs = end.txUntilMs + this.channel.turnaroundMs / 4;
    this.at(end.txUntilMs, () => {
      if (end.collided || other === undefined || !this.up) return;
      if (this.happens(this.weather.loss)) return;
      const copies = this.happens(this.weather.duplicate) ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) this.carry(other, bytes, arrivesMs);
    });
  }

  private carry(to: End, bytes: Uint8Array, arrivesMs: number): void {
    const lateMs = this.happens(this.weather.late) ? uniformBelow(this.chance, this.weather.lateMs + 1) : 0;
    const arrived = bytes.slice();
    if (this.happens(this.weather.bitError)) {
      const bit = uniformBelow(this.chance, arrived.length * 8);
      arrived[bit >>> 3] = (arrived[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    }
    const { conversation } = to;
    this.at(arrivesMs + lateMs, () => {
      if (to.conversation === conversation) to.conversation.heard(arrived, this.nowMs);
    });
  }

  /** The channel goes away and comes back: both ends talk anew. */
  cut(): void {
    this.queue = [];
    for (const end of this.ends) {
      end.conversation.close(this.nowMs, "cut");
      end.react();
      end.conversation = end.create();
      end.txUntilMs = this.nowMs;
    }
  }
}
