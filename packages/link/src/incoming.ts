import type { Answer, ConversationEvent } from "./api.js";
import { equalBytes } from "./bytes.js";
import { headUnitsOf, missingUnits, type Span, spanOf, unitCountOf } from "./cut.js";
import { forgetOldest, IncomingNotes } from "./incoming-notes.js";
import { LINK_LIMITS } from "./limits.js";
import type { ParcelFill } from "./parcel-fill.js";
import {
  encodeAccepted,
  encodeTagged,
  encodeVerdict,
  encodeWant,
  type OfferRecord,
  type PushRecord,
  type SegmentRecord,
  type Verdict,
  wantBitmapRoom,
} from "./records.js";
import { nearestTag } from "./tags.js";
import { UnitSet, windowOf } from "./units.js";

/*
 *  OFFER           decide(want)             last unit            accept()
 *  ─────► offered ─────────────► receiving ─────────► complete ───────────► verdict, kept for repetition
 *             │ decide(other)        │ reject()           │ reject()                ▲
 *             └──────────────────────┴────────────────────┴─────────────────────────┘
 *  An eager OFFER begins as receiving, a PUSH as complete.
 */

type Offer = Pick<OfferRecord, "tag" | "headBytes" | "payloadBytes" | "unitBytes" | "short"> & {
  /** Null: pushed, the relay reads the id in it. */
  readonly id: Uint8Array | null;
};

interface OpenTransfer {
  readonly offer: Offer;
  readonly handle: number;
  stage: "offered" | "receiving" | "complete";
  /** What is held may still be told: nobody has decided yet. */
  undecided: boolean;
  readonly head: Uint8Array;
  missing: UnitSet;
  headDone: boolean;
}

/** Everything of the neighbour's that we have not settled, and what we settled lately. */
export class IncomingBook {
  private readonly transfers = new Map<number, OpenTransfer>();
  private readonly byHandle = new Map<number, OpenTransfer>();
  readonly notes: IncomingNotes;
  private readonly verdicts = new Map<number, Verdict>();
  private readonly verdictsDue = new Set<number>();
  /** Of those: said for the first time, and the sender understands the short form. */
  private readonly shortDue = new Set<number>();
  private readonly unknownDue = new Set<number>();
  private readonly reportsDue = new Set<number>();
  /** One beyond the highest tag heard. */
  private nextTag = 0;
  /** Outside names of transfers and notes never repeat, not even across sessions: a late accept() hits nothing. */
  private nextHandle = 1;

  constructor(
    private readonly emit: (event: ConversationEvent) => void,
    private readonly transfersOpenMax: () => number,
  ) {
    this.notes = new IncomingNotes(emit, () => this.nextHandle++);
  }

  get count(): number {
    return this.transfers.size + this.notes.count;
  }

  /** Something waits for a decision of ours. */
  get undecided(): boolean {
    for (const open of this.transfers.values()) if (open.stage !== "receiving") return true;
    return this.notes.undecided;
  }

  clear(): void {
    for (const table of [this.transfers, this.byHandle, this.verdicts, this.notes]) table.clear();
    for (const set of [this.verdictsDue, this.shortDue, this.unknownDue, this.reportsDue]) set.clear();
    this.nextTag = 0;
  }

  /** False when the offer contradicts itself or an earlier one. */
  heardOffer(offer: OfferRecord): boolean {
    this.nextTag = Math.max(this.nextTag, offer.tag + 1);
    const open = this.transfers.get(offer.tag);
    if (open !== undefined) {
      if (open.offer.id !== null && !equalBytes(open.offer.id, offer.id)) return false;
      // Of an eager one the data follows, and asks for itself.
      if (open.offer.id === null || (open.stage === "receiving" && !offer.eager))
        this.reportsDue.add(offer.tag);
      return true;
    }
    if (this.isClosed(offer.tag)) return true;
    const unitCount = unitCountOf(offer);
    const { headBytesMax, payloadBytesMax, unitsMax } = LINK_LIMITS;
    if (offer.headBytes > headBytesMax || offer.payloadBytes > payloadBytesMax || unitCount > unitsMax) {
      this.give(offer.tag, { result: "never", reason: "too-large" });
    } else if (!this.isFull(offer.tag)) this.openOffer(offer);
    return true;
  }

