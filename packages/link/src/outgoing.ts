import type { OutgoingTransfer, TransferResult } from "./api.js";
import { joinBytes, varintBytes } from "./bytes.js";
import { unitBytesFor, unitCountOf, unitOf } from "./cut.js";
import { Flows } from "./flows.js";
import { LINK_LIMITS } from "./limits.js";
import { OutgoingNotes } from "./outgoing-notes.js";
import type { ParcelFill } from "./parcel-fill.js";
import {
  expired,
  type FillContext,
  type Filled,
  freshQuestion,
  isDue,
  markAsked,
  type Question,
} from "./question.js";
import { CLASSES, encodeOffer, encodeTagged, pushRecord, segmentRecord, type WantRecord } from "./records.js";
import { OutgoingTags } from "./tags.js";
import { applyWindow, UnitSet } from "./units.js";

/*
 *  offer()            WANT             all wanted units sent      ACCEPTED, HAVE, NOT_NOW, NEVER
 *  ───────► offering ──────► sending ─────────────────► polling ─────────────────────────────► settled
 *            │ ▲ UNKNOWN        ▲                          │ WANT                                  ▲
 *            │ └────────────────┴──────────────────────────┘                                       │
 *            └─ without a probe: all in one PUSH, which waits for the verdict, or OFFER and data ──┘
 */

interface OpenTransfer extends Question {
  readonly transfer: OutgoingTransfer;
  readonly urgency: number;
  readonly flow: string;
  stage: "offering" | "sending" | "polling";
  /** Known once it was first spoken of. */
  plan: Plan | null;
  cursor: number;
  rounds: number;
  /** Low 16 bits of the counter of the parcel that carried the last unit. */
  polledIn: number;
  /** Until then an UNKNOWN may have been said before our latest OFFER was heard. */
  offeredUntilMs: number;
}

interface Plan {
  readonly tag: number;
  /** How it is spoken of: everything in one PUSH; OFFER and data at once; OFFER and wait. */
  readonly way: "push" | "eager" | "probe";
  readonly unitBytes: number;
  readonly wanted: UnitSet;
  readonly sentOnce: UnitSet;
}

/** Everything of ours that the neighbour has not settled yet. */
export class OutgoingBook {
  readonly notes: OutgoingNotes;
  private readonly transfers: OpenTransfer[] = [];
  private readonly byTag = new Map<number, OpenTransfer>();
  private readonly withdrawals = new Set<number>();
  private readonly tags = new OutgoingTags();
  private readonly flows = CLASSES.map(() => new Flows());
  segmentsRepeated = 0;
  /** Urgency of the least urgent class that may be spoken of now; lesser ones wait. */
  leastUrgent: number = CLASSES.length - 1;

  constructor(private readonly settled: (key: number, result: TransferResult) => void) {
    this.notes = new OutgoingNotes(settled);
  }

  get count(): number {
    return this.transfers.length + this.notes.count;
  }

  get transferCount(): number {
    return this.transfers.length;
  }

  offer(transfer: OutgoingTransfer): void {
    const urgency = CLASSES.indexOf(transfer.class);
    const entry: OpenTransfer = {
      ...freshQuestion(),
      transfer,
      urgency,
      flow: transfer.flow ?? "",
      stage: "offering",
      plan: null,
      cursor: 0,
      rounds: 0,
      polledIn: 0,
      offeredUntilMs: 0,
    };
    const before = this.transfers.findIndex((other) => other.urgency > urgency);
    this.transfers.splice(before < 0 ? this.transfers.length : before, 0, entry);
    this.flows[urgency]?.opened(entry.flow);
  }

  withdraw(key: number): void {
    const entry = this.transfers.find((open) => open.transfer.key === key);
    if (entry !== undefined) {
      if (entry.plan !== null) this.withdrawTag(entry.plan.tag);
      this.remove(entry);
    }
    this.notes.withdraw(key);
  }

  /** Everything settles as `broken`; tags begin anew. */
  breakAll(): void {
    for (const entry of this.transfers.splice(0)) this.settled(entry.transfer.key, { result: "broken" });
    this.notes.breakAll();
    this.byTag.clear();
    this.withdrawals.clear();
    this.tags.clear();
    for (const flows of this.flows) flows.clear();
  }

  heardWant(want: WantRecord, deadlineMs: (tries: number) => number): void {
    this.tags.heardOf(want.tag);
    const entry = this.byTag.get(want.tag);
    if (entry?.plan == null) {
      this.withdrawTag(want.tag);
      return;
    }
    if (entry.stage === "sending") {
      // Said before it heard what is under way. Of data it did not ask for it can only say what it holds already.
      if (entry.plan.way === "eager" && entry.rounds === 0) dropUnwanted(entry.plan.wanted, want);
      return;
    }
    if (entry.stage === "polling" && ((want.asOf - entry.polledIn) & 0xffff) >= 0x8000) return;
    if (this.isBeyondRepair(entry)) return;
    const { wanted } = entry.plan;
    applyWindow(wanted, want);
    entry.cursor = 0;
    entry.due = false;
    entry.tries = 0;
    entry.stage = wanted.size > 0 ? "sending" : "polling";
    // Nothing wanted: all is there and the verdict is being made; ask again, but not soon.
    entry.deadlineMs = wanted.size > 0 ? null : deadlineMs(4);
  }

