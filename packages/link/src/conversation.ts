import { ConfigError, invariant, type MessageClass, ProtocolError } from "@estafette/contract";
import { AnswerBudget } from "./answer-budget.js";
import type {
  Answer,
  Conversation,
  ConversationEvent,
  ConversationInit,
  ConversationStatus,
  OutgoingNote,
  OutgoingTransfer,
} from "./api.js";
import { applyRecord } from "./apply-record.js";
import { Handshake } from "./handshake.js";
import { RESET } from "./hello.js";
import { IncomingBook } from "./incoming.js";
import type { Agreement } from "./introduction.js";
import { LINK_LIMITS } from "./limits.js";
import { Liveness } from "./liveness.js";
import { OutgoingBook } from "./outgoing.js";
import { ParcelFill } from "./parcel-fill.js";
import { CLASSES, parseRecords } from "./records.js";
import { ASK, KIND, kindOf, OVER, type Session } from "./session.js";
import { Timing } from "./timing.js";
import { earliest, Turn } from "./turn.js";

/*
 *            ┌───────────┐ agreement ┌─────────┐ opened  ┌──────────────┐ events
 *  heard() ─►│ Handshake ├──────────►│ Session ├────────►│ IncomingBook ├──────►
 *            └───────────┘           └─────────┘ records │ OutgoingBook │
 *  nextParcel() ◄── Turn: may we speak? ◄── what is due ◄┴──────────────┘
 */

/** A conversation that has not begun. Throws a ConfigError for a channel below 48 bytes a parcel. */
export function createConversation(init: ConversationInit): Conversation {
  const { parcelBytesMax } = init.channel;
  if (parcelBytesMax < LINK_LIMITS.parcelBytesMin || parcelBytesMax > LINK_LIMITS.parcelBytesMax) {
    throw new ConfigError("EST_CONFIG_VALUE", `a parcel of ${parcelBytesMax} bytes is outside 48…65 535`, {
      key: "parcelBytesMax",
    });
  }
  invariant(init.greeting.length <= LINK_LIMITS.greetingBytesMax, "a greeting has 24 bytes at most");
  return new LinkConversation(init);
}

class LinkConversation implements Conversation {
  private readonly timing: Timing;
  private readonly turn: Turn;
  private readonly handshake: Handshake;
  private readonly incoming: IncomingBook;
  private readonly outgoing: OutgoingBook;
  private events: ConversationEvent[] = [];
  private session: Session | null = null;
  private lost = false;
  private readonly live: Liveness;
  private askedInBurst = false;
  private mustAnswer = false;
  private graceUntilMs: number | null = null;
  /** The wait that runs is for an answer to data of ours, so that its end in vain is silence. */
  private asked = false;
  /** When the last input came. */
  private nowMs: number;
  /** How often a parcel that proves nothing may change whose turn it is, or make us ask. */
  private readonly courtesy: AnswerBudget;
  private readonly counts = {
    parcelsSent: 0,
    parcelsHeard: 0,
    bytesSent: 0,
    bytesHeard: 0,
    parcelsRefused: 0,
  };

  constructor(private readonly init: ConversationInit) {
    this.nowMs = init.nowMs;
    this.timing = new Timing(init.channel, init.rng);
    this.turn = new Turn(this.timing);
    this.live = new Liveness(this.timing);
    this.handshake = new Handshake(init, this.timing);
    this.courtesy = new AnswerBudget(this.timing.strangerRefillMs(), init.nowMs);
    this.incoming = new IncomingBook(
      (event) => this.events.push(event),
      () => this.transfersOpenMax(),
    );
    this.outgoing = new OutgoingBook((key, result) => this.events.push({ type: "settled", key, result }));
  }

  start(nowMs: number): void {
    if (!this.lost && this.session === null) this.handshake.begin(nowMs);
  }

