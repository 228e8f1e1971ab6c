import type { OutgoingNote, OutgoingTransfer, TransferResult } from "./api.js";
import { varintBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import {
  CLASSES,
  encodeNote,
  encodeOffer,
  encodeTagged,
  type ParcelFill,
  segmentOverheadBytes,
  type WantRecord,
} from "./records.js";
import type { Session } from "./session.js";
import { applyWindow, UnitSet } from "./units.js";

/*
 *  offer()            WANT             all wanted units sent      ACCEPTED, HAVE, NOT_NOW, NEVER
 *  ───────► offering ──────► sending ─────────────────► polling ─────────────────────────────► settled
 *              ▲ UNKNOWN        ▲                          │ WANT
 *              └────────────────┴──────────────────────────┘
 */

/** A question asked of the neighbour: due, or asked and answered before `deadlineMs`. */
interface Question {
  due: boolean;
  deadlineMs: number | null;
  /** In which burst of ours it was asked last. */
  askedBurst: number;
  tries: number;
}

interface OpenTransfer extends Question {
  readonly transfer: OutgoingTransfer;
  readonly urgency: number;
  readonly bodyBytes: number;
  stage: "offering" | "sending" | "polling";
  /** Known once the first OFFER is written. */
  plan: Plan | null;
  cursor: number;
  rounds: number;
  /** Low 16 bits of the counter of the parcel that carried the last unit. */
  polledIn: number;
}

interface Plan {
  readonly tag: number;
  readonly unitBytes: number;
  readonly wanted: UnitSet;
  readonly sentOnce: UnitSet;
}

interface OpenNote extends Question {
  readonly note: OutgoingNote;
  plan: { readonly tag: number; readonly parts: readonly Uint8Array[] } | null;
  nextPart: number;
}

/** What filling a parcel needs to know. */
export interface FillContext {
  readonly session: Session;
  readonly burst: number;
  readonly roomBytes: number;
  /** When a question asked now for the `tries`-th time has waited long enough. */
  readonly deadlineMs: (tries: number) => number;
}

/** What of ours went into a parcel. */
export interface Filled {
  asked: boolean;
  /** Urgency of the most urgent OFFER in it. */
  offered: number;
}

const NEVER_BURST = -1;
const question = (): Question => ({ due: true, deadlineMs: null, askedBurst: NEVER_BURST, tries: 0 });

/** Everything of ours that the neighbour has not settled yet. */
export class OutgoingBook {
  private readonly transfers: OpenTransfer[] = [];
  private readonly byTag = new Map<number, OpenTransfer>();
  private readonly notes: OpenNote[] = [];
  private readonly notesByTag = new Map<number, OpenNote>();
  private readonly withdrawals = new Set<number>();
  private nextTag = 0;
  private nextNoteTag = 0;
  segmentsRepeated = 0;

  constructor(private readonly settled: (key: number, result: TransferResult) => void) {}

  get count(): number {
    return this.transfers.length + this.notes.length;
  }

  get transferCount(): number {
    return this.transfers.length;
  }

  get noteCount(): number {
    return this.notes.length;
  }

  offer(transfer: OutgoingTransfer): void {
    const urgency = CLASSES.indexOf(transfer.class);
    const entry: OpenTransfer = {
      ...question(),
      transfer,
      urgency,
      bodyBytes: transfer.head.length + transfer.payload.length,
      stage: "offering",
      plan: null,
      cursor: 0,
      rounds: 0,
      polledIn: 0,
    };
    const before = this.transfers.findIndex((other) => other.urgency > urgency);
    this.transfers.splice(before < 0 ? this.transfers.length : before, 0, entry);
  }

  note(note: OutgoingNote): void {
    this.notes.push({ ...question(), note, plan: null, nextPart: 0 });
  }

  withdraw(key: number): void {
    const entry = this.transfers.find((open) => open.transfer.key === key);
    if (entry !== undefined) {
      if (entry.plan !== null) this.withdrawTag(entry.plan.tag);
      this.remove(entry);
    }
    const note = this.notes.find((open) => open.note.key === key);
    if (note !== undefined) this.removeNote(note);
  }

  /** Everything settles as `broken`; tags begin anew. */
  breakAll(): void {
    for (const entry of this.transfers.splice(0)) this.settled(entry.transfer.key, { result: "broken" });
    for (const entry of this.notes.splice(0)) this.settled(entry.note.key, { result: "broken" });
    this.byTag.clear();
    this.notesByTag.clear();
    this.withdrawals.clear();
    this.nextTag = 0;
    this.nextNoteTag = 0;
  }

  heardWant(want: WantRecord, deadlineMs: (tries: number) => number): void {
    const entry = this.byTag.get(want.tag);
    if (entry?.plan == null) {
      this.withdrawTag(want.tag);
      return;
    }
    if (entry.stage === "sending") return; // said before it heard what is under way
    if (entry.stage === "polling" && ((want.asOf - entry.polledIn) & 0xffff) >= 0x8000) return;
    if (entry.rounds++ > LINK_LIMITS.repairRoundsMax) {
      this.giveUp(entry);
      return;
    }
    const { wanted } = entry.plan;
    applyWindow(wanted, want);
    entry.cursor = 0;
    entry.due = false;
    entry.tries = 0;
    entry.stage = wanted.size > 0 ? "sending" : "polling";
    // Nothing wanted: all is there and the verdict is being made; ask again, but not soon.
    entry.deadlineMs = wanted.size > 0 ? null : deadlineMs(4);
  }

  heardUnknown(tag: number): void {
    const entry = this.byTag.get(tag);
    if (entry?.plan == null || entry.stage === "offering") return;
    if (entry.rounds++ > LINK_LIMITS.repairRoundsMax) {
      this.giveUp(entry);
      return;
    }
    entry.plan.wanted.clear();
    Object.assign(entry, { ...question(), stage: "offering" });
  }

  heardVerdict(tag: number, result: TransferResult): void {
    const entry = this.byTag.get(tag);
    if (entry === undefined) return;
    this.remove(entry);
    this.settled(entry.transfer.key, result);
  }

  heardNoteOk(tag: number): void {
    const entry = this.notesByTag.get(tag);
    if (entry === undefined) return;
    this.removeNote(entry);
    this.settled(entry.note.key, { result: "accepted" });
  }

  /** Turns what has waited in vain into questions that are due; true if there was any. */
  expire(nowMs: number): boolean {
    let expired = false;
    for (const entry of [...this.transfers, ...this.notes]) {
      if (entry.deadlineMs === null || nowMs < entry.deadlineMs) continue;
      entry.deadlineMs = null;
      entry.due = true;
      entry.tries++;
      if ("nextPart" in entry) entry.nextPart = 0;
      expired = true;
    }
    return expired;
  }

  nextDeadlineMs(): number | null {
    let first: number | null = null;
    const consider = (entry: Question): void => {
      const at = entry.deadlineMs;
      if (at !== null && (first === null || at < first)) first = at;
    };
    this.transfers.forEach(consider);
    this.notes.forEach(consider);
    return first;
  }

  /** Is there anything to say in this burst? */
  wantsToSpeak(burst: number): boolean {
    if (this.withdrawals.size > 0) return true;
    const due = (entry: Question): boolean => entry.due && entry.askedBurst !== burst;
    return this.transfers.some((entry) => entry.stage === "sending" || due(entry)) || this.notes.some(due);
  }

  /** Urgency of the most urgent transfer whose data is being sent; above all classes when there is none. */
  sendingUrgency(): number {
    return this.transfers.find((entry) => entry.stage === "sending")?.urgency ?? CLASSES.length;
  }

  fill(parcel: ParcelFill, context: FillContext): Filled {
    const filled: Filled = { asked: false, offered: CLASSES.length };
    for (const tag of this.withdrawals) {
      if (!parcel.add(encodeTagged("withdraw", tag))) return filled;
      this.withdrawals.delete(tag);
    }
    for (const note of this.notes) {
      if (!this.fillNote(note, parcel, context, filled)) return filled;
    }
    for (let urgency = 0; urgency < CLASSES.length; urgency++) {
      const ofClass = this.transfers.filter((entry) => entry.urgency === urgency);
      for (const entry of ofClass) if (!this.fillQuestion(entry, parcel, context, filled)) return filled;
      for (const entry of ofClass) if (!this.fillSegments(entry, parcel, context, filled)) return filled;
    }
    return filled;
  }

  private fillNote(entry: OpenNote, parcel: ParcelFill, context: FillContext, filled: Filled): boolean {
    if (!entry.due || entry.askedBurst === context.burst) return true;
    entry.plan ??= this.planNote(entry, context.roomBytes);
    const { tag, parts } = entry.plan;
    for (; entry.nextPart < parts.length; entry.nextPart++) {
      const bytes = parts[entry.nextPart] ?? new Uint8Array(0);
      if (!parcel.add(encodeNote({ tag, part: entry.nextPart, partCount: parts.length, bytes })))
        return false;
      filled.asked = true;
    }
    this.asked(entry, context);
    return true;
  }

  private fillQuestion(
    entry: OpenTransfer,
    parcel: ParcelFill,
    context: FillContext,
    filled: Filled,
  ): boolean {
    if (!entry.due || entry.askedBurst === context.burst) return true;
    entry.plan ??= this.plan(entry, context.roomBytes);
    const { tag, unitBytes } = entry.plan;
    const { transfer } = entry;
    const record =
      entry.stage === "polling"
        ? encodeTagged("poll", tag)
        : encodeOffer({
            tag,
            id: transfer.id,
            class: transfer.class,
            headBytes: transfer.head.length,
            payloadBytes: transfer.payload.length,
            unitBytes,
          });
    if (!parcel.add(record)) return false;
    if (entry.stage === "offering") filled.offered = Math.min(filled.offered, entry.urgency);
    else entry.polledIn = context.session.nextCounter16;
    this.asked(entry, context);
    filled.asked = true;
    return true;
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
      if (!parcel.addSegment({ tag, unit, poll, bytes })) return false;
      filled.asked = true;
      wanted.delete(unit);
      entry.cursor = unit + 1;
      if (sentOnce.has(unit)) this.segmentsRepeated++;
      sentOnce.add(unit);
    }
    entry.stage = "polling";
    entry.polledIn = context.session.nextCounter16;
    this.asked(entry, context);
    return true;
  }

  private asked(entry: Question, context: FillContext): void {
    entry.due = false;
    entry.askedBurst = context.burst;
    entry.deadlineMs = context.deadlineMs(entry.tries);
  }

  private plan(entry: OpenTransfer, roomBytes: number): Plan {
    const tag = this.nextTag++;
    const unitBytes = unitBytesFor(roomBytes, entry.bodyBytes, tag);
    const unitCount = Math.ceil(entry.bodyBytes / unitBytes);
    const plan = { tag, unitBytes, wanted: new UnitSet(unitCount), sentOnce: new UnitSet(unitCount) };
    this.byTag.set(tag, entry);
    return plan;
  }

  private planNote(entry: OpenNote, roomBytes: number): NonNullable<OpenNote["plan"]> {
    const tag = this.nextNoteTag++;
    this.notesByTag.set(tag, entry);
    const { bytes } = entry.note;
    const partBytes = Math.min(bytes.length, roomBytes - 4 - varintBytes(tag)) || 1;
    const count = Math.max(1, Math.ceil(bytes.length / partBytes));
    const parts = Array.from({ length: count }, (_, i) => bytes.subarray(i * partBytes, (i + 1) * partBytes));
    return { tag, parts };
  }

  private withdrawTag(tag: number): void {
    if (tag < this.nextTag && this.withdrawals.size < LINK_LIMITS.answersPendingMax)
      this.withdrawals.add(tag);
  }

  private giveUp(entry: OpenTransfer): void {
    if (entry.plan !== null) this.withdrawTag(entry.plan.tag);
    this.remove(entry);
    this.settled(entry.transfer.key, { result: "broken" });
  }

  private remove(entry: OpenTransfer): void {
    this.transfers.splice(this.transfers.indexOf(entry), 1);
    if (entry.plan !== null) this.byTag.delete(entry.plan.tag);
  }

  private removeNote(entry: OpenNote): void {
    this.notes.splice(this.notes.indexOf(entry), 1);
    if (entry.plan !== null) this.notesByTag.delete(entry.plan.tag);
  }
}