  private openOffer(offer: OfferRecord): void {
    const { id, headBytes, payloadBytes, eager } = offer;
    const missing = eager ? missingUnits(offer, []) : new UnitSet(0);
    const handle = this.open({
      offer,
      stage: eager ? "receiving" : "offered",
      undecided: true,
      head: new Uint8Array(headBytes),
      missing,
      headDone: false,
    });
    this.emit({ type: "offered", tag: handle, id, class: offer.class, headBytes, payloadBytes, eager });
  }

  /** Everything at once. Heard again while it is being looked at, it is told that nothing is missing. */
  heardPush(push: PushRecord): void {
    const tag = push.short ? nearestTag(this.nextTag, push.tag) : push.tag;
    this.nextTag = Math.max(this.nextTag, tag + 1);
    if (this.transfers.has(tag)) this.reportsDue.add(tag);
    else if (!this.isClosed(tag) && !this.isFull(tag)) {
      const { short, bytes } = push;
      const offer = { tag, id: null, headBytes: 0, payloadBytes: bytes.length, unitBytes: 1, short };
      const head = new Uint8Array(0);
      const missing = new UnitSet(0);
      const handle = this.open({
        offer,
        stage: "complete",
        undecided: false,
        head,
        missing,
        headDone: true,
      });
      this.emit({ type: "pushed", tag: handle, bytes: bytes.slice() });
    }
  }

  /** True when a verdict was given; it is said again. */
  private isClosed(tag: number): boolean {
    if (!this.verdicts.has(tag)) return false;
    this.verdictsDue.add(tag);
    return true;
  }

  /** True when the table is; then the sender is told so. */
  private isFull(tag: number): boolean {
    if (this.transfers.size < this.transfersOpenMax()) return false;
    this.give(tag, { result: "not-now", reason: "busy", retryAfterS: 10 });
    return true;
  }

  private open(begun: Omit<OpenTransfer, "handle">): number {
    const open: OpenTransfer = { ...begun, handle: this.nextHandle++ };
    this.transfers.set(open.offer.tag, open);
    this.byHandle.set(open.handle, open);
    this.unknownDue.delete(open.offer.tag);
    return open.handle;
  }

  decide(handle: number, answer: Answer): void {
    const open = this.byHandle.get(handle);
    if (open?.undecided !== true) return;
    if (answer.answer !== "want") {
      this.reject(handle, answer);
      return;
    }
    open.undecided = false;
    const missing = missingUnits(open.offer, answer.held);
    if (open.stage === "offered") {
      open.missing = missing;
      open.stage = "receiving";
      this.reportsDue.add(open.offer.tag);
    } else if (open.stage === "receiving") this.shrink(open, missing);
  }

  /** What was held before an eager transfer came need not be heard again. */
  private shrink(open: OpenTransfer, missing: UnitSet): void {
    const before = open.missing.size;
    for (let unit = open.missing.next(0); unit >= 0; unit = open.missing.next(unit + 1)) {
      if (!missing.has(unit)) open.missing.delete(unit);
    }
    if (open.missing.size === before) return;
    this.reportsDue.add(open.offer.tag);
    this.progress(open);
  }

  reject(handle: number, answer: Exclude<Answer, { answer: "want" }>): void {
    const open = this.byHandle.get(handle);
    if (open !== undefined) this.give(open.offer.tag, verdictOf(answer));
  }

  accept(handle: number): void {
    const open = this.byHandle.get(handle);
    if (open?.stage === "complete") this.give(open.offer.tag, { result: "accepted" });
  }

  heardWithdraw(tag: number): void {
    const open = this.transfers.get(tag);
    if (open === undefined) return;
    this.drop(open);
    this.emit({ type: "withdrawn", tag: open.handle });
  }

  /** False when the segment contradicts its offer. */
  heardSegment(segment: SegmentRecord): boolean {
    const open = this.transfers.get(segment.tag);
    if (open === undefined) {
      // Data without an OFFER: it was lost, and all that follows would be in vain.
      if (segment.poll || !this.verdicts.has(segment.tag)) this.answerClosed(segment.tag);
      return true;
    }
    const { offer } = open;
    const span = spanOf(segment.unit, offer);
    if (span.end - span.start !== segment.bytes.length) return false;
    if (open.stage === "receiving" && open.missing.has(segment.unit)) this.keep(open, segment, span);
    if (segment.poll && open.stage === "receiving") this.reportsDue.add(segment.tag);
    return true;
  }