  heard(bytes: Uint8Array, nowMs: number): void {
    if (this.lost) return;
    this.nowMs = nowMs;
    this.counts.parcelsHeard++;
    this.counts.bytesHeard += bytes.length;
    if (bytes.length > LINK_LIMITS.parcelBytesMax || this.events.length > LINK_LIMITS.eventsPendingMax) {
      this.counts.parcelsRefused++;
      return;
    }
    try {
      if (kindOf(bytes) === KIND.data) this.heardData(bytes, nowMs);
      else if (kindOf(bytes) === KIND.reset && !this.handshake.beginning) this.heardReset(bytes, nowMs);
      else this.heardHandshake(bytes, nowMs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.counts.parcelsRefused++;
    }
  }

  private heardHandshake(bytes: Uint8Array, nowMs: number): void {
    const { laterPieces, agreement } = this.handshake.heard(bytes, nowMs);
    const proven = this.session === null || agreement !== null;
    if (proven || this.courtesy.spend(nowMs)) this.turn.heard(nowMs, laterPieces === 0);
    if (agreement !== null) this.promote(agreement);
  }

  private heardData(bytes: Uint8Array, nowMs: number): void {
    let opened = this.session?.open(bytes) ?? { outcome: "not-mine" as const };
    // "replayed" is the header's word only: under new keys with the same check byte, counters begin again.
    if (opened.outcome !== "ok") {
      const pending = this.handshake.openPending(bytes);
      if (pending !== null) {
        this.promote(pending.agreement);
        opened = pending.opened;
      }
    }
    if (opened.outcome !== "ok") {
      this.counts.parcelsRefused++;
      if (opened.outcome === "replayed") return;
      if (opened.outcome === "forged" && !this.live.forged()) return;
      if (this.session?.guessedAt === true) this.handshake.begin(nowMs);
      this.handshake.unknownData(bytes, nowMs);
      return;
    }
    this.live.heard();
    this.turn.silentAsks = 0;
    this.handshake.cancel();
    const over = (opened.flags & OVER) !== 0;
    const asks = (opened.flags & ASK) !== 0;
    this.turn.heard(nowMs, over, asks || !over);
    if (asks) this.mustAnswer = true;
    const records = parseRecords(opened.records);
    const before = this.events.length;
    const books = { incoming: this.incoming, outgoing: this.outgoing, timing: this.timing };
    for (const record of records) if (!applyRecord(record, books, nowMs)) this.counts.parcelsRefused++;
    if (this.events.length > before) this.graceUntilMs = nowMs + LINK_LIMITS.decisionGraceMs;
  }

  /** The neighbour says it does not know our context. Unauthenticated: believed only after asking again. */
  private heardReset(bytes: Uint8Array, nowMs: number): void {
    const reason = (bytes[0] ?? 0) & 0x1f;
    if (this.session === null || bytes.length !== 3 || reason !== RESET.unknownContext) {
      this.counts.parcelsRefused++;
      return;
    }
    const echo = this.session.echoed((bytes[1] ?? 0) * 256 + (bytes[2] ?? 0));
    const next = this.session.nextCounter16;
    if (echo === null) {
      this.counts.parcelsRefused++;
      return;
    }
    if (!this.init.channel.lossy) {
      this.turn.heard(nowMs, true);
      if (this.live.reset(echo, next)) this.handshake.begin(nowMs);
    } else if (!this.live.hint(echo, next)) this.counts.parcelsRefused++;
    else if (this.turn.waiting) this.turn.waitAtMost(nowMs + this.timing.answerMs());
    else if (this.live.probeDeadlineMs === null && this.courtesy.spend(nowMs)) this.live.probeDue = true;
  }

  /** New keys are in force. What was open under older ones is broken. */
  private promote(agreement: Agreement): void {
    if (this.session !== null) {
      this.outgoing.breakAll();
      this.incoming.clear();
    }
    this.handshake.settle(agreement);
    this.session = agreement.session;
    this.live.begin(agreement.initiator, this.nowMs);
    this.mustAnswer = false;
    const { pairSecret, resumed, greeting } = agreement;
    const neighbour = { ...agreement.neighbour, pairSecret };
    this.events.push({ type: "established", neighbour, resumed, pairSecret, greeting });
  }

  tick(nowMs: number): void {
    if (this.lost) return;
    this.nowMs = nowMs;
    if (this.handshake.tick(nowMs) === "failed") {
      this.lose(this.handshake.hint);
      return;
    }
    if (this.graceUntilMs !== null && nowMs >= this.graceUntilMs) this.graceUntilMs = null;
    const waitedInVain = this.turn.tick(nowMs) && this.asked;
    if (this.session === null || this.handshake.beginning) return;
    // On half duplex the end of the wait is the end of it for all that was asked in the burst before.
    const inVain = waitedInVain ? this.turn.burst - 1 : null;
    const expired = [this.live.tick(nowMs), this.outgoing.expire(nowMs, inVain)].includes(true);
    // On half duplex only a whole wait is silence; on full duplex every question that expires.
    const silent = this.init.channel.duplex === "half" ? waitedInVain : expired;
    if (silent && this.live.silent(nowMs)) this.lose("the neighbour no longer answers");
    this.turn.silentAsks = this.live.patience;
    if (!this.lost && this.live.takeDisowned()) this.handshake.begin(nowMs);
    if (this.session?.exhausted) this.lose("the keys are used up");
  }

  nextTickMs(): number | null {
    if (this.lost) return null;
    const deadlines =
      this.session === null || this.handshake.beginning
        ? []
        : [this.outgoing.nextDeadlineMs(), this.live.probeDeadlineMs, this.graceUntilMs];
    return earliest([this.handshake.nextTickMs(), this.turn.nextTickMs(), ...deadlines]);
  }

  nextParcel(nowMs: number, leastUrgent: MessageClass = "bulk"): Uint8Array | null {
    this.outgoing.leastUrgent = CLASSES.indexOf(leastUrgent);
    this.tick(nowMs);
    if (this.lost) return null;
    if (this.handshake.wantsToSpeak) {
      if (!this.turn.maySpeak(nowMs)) return null;
      const next = this.handshake.nextParcel(nowMs);
      if (next !== null) {
        // In a session an answer to a stranger is worth no wait.
        const ask = next.over && (next.ours || this.session === null);
        if (ask) this.asked = false;
        return this.send(next.bytes, nowMs, { over: next.over, ask });
      }
    }
    const { session } = this;
    if (session === null || this.handshake.beginning || this.holdsBack()) return null;
    if (!this.wantsToSpeak()) {
      if (!this.live.firstWord) this.turn.endBurst();
      return null;
    }
    if (!this.turn.maySpeak(nowMs)) return null;
    return this.nextData(session, nowMs);
  }

  /** An answer waits a moment for our own decisions, so that it is worth a parcel, on half duplex a turn. */
  private holdsBack(): boolean {
    if (this.graceUntilMs === null || !this.incoming.undecided) return false;
    return this.init.channel.duplex === "half" || !this.hasWords();
  }

  private wantsToSpeak(): boolean {
    return this.mustAnswer || this.hasWords();
  }

  private hasWords(): boolean {
    const { live, incoming, outgoing } = this;
    return live.probeDue || incoming.wantsToSpeak || outgoing.wantsToSpeak(this.turn.burst);
  }

  private nextData(session: Session, nowMs: number): Uint8Array {
    const parcelBytes = this.timing.parcelBytes(session.traits.parcelBytesMax);
    const parcel = new ParcelFill(session.roomBytes(parcelBytes));
    if (this.mustAnswer) this.incoming.reportPushes();
    this.incoming.fill(parcel, session.heardCounter16);
    const sendingUrgency = this.outgoing.sendingUrgency();
    const filled = this.outgoing.fill(parcel, {
      session,
      burst: this.turn.burst,
      roomBytes: parcel.roomBytes,
      deadlineMs: (tries) =>
        nowMs + this.init.channel.airtimeMs(parcelBytes) + this.timing.repetitionMs(tries),
    });
    this.mustAnswer = false;
    const probing = this.live.sent(nowMs, session.nextCounter16);
    const records = parcel.done();
    const more = this.wantsToSpeak();
    const overtakes = filled.offered < Math.min(sendingUrgency, CLASSES.length);
    if (filled.asking < this.outgoing.sendingUrgency()) this.turn.hurry();
    const half = this.init.channel.duplex === "half";
    const sealedBytes = parcelBytes - parcel.roomBytes + records.length;
    // A report may be lost once; into longer silence only one parcel at a time.
    const enough = this.turn.burstFull(sealedBytes, parcelBytes) || overtakes || this.live.silentAsks > 1;
    const over = half && (!more || enough);
    const ask = half ? over && (this.askedInBurst || filled.asked || probing || more) : probing;
    this.askedInBurst = over ? false : this.askedInBurst || filled.asked;
    if (ask) this.asked = true;
    const bytes = session.seal((over ? OVER : 0) | (ask ? ASK : 0), records);
    return this.send(bytes, nowMs, { over, ask });
  }

  private send(
    bytes: Uint8Array,
    nowMs: number,
    how: { readonly over: boolean; readonly ask: boolean },
  ): Uint8Array {
    this.turn.sent(nowMs, bytes.length, how);
    this.counts.parcelsSent++;
    this.counts.bytesSent += bytes.length;
    return bytes;
  }

  takeEvents(): readonly ConversationEvent[] {
    const taken = this.events;
    this.events = [];
    return taken;
  }

  private transfersOpenMax(): number {
    const fat = this.init.channel.parcelBytesMax >= LINK_LIMITS.fatParcelBytesMin;
    return fat ? LINK_LIMITS.linkTransfersOpenMax : LINK_LIMITS.linkTransfersOpenSlowMax;
  }

  canOffer(): boolean {
    return !this.lost && this.session !== null && this.outgoing.transferCount < this.transfersOpenMax();
  }

  offer(transfer: OutgoingTransfer, _nowMs: number): void {
    const { headBytesMax, payloadBytesMax } = LINK_LIMITS;
    const { key, head, payload } = transfer;
    if (this.lost) this.events.push({ type: "settled", key, result: { result: "broken" } });
    else if (head.length === 0 || head.length > headBytesMax || payload.length > payloadBytesMax) {
      this.events.push({ type: "settled", key, result: { result: "never", reason: "too-large" } });
    } else if (this.outgoing.transferCount >= this.transfersOpenMax()) this.settleBusy(key);
    else this.outgoing.offer(transfer);
  }

  sendNote(note: OutgoingNote, _nowMs: number): void {
    const { key, bytes } = note;
    if (this.lost) this.events.push({ type: "settled", key, result: { result: "broken" } });
    else if (bytes.length > LINK_LIMITS.noteBytesMax) {
      this.events.push({ type: "settled", key, result: { result: "never", reason: "too-large" } });
    } else if (this.outgoing.notes.count >= LINK_LIMITS.notesOpenMax) this.settleBusy(key);
    else this.outgoing.notes.add(note);
  }

  private settleBusy(key: number): void {
    const result = { result: "not-now", retryAfterS: 1, reason: "busy" } as const;
    this.events.push({ type: "settled", key, result });
  }

  withdraw(key: number, _nowMs: number): void {
    this.outgoing.withdraw(key);
  }

  decide(tag: number, answer: Answer, _nowMs: number): void {
    this.incoming.decide(tag, answer);
  }

  reject(tag: number, answer: Exclude<Answer, { answer: "want" }>, _nowMs: number): void {
    this.incoming.reject(tag, answer);
  }

  accept(tag: number, _nowMs: number): void {
    this.incoming.accept(tag);
  }

  acceptNote(tag: number, _nowMs: number): void {
    this.incoming.notes.accept(tag);
  }

  close(_nowMs: number, why: string): void {
    if (!this.lost) this.lose(why);
  }

  private lose(why: string): void {
    this.lost = true;
    this.outgoing.breakAll();
    this.incoming.clear();
    this.handshake.cancel();
    this.events.push({ type: "lost", why });
  }

  status(): ConversationStatus {
    const state = this.lost
      ? "lost"
      : this.session !== null
        ? "established"
        : this.handshake.underWay(this.nowMs)
          ? "handshake"
          : "idle";
    return {
      state,
      outgoingCount: this.outgoing.count,
      incomingCount: this.incoming.count,
      segmentsRepeated: this.outgoing.segmentsRepeated,
      ...this.counts,
    };
  }
}
