import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Act } from "./recording.js";

/** What the disk did with writes nobody synced before the power went. */
export type Fate = "none" | "all" | "some" | "torn";

interface FileModel {
  durable: Buffer;
  pending: Act[];
}

/** A change of one folder: names appear, vanish or move. Whole or not at all. */
interface NameChange {
  readonly folder: string;
  readonly apply: (names: Map<string, FileModel>) => void;
}

const SECTOR_BYTES = 512;

/**
 * A disk that keeps only what was synced: contents by syncing the file, names by syncing the folder. Everything
 * else may be there or not after a cut, in any combination; a write may be torn at sectors.
 */
export class DiskModel {
  private readonly files = new Map<bigint, FileModel>();
  private readonly live = new Map<string, FileModel>();
  private readonly durableNames = new Map<string, FileModel>();
  private pendingNames: NameChange[] = [];

  constructor(private readonly root: string) {}

  act(act: Act): void {
    if (act.kind === "C") {
      const file: FileModel = { durable: Buffer.alloc(0), pending: [] };
      this.files.set(act.inode, file);
      this.live.set(act.path, file);
      this.name(act.path, (names) => names.set(act.path, file));
    } else if (act.kind === "W" || act.kind === "T") {
      this.files.get(act.inode)?.pending.push(act);
    } else if (act.kind === "S") {
      const file = this.files.get(act.inode);
      if (file !== undefined) sync(file);
    } else if (act.kind === "D") {
      for (const change of this.pendingNames) if (change.folder === act.path) change.apply(this.durableNames);
      this.pendingNames = this.pendingNames.filter((change) => change.folder !== act.path);
    } else if (act.kind === "U") {
      this.live.delete(act.path);
      this.name(act.path, (names) => names.delete(act.path));
    } else if (act.kind === "R") {
      this.rename(act.path, act.data.toString("utf8"));
    }
  }

  /** Writes the disk as it may look after a cut now. */
  image(target: string, fate: Fate, chance: () => number): void {
    const happens = (): boolean => fate === "all" || (fate !== "none" && chance() < 0.5);
    const names = new Map(this.durableNames);
    for (const change of this.pendingNames) if (happens()) change.apply(names);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    for (const [path, file] of names) {
      const to = join(target, relative(this.root, path));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, contentAfter(file, fate, happens));
    }
  }

  private rename(from: string, to: string): void {
    const file = this.live.get(from);
    if (file === undefined) return;
    this.live.delete(from);
    this.live.set(to, file);
    this.name(to, (names) => {
      names.delete(from);
      names.set(to, file);
    });
  }

  private name(path: string, apply: NameChange["apply"]): void {
    this.pendingNames.push({ folder: dirname(path), apply });
  }
}

function sync(file: FileModel): void {
  file.durable = applied(file.durable, file.pending);
  file.pending = [];
}

function contentAfter(file: FileModel, fate: Fate, happens: () => boolean): Buffer {
  const kept = file.pending.filter(happens);
  const pieces = kept.flatMap((act) =>
    act.kind === "W" && fate === "torn" ? sectors(act).filter(happens) : [act],
  );
  return applied(file.durable, pieces);
}

/** A copy with these acts done to it, in order. */
function applied(before: Buffer, acts: readonly Act[]): Buffer {
  let length = before.length;
  let longest = length;
  for (const act of acts) {
    length = act.kind === "T" ? act.offset : Math.max(length, act.offset + act.data.length);
    longest = Math.max(longest, length);
  }
  const content = Buffer.alloc(longest);
  before.copy(content);
  length = before.length;
  for (const act of acts) {
    if (act.kind === "W") act.data.copy(content, act.offset);
    // What a cut takes away reads as zeros if the file grows again.
    else if (act.offset < length) content.fill(0, act.offset, length);
    length = act.kind === "T" ? act.offset : Math.max(length, act.offset + act.data.length);
  }
  return content.subarray(0, length);
}

function sectors(act: Act): Act[] {
  const pieces: Act[] = [];
  for (let at = 0; at < act.data.length; ) {
    const bytes = SECTOR_BYTES - ((act.offset + at) % SECTOR_BYTES);
    pieces.push({ ...act, offset: act.offset + at, data: act.data.subarray(at, at + bytes) });
    at += bytes;
  }
  return pieces;
}
