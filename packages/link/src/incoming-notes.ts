import type { ConversationEvent } from "./api.js";
import { joinBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";
import type { NoteRecord } from "./records.js";

interface OpenNote {
  readonly handle: number;
  readonly parts: (Uint8Array | undefined)[];
  stage: "receiving" | "complete";
}

/** Notes of the neighbour's that we have not confirmed, and which we confirmed lately. */
export class IncomingNotes {
  /** Confirmations to be said. */
  readonly due = new Set<number>();
  private readonly notes = new Map<number, OpenNote>();
  private readonly done = new Set<number>();

  constructor(
    private readonly emit: (event: ConversationEvent) => void,
    private readonly newHandle: () => number,
  ) {}

  get count(): number {
    return this.notes.size;
  }

  /** One waits for a decision of ours. */
  get undecided(): boolean {
    for (const note of this.notes.values()) if (note.stage === "complete") return true;
    return false;
  }

  clear(): void {
    for (const table of [this.notes, this.done, this.due]) table.clear();
  }

  accept(handle: number): void {
    for (const [tag, note] of this.notes) {
      if (note.handle !== handle || note.stage !== "complete") continue;
      this.notes.delete(tag);
      this.done.add(tag);
      forgetOldest(this.done);
      this.due.add(tag);
      return;
    }
  }

  /** False when the parts of a note contradict each other. */
  heard(record: NoteRecord): boolean {
    const { tag, part, partCount } = record;
    if (this.done.has(tag)) {
      if (part === partCount - 1) this.due.add(tag);
      return true;
    }
    let note = this.notes.get(tag);
    if (note === undefined) {
      if (this.notes.size >= LINK_LIMITS.notesOpenMax) return true;
      const parts = new Array<Uint8Array | undefined>(partCount).fill(undefined);
      note = { handle: this.newHandle(), parts, stage: "receiving" };
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
}

/** Keeps a table of what was settled within its bound. */
export function forgetOldest(table: Map<number, unknown> | Set<number>): void {
  if (table.size <= LINK_LIMITS.verdictsKeptMax) return;
  for (const oldest of table.keys()) {
    table.delete(oldest);
    return;
  }
}