  heardUnknown(tag: number, nowMs: number): void {
    const entry = this.byTag.get(tag);
    if (entry?.plan == null || entry.stage === "offering" || nowMs < entry.offeredUntilMs) return;
    if (this.isBeyondRepair(entry)) return;
    entry.plan.wanted.clear();
    Object.assign(entry, { ...freshQuestion(), stage: "offering" });
  }

  heardVerdict(tag: number, result: TransferResult): void {
    this.tags.release(tag);
    const entry = this.byTag.get(tag);
    if (entry === undefined) return;
    this.remove(entry);
    this.settled(entry.transfer.key, result);
  }

  /** ACCEPTED in short form: of the one transfer that owns this name. */
  heardAccepted(low: number): void {
    const tag = this.tags.ownerOf(low);
    if (tag !== undefined) this.heardVerdict(tag, { result: "accepted" });
  }

  /** Turns what has waited in vain into questions that are due; true if there was any. `inVain`: a burst without an answer. */
  expire(nowMs: number, inVain: number | null): boolean {
    let any = this.notes.expire(nowMs, inVain);
    for (const entry of this.transfers) if (expired(entry, nowMs, inVain)) any = true;
    return any;
  }

  nextDeadlineMs(): number | null {
    let first: number | null = null;
    const consider = ({ deadlineMs }: Question): void => {
      if (deadlineMs !== null && (first === null || deadlineMs < first)) first = deadlineMs;
    };
    this.transfers.forEach(consider);
    this.notes.questions.forEach(consider);
    return first;
  }

  /** Is there anything to say in this burst? */
  wantsToSpeak(burst: number): boolean {
    if (this.withdrawals.size > 0) return true;
    const { transfers, notes } = this;
    return (
      transfers.some((entry) => this.mayGo(entry) && (entry.stage === "sending" || isDue(entry, burst))) ||
      notes.questions.some((note) => isDue(note, burst))
    );
  }

  private mayGo({ urgency }: OpenTransfer): boolean {
    return urgency <= this.leastUrgent;
  }

  /** Urgency of the most urgent transfer whose data is being sent; above all classes when there is none. */
  sendingUrgency(): number {
    return this.transfers.find((entry) => entry.stage === "sending")?.urgency ?? CLASSES.length;
  }

  fill(parcel: ParcelFill, context: FillContext): Filled {
    const filled: Filled = { asked: false, offered: CLASSES.length, asking: CLASSES.length };
    for (const tag of this.withdrawals) {
      if (!parcel.add(encodeTagged("withdraw", tag))) return filled;
      this.withdrawals.delete(tag);
    }
    if (!this.notes.fill(parcel, context, filled)) return filled;
    for (let at = 0; at < this.transfers.length; ) {
      const { urgency } = this.transfers[at] ?? { urgency: 0 };
      if (urgency > this.leastUrgent) break;
      const end = this.transfers.findIndex((entry, index) => index >= at && entry.urgency > urgency);
      const ofClass = this.transfers.slice(at, end < 0 ? undefined : end);
      if (!this.fillClass(urgency, ofClass, parcel, context, filled)) return filled;
      at += ofClass.length;
    }
    return filled;
  }

  /** All of one class: what is to be said of them, then their data. False: the parcel is full. */
  private fillClass(
    urgency: number,
    ofClass: readonly OpenTransfer[],
    parcel: ParcelFill,
    context: FillContext,
    filled: Filled,
  ): boolean {
    const flows = this.flows[urgency];
    const inTurn = flows?.inTurn(ofClass) ?? ofClass;
    for (const question of [true, false]) {
      for (const entry of inTurn) {
        const before = parcel.byteCount;
        const fits = question
          ? this.fillQuestion(entry, parcel, context, filled)
          : this.fillSegments(entry, parcel, context, filled);
        flows?.served(entry.flow, parcel.byteCount - before);
        if (!fits) return false;
      }
    }
    return true;
  }

  private fillQuestion(
    entry: OpenTransfer,
    parcel: ParcelFill,
    context: FillContext,
    filled: Filled,
  ): boolean {
    if (!isDue(entry, context.burst)) return true;
    const plan = this.planFor(entry, context);
    if (entry.stage === "offering" && plan.way === "push") {
      // What is too long for the room left goes first into the next parcel; something shorter may fit here.
      if (!parcel.addOpen(this.pushOf(entry, plan.tag))) return true;
    } else if (!parcel.add(this.questionOf(entry, plan))) return false;
    filled.asked = true;
    filled.asking = Math.min(filled.asking, entry.urgency);
    if (entry.stage === "polling") entry.polledIn = context.session.nextCounter16;
    else if (plan.way === "probe") filled.offered = Math.min(filled.offered, entry.urgency);
    if (entry.stage === "offering" && plan.way === "eager") this.sendAll(entry, plan, context);
    else markAsked(entry, context);
    return true;
  }

