import { ProtocolError } from "@estafette/contract";
import { AnswerBudget } from "./answer-budget.js";
import type { ConversationInit } from "./api.js";
import { beginAttempt, cutMessage, followingAttempt, type OurAttempt } from "./attempt.js";
import { compareBytes, equalBytes } from "./bytes.js";
import { type Candidate, Candidates, type Way } from "./candidates.js";
import {
  encodeReset,
  type HelloPiece,
  HelloReader,
  RESET,
  RESET_BYTES,
  resetEcho,
  sameEcho,
} from "./hello.js";
import { type Agreement, Introduction, NotAdmitted } from "./introduction.js";
import { LINK_LIMITS } from "./limits.js";
import type { NoisePattern } from "./noise.js";
import { Outbox, type Outgoing } from "./outbox.js";
import { ASK, KIND, kindOf, type Opened, OVER } from "./session.js";
import type { Timing } from "./timing.js";

/*
 *  initiator                         responder
 *  resume1 ────────────────────────►             context known?  else reset 1 → KK, reset 2 → XX
 *          ◄──────────────────────── resume2     initiator: agreed
 *  data    ────────────────────────►             responder: proven
 *
 *  KK: hello1 ─► hello2 ─► data      XX: hello1 ─► hello2 ─► hello3 + data ─► data
 *
 * The initiator repeats; the responder only answers. When both began, the better first message wins.
 */

/** Who knows less wins, so that nobody insists on what the other cannot do. */
const RANK: Record<Way, number> = { resume: 0, KK: 1, XX: 2 };

export interface HandshakeHeard {
  /** Pieces of the same message still to come. */
  readonly laterPieces: number;
  readonly agreement: Agreement | null;
}

const HEARD: HandshakeHeard = { laterPieces: 0, agreement: null };

/** Brings two ends to an {@link Agreement}; may run beside a session in force. */
export class Handshake {
  readonly introduction: Introduction;
  private readonly reader = new HelloReader();
  private ours: OurAttempt | null = null;
  private readonly candidates: Candidates;
  private readonly outbox = new Outbox();
  /** What strangers may make us say; apart, so that a flood of one kind leaves the others alone. */
  private readonly budgets: Record<Way | "repeat" | "reset", AnswerBudget>;
  /** Messages sent since we began; and whether any attempt got a second message. */
  private tries = 0;
  private reached = false;
  /** The neighbour was let ahead since we last spoke: not again before we did. */
  private rested = false;
  /** Data under unknown keys came while a handshake was under way, and nothing was said about it. */
  private deafSinceMs: number | null = null;
  private repeatAtMs: number | null = null;
  private resetAllowedAtMs = 0;
  /** The most telling thing seen so far, for `lost`. */
  hint = "no answer";

  constructor(
    private readonly init: ConversationInit,
    private readonly timing: Timing,
  ) {
    this.introduction = new Introduction(init);
    this.candidates = new Candidates(timing.candidateLifeMs());
    const budget = (): AnswerBudget => new AnswerBudget(timing.strangerRefillMs(), init.nowMs);
    this.budgets = { resume: budget(), KK: budget(), XX: budget(), repeat: budget(), reset: budget() };
  }

  /** We have begun and are not there yet. */
  get beginning(): boolean {
    return this.ours !== null;
  }

  /** We have begun, or answered somebody who may be about to speak. */
  underWay(nowMs: number): boolean {
    return this.ours !== null || this.candidates.pending(nowMs);
  }

  get wantsToSpeak(): boolean {
    return !this.outbox.isEmpty;
  }

  begin(nowMs: number): void {
    if (this.ours !== null) return;
    this.tries = 0;
    this.reached = false;
    const { neighbour, pairSecret } = this.introduction;
    this.beginWay(neighbour === null ? "XX" : pairSecret === null ? "KK" : "resume");
    if (this.candidates.pending(nowMs)) this.rest(nowMs); // the neighbour was first
  }

