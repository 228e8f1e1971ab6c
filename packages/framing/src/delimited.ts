/** Collects bytes up to a delimiter, holding at most `bytesMax`; longer runs are dropped up to the delimiter. */
export class DelimitedCollector {
  readonly #buffer: Uint8Array;
  #length = 0;
  #overflowed = false;
  /** Bytes dropped because a run exceeded the bound. */
  overflowBytes = 0;

  constructor(
    private readonly delimiter: number,
    bytesMax: number,
  ) {
    this.#buffer = new Uint8Array(bytesMax);
  }

  /** Calls `onRun` with a fresh copy of each non-empty run that a delimiter completed. */
  push(bytes: Uint8Array, onRun: (run: Uint8Array) => void): void {
    let from = 0;
    while (from < bytes.length) {
      const found = bytes.indexOf(this.delimiter, from);
      const end = found < 0 ? bytes.length : found;
      this.#keep(bytes, from, end);
      if (found < 0) return;
      this.#complete(onRun);
      from = found + 1;
    }
  }

  #keep(bytes: Uint8Array, from: number, end: number): void {
    const count = end - from;
    if (!this.#overflowed && this.#length + count <= this.#buffer.length) {
      this.#buffer.set(bytes.subarray(from, end), this.#length);
      this.#length += count;
      return;
    }
    this.overflowBytes += count + this.#length;
    this.#length = 0;
    this.#overflowed = true;
  }

  #complete(onRun: (run: Uint8Array) => void): void {
    const run = this.#overflowed || this.#length === 0 ? null : this.#buffer.slice(0, this.#length);
    this.#length = 0;
    this.#overflowed = false;
    if (run) onRun(run);
  }
}