/** The largest unit that fills whole parcels, so that no room is left over. */
export function unitBytesFor(roomBytes: number, bodyBytes: number, tag: number): number {
  const { unitBytesFatMax, unitBytesSlowMax, unitBytesMin, fatParcelBytesMin } = LINK_LIMITS;
  const max = roomBytes >= fatParcelBytesMin / 2 ? unitBytesFatMax : unitBytesSlowMax;
  const unitsPerParcel = Math.ceil(roomBytes / max);
  const lengthBytes = unitsPerParcel > 1 ? 2 : 0;
  for (let largestUnit = 0x7f; largestUnit < LINK_LIMITS.unitsMax; largestUnit = largestUnit * 128 + 127) {
    const overhead = segmentOverheadBytes(tag, largestUnit) + lengthBytes;
    const unitBytes = Math.max(unitBytesMin, Math.floor(roomBytes / unitsPerParcel) - overhead);
    if (bodyBytes <= unitBytes * (largestUnit + 1)) return Math.max(1, Math.min(unitBytes, bodyBytes));
  }
  return Math.max(
    unitBytesMin,
    Math.floor(roomBytes / unitsPerParcel) - segmentOverheadBytes(tag, 0xff_ffff),
  );
}

/** Unit number `unit` of head followed by payload. */
function unitOf(transfer: OutgoingTransfer, unit: number, unitBytes: number): Uint8Array {
  const { head, payload } = transfer;
  const start = unit * unitBytes;
  const end = start + unitBytes;
  if (start >= head.length) return payload.subarray(start - head.length, end - head.length);
  if (end <= head.length) return head.subarray(start, end);
  const fromPayload = payload.subarray(0, end - head.length);
  const joined = new Uint8Array(head.length - start + fromPayload.length);
  joined.set(head.subarray(start));
  joined.set(fromPayload, head.length - start);
  return joined;
}