  /** The neighbour leads; ours goes on if the neighbour falls silent, or was a forger. */
  private rest(nowMs: number): void {
    if (this.ours === null || this.rested) return;
    this.rested = true;
    this.outbox.dropOurs();
    this.repeatAtMs = nowMs + this.timing.backOffMs(2);
  }

  /** A session works: nothing that was begun or half-answered matters any more. */
  settle(agreement: Agreement): void {
    this.introduction.neighbour = agreement.neighbour;
    this.introduction.pairSecret = agreement.pairSecret;
    this.cancel();
    this.candidates.clear();
    this.outbox.clear();
    this.reader.clear();
  }

  cancel(): void {
    this.ours = null;
    this.repeatAtMs = null;
    this.rested = false;
    this.deafSinceMs = null;
    this.outbox.dropOurs();
  }

  private beginWay(way: Way): void {
    this.ours = beginAttempt(this.init, this.introduction, way);
    this.queueOurs();
  }

  private queueOurs(): void {
    if (this.ours === null || this.outbox.hasOurs) return;
    this.repeatAtMs = null;
    const { parcels, agreement } = this.ours;
    this.outbox.addOurs(parcels, agreement === null);
    if (agreement !== null)
      this.outbox.addOurs([agreement.session.seal(OVER | ASK, new Uint8Array(0))], true);
  }

  /** The next parcel of a handshake, and whether it ends what we have to say. */
  nextParcel(nowMs: number): Outgoing | null {
    const next = this.outbox.next();
    if (next === undefined) return null;
    if (next.ours && next.over) {
      const airtimeMs = this.timing.channel.airtimeMs(next.bytes.length);
      this.repeatAtMs = nowMs + airtimeMs + this.timing.backOffMs(this.tries++);
      if (this.ours !== null) this.ours.tries++;
      this.rested = false;
    }
    return next;
  }

  /** "failed": nobody answered often enough. */
  tick(nowMs: number): "failed" | "waiting" {
    if (this.repeatAtMs === null || nowMs < this.repeatAtMs) return "waiting";
    this.repeatAtMs = null;
    const { handshakeTriesLossyMax, handshakeTriesLosslessMax } = LINK_LIMITS;
    const max = this.timing.channel.lossy ? handshakeTriesLossyMax : handshakeTriesLosslessMax;
    if (this.tries >= max) {
      this.cancel();
      return "failed";
    }
    const { ours } = this;
    // Now and then a fresh first message: the far end may have forgotten, or refuse to answer the old one.
    const { attemptTriesMax, disownedTriesMax } = LINK_LIMITS;
    if (ours !== null && ours.tries >= (ours.disowned ? disownedTriesMax : attemptTriesMax)) {
      this.outbox.dropOurs();
      this.ours = followingAttempt(this.init, this.introduction, ours.way);
    }
    this.queueOurs();
    return "waiting";
  }

  nextTickMs(): number | null {
    return this.repeatAtMs;
  }

  /** Any parcel of a handshake. Throws a ProtocolError for what is wrong. */
  heard(parcel: Uint8Array, nowMs: number): HandshakeHeard {
    switch (kindOf(parcel)) {
      case KIND.hello1:
      case KIND.hello2:
      case KIND.hello3:
        return this.heardHello(this.reader.heard(parcel), parcel, nowMs);
      case KIND.resume1:
        return this.heardResume1(parcel, nowMs);
      case KIND.resume2:
        return this.heardResume2(parcel);
      case KIND.reset:
        return this.heardReset(parcel);
      default:
        throw new ProtocolError("EST_PROTOCOL_VERSION", "an unknown kind of parcel");
    }
  }

  /** Data under keys that were agreed but not proven yet: now they are. */
  openPending(parcel: Uint8Array): { readonly opened: Opened; readonly agreement: Agreement } | null {
    const agreements = [this.ours?.agreement, ...this.candidates.agreements];
    for (const agreement of agreements) {
      if (agreement === null || agreement === undefined) continue;
      const opened = agreement.session.open(parcel);
      if (opened.outcome === "ok") return { opened, agreement };
    }
    return null;
  }

