const NOTHING = new Uint8Array(0);

/** The last bytes of what was added, at most `bytesMax`. Adding a few costs a few, however much is held. */
export class RecentBytes {
  #buffer: Uint8Array;
  #start = 0;
  #end: number;

  constructor(
    readonly bytesMax: number,
    begin: Uint8Array,
  ) {
    this.#buffer = begin.slice(-bytesMax);
    this.#end = this.#buffer.length;
  }

  /** What is held, oldest first; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(-this.bytesMax);
    this.#start = Math.max(this.#start, this.#end + kept.length - this.bytesMax);
    if (this.#end + kept.length > this.#buffer.length) this.#moveToFront(kept.length);
    this.#buffer.set(kept, this.#end);
    this.#end += kept.length;
  }

  clear(): void {
    this.#buffer = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }

  /** Twice the room that is needed, so that bytes are moved once for each time as many were added. */
  #moveToFront(moreBytes: number): void {
    const held = this.bytes;
    const moved = new Uint8Array(Math.min(2 * this.bytesMax, 2 * (held.length + moreBytes)));
    moved.set(held);
    this.#buffer = moved;
    this.#start = 0;
    this.#end = held.length;
  }
}
