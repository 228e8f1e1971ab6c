import { invariant } from "@estafette/contract";
import { DelimitedCollector } from "./delimited.js";
import { FRAMING_LIMITS } from "./limits.js";

/** Cuts a byte stream into lines at LF; one CR before it is dropped. Lines are bytes: the caller knows the
 *  character set. Empty lines are skipped. Longer lines than the bound are discarded and counted. */
export class LineReader {
  readonly #collector: DelimitedCollector;

  /** `lineBytesMax` [1…65 535], without the line end. */
  constructor(private readonly lineBytesMax: number) {
    invariant(
      lineBytesMax >= 1 && lineBytesMax <= FRAMING_LIMITS.lineBytesMax,
      "lineBytesMax is out of range",
    );
    this.#collector = new DelimitedCollector(LF, lineBytesMax + 1);
  }

  /** Lines completed by these bytes, in order, without their end. */
  push(bytes: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = [];
    this.#collector.push(bytes, (run) => {
      const line = run.at(-1) === CR ? run.subarray(0, -1) : run;
      if (line.length > this.lineBytesMax) this.#collector.overflowBytes += line.length;
      else if (line.length > 0) lines.push(line);
    });
    return lines;
  }

  /** Bytes of lines that were too long. */
  get bytesDiscarded(): number {
    return this.#collector.overflowBytes;
  }
}

const CR = 0x0d;
const LF = 0x0a;
