import type { OutgoingNote, TransferResult } from "./api.js";
import { varintBytes } from "./bytes.js";
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
import { encodeNote } from "./records.js";

interface OpenNote extends Question {
  readonly note: OutgoingNote;
  plan: { readonly tag: number; readonly parts: readonly Uint8Array[] } | null;
  nextPart: number;
}

/** Notes of ours that the neighbour has not confirmed. */
export class OutgoingNotes {
  private readonly notes: OpenNote[] = [];
  private readonly byTag = new Map<number, OpenNote>();
  private nextTag = 0;

  constructor(private readonly settled: (key: number, result: TransferResult) => void) {}

  get count(): number {
    return this.notes.length;
  }

  get questions(): readonly Question[] {
    return this.notes;
  }

  add(note: OutgoingNote): void {
    this.notes.push({ ...freshQuestion(), note, plan: null, nextPart: 0 });
  }

  withdraw(key: number): void {
    const entry = this.notes.find((open) => open.note.key === key);
    if (entry !== undefined) this.remove(entry);
  }

  breakAll(): void {
    for (const entry of this.notes.splice(0)) this.settled(entry.note.key, { result: "broken" });
    this.byTag.clear();
    this.nextTag = 0;
  }

  heardOk(tag: number): void {
    const entry = this.byTag.get(tag);
    if (entry === undefined) return;
    this.remove(entry);
    this.settled(entry.note.key, { result: "accepted" });
  }

  expire(nowMs: number, inVain: number | null): boolean {
    let any = false;
    for (const entry of this.notes) {
      if (!expired(entry, nowMs, inVain)) continue;
      entry.nextPart = 0;
      any = true;
    }
    return any;
  }

  /** False: no room for all that is due. */
  fill(parcel: ParcelFill, context: FillContext, filled: Filled): boolean {
    return this.notes.every((note) => this.fillNote(note, parcel, context, filled));
  }

  private fillNote(entry: OpenNote, parcel: ParcelFill, context: FillContext, filled: Filled): boolean {
    if (!isDue(entry, context.burst)) return true;
    entry.plan ??= this.plan(entry, context.roomBytes);
    const { tag, parts } = entry.plan;
    for (; entry.nextPart < parts.length; entry.nextPart++) {
      const bytes = parts[entry.nextPart] ?? new Uint8Array(0);
      if (!parcel.add(encodeNote({ tag, part: entry.nextPart, partCount: parts.length, bytes })))
        return false;
      filled.asked = true;
    }
    markAsked(entry, context);
    return true;
  }

  private plan(entry: OpenNote, roomBytes: number): NonNullable<OpenNote["plan"]> {
    const tag = this.nextTag++;
    this.byTag.set(tag, entry);
    const { bytes } = entry.note;
    const partBytes = Math.min(bytes.length, roomBytes - 4 - varintBytes(tag)) || 1;
    const count = Math.max(1, Math.ceil(bytes.length / partBytes));
    const parts = Array.from({ length: count }, (_, i) => bytes.subarray(i * partBytes, (i + 1) * partBytes));
    return { tag, parts };
  }

  private remove(entry: OpenNote): void {
    this.notes.splice(this.notes.indexOf(entry), 1);
    if (entry.plan !== null) this.byTag.delete(entry.plan.tag);
  }
}
