import type { Answer, ConversationEvent } from "./api.js";
import { equalBytes, joinBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import {
  encodeTagged,
  encodeVerdict,
  encodeWant,
  type NoteRecord,
  type OfferRecord,
  type ParcelFill,
  type SegmentRecord,
  type Verdict,
  wantBitmapRoom,
} from "./records.js";
import { UnitSet, windowOf } from "./units.js";

/*
 *  OFFER           decide(want)             last unit            accept()
 *  ─────► offered ─────────────► receiving ─────────► complete ───────────► verdict, kept for repetition
 *             │ decide(other)        │ reject()           │ reject()                ▲
 *             └──────────────────────┴────────────────────┴─────────────────────────┘
 */

interface OpenTransfer {
  readonly offer: OfferRecord;
  readonly handle: number;
  stage: "offered" | "receiving" | "complete";
  readonly head: Uint8Array;
  missing: UnitSet;
  headDone: boolean;
}

interface OpenNote {
  readonly handle: number;
  readonly parts: (Uint8Array | undefined)[];
  stage: "receiving" | "complete";
}

/** Everything of the neighbour's that we have not settled, and what we settled lately. */
export class IncomingBook {
  private readonly transfers = new Map<number, OpenTransfer>();
  private readonly byHandle = new Map<number, OpenTransfer>();
  private readonly verdicts = new Map<number, Verdict>();
  private readonly notes = new Map<number, OpenNote>();
  private readonly notesDone = new Set<number>();
  private readonly verdictsDue = new Set<number>();
  private readonly unknownDue = new Set<number>();
  private readonly reportsDue = new Set<number>();
  private readonly noteOksDue = new Set<number>();
  /** Outside names of transfers and notes never repeat, not even across sessions: a late accept() hits nothing. */
  private nextHandle = 1;

  constructor(
    private readonly emit: (event: ConversationEvent) => void,
    private readonly transfersOpenMax: () => number,
  ) {}

  get count(): number {
    return this.transfers.size + this.notes.size;
  }

  /** Something waits for a decision of ours. */
  get undecided(): boolean {
    for (const open of this.transfers.values()) if (open.stage !== "receiving") return true;
    for (const note of this.notes.values()) if (note.stage === "complete") return true;
    return false;
  }

  clear(): void {
    for (const table of [this.transfers, this.byHandle, this.verdicts, this.notes]) table.clear();
    for (const set of [this.notesDone, this.verdictsDue, this.unknownDue, this.reportsDue, this.noteOksDue]) {
      set.clear();
    }
  }

  /** False when the offer contradicts itself or an earlier one. */
  heardOffer(offer: OfferRecord): boolean {
    const open = this.transfers.get(offer.tag);
    if (open !== undefined) {
      if (!equalBytes(open.offer.id, offer.id)) return false;
      if (open.stage === "receiving") this.reportsDue.add(offer.tag);
      return true;
    }
    if (this.verdicts.has(offer.tag)) {
      this.verdictsDue.add(offer.tag);
      return true;
    }
    const unitCount = Math.ceil((offer.headBytes + offer.payloadBytes) / offer.unitBytes);
    const { headBytesMax, payloadBytesMax, unitsMax } = LINK_LIMITS;
    if (offer.headBytes > headBytesMax || offer.payloadBytes > payloadBytesMax || unitCount > unitsMax) {
      this.give(offer.tag, { result: "never", reason: "too-large" });
      return true;
    }
    if (this.transfers.size >= this.transfersOpenMax()) {
      this.give(offer.tag, { result: "not-now", reason: "busy", retryAfterS: 10 });
      return true;
    }
    this.open(offer);
    return true;
  }

  private open(offer: OfferRecord): void {
    const handle = this.nextHandle++;
    const head = new Uint8Array(offer.headBytes);
    const missing = new UnitSet(0);
    const open: OpenTransfer = { offer, handle, stage: "offered", head, missing, headDone: false };
    this.transfers.set(offer.tag, open);
    this.byHandle.set(handle, open);
    const { id, headBytes, payloadBytes } = offer;
    this.emit({ type: "offered", tag: handle, id, class: offer.class, headBytes, payloadBytes });
  }

  decide(handle: number, answer: Answer): void {
    const open = this.byHandle.get(handle);
    if (open?.stage !== "offered") return;
    if (answer.answer !== "want") {
      this.reject(handle, answer);
      return;
    }
    open.missing = missingUnits(open.offer, answer.held);
    open.stage = "receiving";
    this.reportsDue.add(open.offer.tag);
  }

  reject(handle: number, answer: Exclude<Answer, { answer: "want" }>): void {
    const open = this.byHandle.get(handle);
    if (open !== undefined) this.give(open.offer.tag, verdictOf(answer));
  }

  accept(handle: number): void {
    const open = this.byHandle.get(handle);
    if (open?.stage === "complete") this.give(open.offer.tag, { result: "accepted" });
  }

  acceptNote(handle: number): void {
    for (const [tag, note] of this.notes) {
      if (note.handle !== handle || note.stage !== "complete") continue;
      this.notes.delete(tag);
      this.notesDone.add(tag);
      forgetOldest(this.notesDone);
      this.noteOksDue.add(tag);
      return;
    }
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
      if (segment.poll) this.answerClosed(segment.tag);
      return true;
    }
    const { offer } = open;
    const start = segment.unit * offer.unitBytes;
    const end = Math.min(start + offer.unitBytes, offer.headBytes + offer.payloadBytes);
    if (end - start !== segment.bytes.length) return false;
    if (open.stage === "receiving" && open.missing.has(segment.unit)) {
      this.keep(open, segment, start, end);
    }
    if (segment.poll && open.stage === "receiving") this.reportsDue.add(segment.tag);
    return true;
  }

  private keep(open: OpenTransfer, segment: SegmentRecord, start: number, end: number): void {
    const { offer, handle } = open;
    open.missing.delete(segment.unit);
    const headPart = Math.max(0, Math.min(end, offer.headBytes) - start);
    if (headPart > 0) open.head.set(segment.bytes.subarray(0, headPart), start);
    if (!open.headDone && open.missing.next(0) * offer.unitBytes >= offer.headBytes) this.headDone(open);
    if (!open.headDone && open.missing.size === 0) this.headDone(open);
    if (end > offer.headBytes) {
      const bytes = segment.bytes.subarray(headPart);
      this.emit({ type: "range", tag: handle, start: Math.max(0, start - offer.headBytes), bytes });
    }
    if (open.missing.size > 0) return;
    open.stage = "complete";
    this.reportsDue.delete(offer.tag);
    this.emit({ type: "complete", tag: handle });
  }

  private headDone(open: OpenTransfer): void {
    open.headDone = true;
    this.emit({ type: "head", tag: open.handle, bytes: open.head });
  }

  heardPoll(tag: number): void {
    const open = this.transfers.get(tag);
    if (open === undefined) this.answerClosed(tag);
    else if (open.stage !== "offered") this.reportsDue.add(tag);
  }

  /** False when the parts of a note contradict each other. */
  heardNote(record: NoteRecord): boolean {
    const { tag, part, partCount } = record;
    if (this.notesDone.has(tag)) {
      if (part === partCount - 1) this.noteOksDue.add(tag);
      return true;
    }
    let note = this.notes.get(tag);
    if (note === undefined) {
      if (this.notes.size >= LINK_LIMITS.notesOpenMax) return true;
      const parts = new Array<Uint8Array | undefined>(partCount).fill(undefined);
      note = { handle: this.nextHandle++, parts, stage: "receiving" };
      this.notes.set(tag, note);
    }
    if (note.parts.length !== partCount) return false;
    if (note.stage === "complete") return true;
    note.parts[part] = record.bytes;
    const parts = note.parts.filter((bytes) => bytes !== undefined);
    if (parts.length < partCount) return true;
    const bytes = joinBytes(...parts);
    if (bytes.length > LINK_LIMITS.noteBytesMax) return false;
    note.stage = "complete";
    this.emit({ type: "note", tag: note.handle, bytes });
    return true;
  }

  get wantsToSpeak(): boolean {
    const { noteOksDue, verdictsDue, unknownDue, reportsDue } = this;
    return noteOksDue.size + verdictsDue.size + unknownDue.size + reportsDue.size > 0;
  }

  /** Our answers, the shortest and most final first. `asOf`: newest counter heard, 16 bits. */
  fill(parcel: ParcelFill, asOf: number): void {
    const fit = (due: Set<number>, record: (tag: number) => Uint8Array | null): boolean => {
      for (const tag of due) {
        const bytes = record(tag);
        if (bytes !== null && !parcel.add(bytes)) return false;
        due.delete(tag);
      }
      return true;
    };
    const verdict = (tag: number): Uint8Array | null => {
      const known = this.verdicts.get(tag);
      return known === undefined ? null : encodeVerdict(tag, known);
    };
    const report = (tag: number): Uint8Array | null => {
      const open = this.transfers.get(tag);
      if (open === undefined) return null;
      return encodeWant(tag, asOf, windowOf(open.missing, wantBitmapRoom(parcel.roomBytes)));
    };
    if (!fit(this.noteOksDue, (tag) => encodeTagged("noteOk", tag))) return;
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

function forgetOldest(table: Map<number, unknown> | Set<number>): void {
  if (table.size <= LINK_LIMITS.verdictsKeptMax) return;
  for (const oldest of table.keys()) {
    table.delete(oldest);
    return;
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

/** Units with any byte that is not held. The head is never held. */
function missingUnits(
  offer: OfferRecord,
  held: readonly { readonly start: number; readonly end: number }[],
): UnitSet {
  const { headBytes, payloadBytes, unitBytes } = offer;
  const total = headBytes + payloadBytes;
  const missing = new UnitSet(Math.ceil(total / unitBytes));
  missing.addFrom(0);
  const sorted = [...held].sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  for (const range of merged) {
    const start = headBytes + Math.max(0, range.start);
    const end = headBytes + Math.min(range.end, payloadBytes);
    const lastUnit = end >= total ? missing.count : Math.floor(end / unitBytes);
    for (let unit = Math.ceil(start / unitBytes); unit < lastUnit; unit++) missing.delete(unit);
  }
  return missing;
}
