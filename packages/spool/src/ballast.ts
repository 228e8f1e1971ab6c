import { existsSync, statfsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { diskTrouble, errorCode, syncDirectory, writeDurable } from "./files.js";

/**
 * Bytes set aside on the file system. On a full disk even deleting needs room for the write-ahead log; giving
 * the ballast back makes that room (reliability §0.3). While it is out, nothing new is accepted.
 */
export class Ballast {
  private readonly path: string;
  private present: boolean;

  constructor(
    private readonly directory: string,
    /** 0 turns it off. */
    private readonly bytes: number,
  ) {
    this.path = join(directory, "ballast");
    this.present = bytes === 0 || existsSync(this.path);
  }

  get isOut(): boolean {
    return !this.present;
  }

  /** Whether {@link release} would make room. */
  get canRelease(): boolean {
    return this.present && this.bytes > 0;
  }

  /** Returns whether there was something to give back. */
  release(): boolean {
    if (!this.canRelease) return false;
    this.present = false;
    try {
      unlinkSync(this.path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
    return true;
  }

  /** Sets the bytes aside again when as many remain free afterwards. */
  restore(): void {
    if (this.present || freeBytes(this.directory) < 2 * this.bytes) return;
    try {
      // Real bytes: a sparse file would promise room that is not there.
      writeDurable(this.path, new Uint8Array(this.bytes).fill(0xa5));
      syncDirectory(this.directory);
      this.present = true;
    } catch (error) {
      if (diskTrouble(error) !== "full") throw error;
      this.present = true;
      this.release();
    }
  }
}

/** Bytes an ordinary user may still write on the file system of `directory`. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