  private keep(open: OpenTransfer, { unit, bytes }: SegmentRecord, { ofHead, start }: Span): void {
    open.missing.delete(unit);
    if (ofHead) open.head.set(bytes, start);
    this.headProgress(open);
    if (!ofHead) this.emit({ type: "range", tag: open.handle, start, bytes });
    this.progress(open);
  }

  private headProgress(open: OpenTransfer): void {
    const { missing, offer, handle, head } = open;
    const isHere = missing.size === 0 || missing.next(0) >= headUnitsOf(offer);
    if (open.headDone || !isHere) return;
    open.headDone = true;
    this.emit({ type: "head", tag: handle, bytes: head });
  }

  private progress(open: OpenTransfer): void {
    if (open.missing.size > 0) return;
    open.stage = "complete";
    this.reportsDue.delete(open.offer.tag);
    this.emit({ type: "complete", tag: open.handle });
  }

  heardPoll(tag: number): void {
    const open = this.transfers.get(tag);
    if (open === undefined) this.answerClosed(tag);
    else if (open.stage !== "offered") this.reportsDue.add(tag);
  }

  /** The relay takes its time: what was pushed need not be pushed again. */
  reportPushes(): void {
    for (const { offer } of this.transfers.values()) if (offer.id === null) this.reportsDue.add(offer.tag);
  }

  get wantsToSpeak(): boolean {
    const { notes, verdictsDue, unknownDue, reportsDue } = this;
    return notes.due.size + verdictsDue.size + unknownDue.size + reportsDue.size > 0;
  }

  /** Our answers, the shortest and most final first. `asOf`: newest counter heard, 16 bits. */
  fill(parcel: ParcelFill, asOf: number): void {
    const fit = (due: Set<number>, record: (tag: number) => Uint8Array | null): boolean => {
      for (const tag of due) {
        const bytes = record(tag);
        if (bytes !== null && !parcel.add(bytes)) return false;
        due.delete(tag);
        if (due === this.verdictsDue) this.shortDue.delete(tag);
      }
      return true;
    };
    const verdict = (tag: number): Uint8Array | null => {
      const known = this.verdicts.get(tag);
      if (known?.result === "accepted" && this.shortDue.has(tag)) return encodeAccepted(tag);
      return known === undefined ? null : encodeVerdict(tag, known);
    };
    const report = (tag: number): Uint8Array | null => {
      const open = this.transfers.get(tag);
      if (open === undefined) return null;
      return encodeWant(tag, asOf, windowOf(open.missing, wantBitmapRoom(parcel.roomBytes)));
    };
    if (!fit(this.notes.due, (tag) => encodeTagged("noteOk", tag))) return;
    if (!fit(this.verdictsDue, verdict)) return;
    if (!fit(this.unknownDue, (tag) => encodeTagged("unknown", tag))) return;
    fit(this.reportsDue, report);
  }

  private answerClosed(tag: number): void {
    if (this.verdicts.has(tag)) this.verdictsDue.add(tag);
    else if (this.unknownDue.size < LINK_LIMITS.answersPendingMax) this.unknownDue.add(tag);
  }

  private give(tag: number, verdict: Verdict): void {
    const open = this.transfers.get(tag);
    if (open !== undefined) this.drop(open);
    if (open?.offer.short === true) this.shortDue.add(tag);
    this.verdicts.set(tag, verdict);
    forgetOldest(this.verdicts);
    this.verdictsDue.add(tag);
  }

  private drop(open: OpenTransfer): void {
    this.transfers.delete(open.offer.tag);
    this.byHandle.delete(open.handle);
    this.reportsDue.delete(open.offer.tag);
  }
}

function verdictOf(answer: Exclude<Answer, { answer: "want" }>): Verdict {
  switch (answer.answer) {
    case "have":
      return { result: "already-held" };
    case "not-now":
      return { result: "not-now", retryAfterS: answer.retryAfterS, reason: answer.reason };
    case "never":
      return { result: "never", reason: answer.reason };
  }
}