  /**
   * Data under keys we do not have. While a handshake is under way it is likely to say more, but only for as long
   * as a candidate lives, counted from the first such parcel: nobody can put this off.
   */
  unknownData(parcel: Uint8Array, nowMs: number): void {
    if (this.underWay(nowMs)) {
      this.deafSinceMs ??= nowMs;
      if (nowMs - this.deafSinceMs < this.timing.candidateLifeMs()) return;
    }
    this.reset(RESET.unknownContext, parcel, nowMs);
  }

  /** Says why `cause` was of no use; on lossy channels at most twice per usual answer. */
  private reset(reason: number, cause: Uint8Array, nowMs: number): void {
    if (nowMs < this.resetAllowedAtMs || !this.outbox.isEmpty) return;
    if (!this.budgets.reset.spend(nowMs)) return;
    if (this.timing.channel.lossy) this.resetAllowedAtMs = nowMs + this.timing.answerMs() / 2;
    this.outbox.answer([encodeReset(reason, resetEcho(cause))]);
  }

  private heardHello(piece: HelloPiece, parcel: Uint8Array, nowMs: number): HandshakeHeard {
    const { laterPieces, message, pattern, kind, attempt } = piece;
    if (piece.clear === this.init.channel.encrypt) {
      this.hint = "the neighbour's content policy differs";
      throw new ProtocolError("EST_PROTOCOL_VERSION", this.hint);
    }
    if (message === null) return { laterPieces, agreement: null };
    if (kind === KIND.hello1) this.heardHello1(pattern, attempt, message, parcel, nowMs);
    else if (kind === KIND.hello2) {
      return { laterPieces, agreement: this.heardHello2(pattern, attempt, message, nowMs) };
    } else return { laterPieces, agreement: this.heardHello3(attempt, message) };
    return { laterPieces, agreement: null };
  }

  private heardHello1(
    pattern: NoisePattern,
    attempt: number,
    message: Uint8Array,
    parcel: Uint8Array,
    nowMs: number,
  ): void {
    const token = message.slice(0, 32);
    if (!this.mayAnswer(pattern, token, nowMs)) return;
    if (pattern === "KK" && this.introduction.neighbour === null) {
      this.reset(RESET.unknownKey, parcel, nowMs);
      return;
    }
    let answer: ReturnType<Introduction["answer"]>;
    try {
      answer = this.introduction.answer(pattern, message);
    } catch (error) {
      if (pattern === "KK" && error instanceof ProtocolError) this.reset(RESET.unknownKey, parcel, nowMs);
      throw error;
    }
    const parcels = cutMessage(this.init, { kind: 2, pattern, attempt, message: answer.message });
    // A KK message is authentic, though perhaps an old one: only such a one costs an answer.
    if (pattern === "KK" && !this.budgets.KK.spend(nowMs)) throw tooMany();
    const { agreement } = answer;
    this.addCandidate({ way: pattern, token, attempt, opening: answer, answer: parcels, agreement }, nowMs);
  }

