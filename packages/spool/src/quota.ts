import { type Ballast, freeBytes } from "./ballast.js";
import type { Connection } from "./connection.js";
import { SPOOL_LIMITS } from "./limits.js";
import type { Meters } from "./meters.js";

/** Bytes of index and page overhead one small change is reckoned with; 438 B a row measured, generously rounded. */
const OVERHEAD_BYTES = 1_024;

/** Says whether there is room. Refuses before SQLite or the file system must: deleting needs room too. */
export class Quota {
  private readonly reserveBytes: number;
  private usedBytes = 0;
  private freeBytes = 0;

  constructor(
    private readonly parts: {
      readonly connection: Connection;
      readonly meters: Meters;
      readonly ballast: Ballast;
      readonly directory: string;
      readonly quotaBytes: number;
    },
  ) {
    const { reserveBytesMin, reserveBytesMax } = SPOOL_LIMITS;
    const fiftieth = Math.floor(parts.quotaBytes / 50);
    this.reserveBytes = Math.min(Math.max(fiftieth, reserveBytesMin), reserveBytesMax);
  }

  /** Reads the sizes anew; between two measures {@link admits} reckons. */
  measure(): void {
    const { connection, meters, directory, ballast } = this.parts;
    ballast.restore();
    this.usedBytes = connection.usedBytes() + meters.get("fileBytes");
    this.freeBytes = freeBytes(directory);
  }

  /** Whether a change that adds `growsBytes` may go on; 0 always may. */
  admits(growsBytes: number): boolean {
    if (growsBytes === 0) return true;
    const needed = growsBytes + OVERHEAD_BYTES;
    if (this.parts.ballast.isOut) return false;
    if (this.usedBytes + needed > this.parts.quotaBytes - this.reserveBytes) return false;
    if (needed > this.freeBytes - 2 * SPOOL_LIMITS.walBytesMax) return false;
    this.usedBytes += needed;
    this.freeBytes -= needed;
    return true;
  }

  /**
   * 0…1 of the bytes this store can ever have: its quota, or what the file system still gives it if that is
   * less. A large disk that others filled to 96 % may still have room for all of us, so their share is no measure.
   */
  fill(): number {
    this.measure();
    const within = Math.min(
      this.parts.quotaBytes,
      this.usedBytes + Math.max(0, this.freeBytes - 2 * SPOOL_LIMITS.walBytesMax),
    );
    if (this.parts.ballast.isOut || within <= 0) return 1;
    return Math.min(1, this.usedBytes / within);
  }
}