  private questionOf(entry: OpenTransfer, plan: Plan): Uint8Array {
    const { tag, unitBytes } = plan;
    const { id, class: messageClass, head, payload } = entry.transfer;
    if (entry.stage === "polling") return encodeTagged("poll", tag);
    return encodeOffer({
      tag,
      id,
      class: messageClass,
      headBytes: head.length,
      payloadBytes: payload.length,
      unitBytes,
      eager: plan.way === "eager",
      short: this.tags.ownsShort(tag),
    });
  }

  private pushOf({ transfer }: OpenTransfer, tag: number): ReturnType<typeof pushRecord> {
    const { head, pushHead = head, payload } = transfer;
    return pushRecord(tag, this.tags.mayPushShort(tag), joinBytes(pushHead, payload));
  }

  /** The data follows the OFFER without being asked for. */
  private sendAll(entry: OpenTransfer, { wanted }: Plan, context: FillContext): void {
    wanted.addFrom(0);
    Object.assign(entry, { due: false, deadlineMs: null, cursor: 0, stage: "sending" });
    // The first time nothing said earlier can be about this tag.
    entry.offeredUntilMs = entry.rounds === 0 ? 0 : context.deadlineMs(0);
  }

  private fillSegments(
    entry: OpenTransfer,
    parcel: ParcelFill,
    context: FillContext,
    filled: Filled,
  ): boolean {
    if (entry.stage !== "sending" || entry.plan === null) return true;
    const { tag, unitBytes, wanted, sentOnce } = entry.plan;
    for (let unit = wanted.next(entry.cursor); unit >= 0; unit = wanted.next(entry.cursor)) {
      const bytes = unitOf(entry.transfer, unit, unitBytes);
      const poll = wanted.size === 1;
      if (!parcel.addOpen(segmentRecord({ tag, unit, poll, bytes }))) return false;
      filled.asked = true;
      wanted.delete(unit);
      entry.cursor = unit + 1;
      if (sentOnce.has(unit)) this.segmentsRepeated++;
      sentOnce.add(unit);
    }
    filled.asking = Math.min(filled.asking, entry.urgency);
    entry.stage = "polling";
    entry.polledIn = context.session.nextCounter16;
    markAsked(entry, context);
    return true;
  }

  /** Decided when it is first spoken of. A PUSH that no longer fits into any parcel goes in segments, as the same. */
  private planFor(entry: OpenTransfer, context: FillContext): Plan {
    const { roomBytes, session } = context;
    const old = entry.plan;
    const tag = old?.tag ?? this.tags.number(session.traits.ordered);
    const tagBytes = this.tags.mayPushShort(tag) ? 0 : varintBytes(tag);
    const { head, pushHead = head, payload } = entry.transfer;
    const fits = 1 + tagBytes + pushHead.length + payload.length <= roomBytes;
    if (old !== null && (old.way !== "push" || fits || entry.stage === "polling")) return old;
    const way = entry.transfer.probe ? "probe" : fits ? "push" : old === null ? "eager" : "probe";
    const lengths = { headBytes: head.length, payloadBytes: payload.length };
    const unitBytes = way === "push" ? 0 : unitBytesFor(roomBytes, lengths, tag);
    const unitCount = way === "push" ? 0 : unitCountOf({ ...lengths, unitBytes });
    const plan = {
      tag,
      way,
      unitBytes,
      wanted: new UnitSet(unitCount),
      sentOnce: new UnitSet(unitCount),
    } as const;
    entry.plan = plan;
    this.byTag.set(tag, entry);
    return plan;
  }

  private withdrawTag(tag: number): void {
    if (this.tags.wasGiven(tag) && this.withdrawals.size < LINK_LIMITS.answersPendingMax)
      this.withdrawals.add(tag);
  }

  /** One more round of repair: true when it was one too many, and the transfer is given up. */
  private isBeyondRepair(entry: OpenTransfer): boolean {
    if (entry.rounds++ <= LINK_LIMITS.repairRoundsMax) return false;
    if (entry.plan !== null) this.withdrawTag(entry.plan.tag);
    this.remove(entry);
    this.settled(entry.transfer.key, { result: "broken" });
    return true;
  }

  private remove(entry: OpenTransfer): void {
    this.transfers.splice(this.transfers.indexOf(entry), 1);
    if (entry.plan !== null) this.byTag.delete(entry.plan.tag);
    this.flows[entry.urgency]?.closed(entry.flow);
  }
}

/** Takes away what the window does not name. */
function dropUnwanted(wanted: UnitSet, want: WantRecord): void {
  const named = new UnitSet(wanted.count);
  applyWindow(named, want);
  for (let unit = wanted.next(0); unit >= 0; unit = wanted.next(unit + 1)) {
    if (!named.has(unit)) wanted.delete(unit);
  }
}