  private heardHello2(
    pattern: NoisePattern,
    attempt: number,
    message: Uint8Array,
    nowMs: number,
  ): Agreement | null {
    const { ours } = this;
    if (ours?.opening == null || ours.attempt !== attempt || ours.way !== pattern) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "an answer to nothing");
    }
    if (ours.agreement !== null) {
      if (this.budgets.repeat.spend(nowMs)) this.queueOurs(); // our third message was lost
      return null;
    }
    try {
      const { agreement, third } = this.introduction.conclude(pattern, ours.opening, message);
      if (third === null) return agreement;
      ours.agreement = agreement;
      ours.parcels = cutMessage(this.init, { kind: 3, pattern, attempt, message: third });
      this.outbox.dropOurs();
      // Once only, so that one who never admits us is given up.
      if (!this.reached) this.tries = 0;
      this.reached = true;
      ours.tries = 0;
      this.queueOurs();
      return null;
    } catch (error) {
      if (error instanceof NotAdmitted) this.hint = error.message;
      throw error;
    }
  }

  private heardHello3(attempt: number, message: Uint8Array): Agreement {
    let wrong = new ProtocolError("EST_PROTOCOL_STATE", "a third message to nothing");
    for (const candidate of this.candidates.awaitingThird(attempt)) {
      if (candidate.opening === null) continue;
      try {
        return this.introduction.confirm(candidate.opening, message);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        if (error instanceof NotAdmitted) {
          this.hint = error.message;
          this.candidates.remove(candidate);
        }
        wrong = error;
      }
    }
    throw wrong;
  }

  private heardResume1(parcel: Uint8Array, nowMs: number): HandshakeHeard {
    this.introduction.checkResume1(parcel);
    const token = Introduction.resumeToken(parcel);
    if (!this.mayAnswer("resume", token, nowMs)) return HEARD;
    const answer = this.introduction.answerResume(parcel);
    if (answer === null) {
      const known = this.introduction.neighbour !== null;
      this.reset(known ? RESET.unknownPair : RESET.unknownKey, parcel, nowMs);
      return HEARD;
    }
    const { agreement, parcel: second } = answer;
    this.addCandidate(
      { way: "resume", token, attempt: -1, opening: null, answer: [second], agreement },
      nowMs,
    );
    return HEARD;
  }

  private heardResume2(parcel: Uint8Array): HandshakeHeard {
    const first = this.ours?.way === "resume" ? this.ours.parcels[0] : undefined;
    if (first === undefined) throw new ProtocolError("EST_PROTOCOL_STATE", "an answer to nothing");
    return { laterPieces: 0, agreement: this.introduction.concludeResume(first, parcel) };
  }

  private heardReset(parcel: Uint8Array): HandshakeHeard {
    const { ours } = this;
    const reason = (parcel[0] ?? 0) & 0x1f;
    if (parcel.length === RESET_BYTES && reason === RESET.unknownContext && ours?.agreement != null) {
      // Only a hint, so it shortens nothing but the number of repetitions.
      ours.disowned = true;
      return HEARD;
    }
    const first = ours?.parcels[0];
    if (parcel.length !== RESET_BYTES || ours == null || first === undefined || !sameEcho(parcel, first)) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "a reset of nothing");
    }
    if (ours.steadfast) return HEARD;
    const down = reason === RESET.unknownPair ? ours.way === "resume" : reason === RESET.unknownKey;
    if (!down || ours.way === "XX") throw new ProtocolError("EST_PROTOCOL_STATE", "a reset without meaning");
    this.cancel();
    this.beginWay(reason === RESET.unknownPair ? "KK" : "XX");
    return HEARD;
  }

  /** Decides about a first message: repeated, reflected, stale, too many, or worse than ours. */
  private mayAnswer(way: Way, token: Uint8Array, nowMs: number): boolean {
    const { ours } = this;
    if (ours !== null && equalBytes(token, ours.token)) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "our own first message came back");
    }
    const same = this.candidates.withToken(token);
    if (same !== undefined) {
      if (this.budgets.repeat.spend(nowMs)) this.outbox.answer(same.answer);
      return false;
    }
    if (ours !== null) {
      const better = RANK[way] - RANK[ours.way] || compareBytes(ours.token, token);
      if (better < 0 || (ours.agreement !== null && ours.tries < 3)) {
        if (this.budgets.repeat.spend(nowMs)) this.queueOurs();
        return false;
      }
    }
    if (this.candidates.wasAnswered(token)) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "a first message that was answered before");
    }
    if (way !== "KK" && !this.budgets[way].spend(nowMs)) throw tooMany();
    return true;
  }

  private addCandidate(candidate: Candidate, nowMs: number): void {
    this.candidates.add(candidate, nowMs);
    this.rest(nowMs);
    this.outbox.answer(candidate.answer);
  }
}

const tooMany = (): ProtocolError => new ProtocolError("EST_PROTOCOL_STATE", "too many first messages");
