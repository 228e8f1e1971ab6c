import type { RadioOptions } from "./radio-options.js";

/** A frame on the air. */
export interface Transmission {
  readonly bytes: Uint8Array;
  readonly startMs: number;
  readonly endMs: number;
  collided: boolean;
  cut: boolean;
}

/** What one modem holds: bytes becoming a frame, frames waiting, and the one being sent. */
export class RadioTransmitter {
  readonly #gathered: Uint8Array;
  #gatheredBytes = 0;
  #lastWriteMs = 0;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  onAir: Transmission | null = null;
  /** Not before this moment may the next frame start. */
  notBeforeMs = 0;

  constructor(private readonly options: RadioOptions) {
    this.#gathered = new Uint8Array(options.frameBytesMax);
  }

  get roomBytes(): number {
    return this.options.bufferBytesMax - this.#gatheredBytes - this.#waitingBytes;
  }

  /** Takes all of `bytes`; the caller has looked at {@link roomBytes}. A pause before them ends the frame before. */
  write(bytes: Uint8Array, nowMs: number): void {
    if (this.gapEndsMs() !== null && nowMs >= this.#lastWriteMs + this.options.idleGapMs) this.closeFrame();
    this.#lastWriteMs = nowMs;
    let at = 0;
    while (at < bytes.length) {
      const taken = Math.min(this.#gathered.length - this.#gatheredBytes, bytes.length - at);
      this.#gathered.set(bytes.subarray(at, at + taken), this.#gatheredBytes);
      this.#gatheredBytes += taken;
      at += taken;
      if (this.#gatheredBytes === this.#gathered.length) this.closeFrame();
    }
  }

  /** When the frame being gathered will be complete for lack of more; `null`: nothing is gathered. */
  gapEndsMs(): number | null {
    return this.#gatheredBytes > 0 ? this.#lastWriteMs + this.options.idleGapMs : null;
  }

  closeFrame(): void {
    this.#waiting.push(this.#gathered.slice(0, this.#gatheredBytes));
    this.#waitingBytes += this.#gatheredBytes;
    this.#gatheredBytes = 0;
  }

  get hasFrame(): boolean {
    return this.#waiting.length > 0;
  }

  /** The frame leaves the buffer when it starts. */
  takeFrame(): Uint8Array {
    const frame = this.#waiting.shift() ?? new Uint8Array(0);
    this.#waitingBytes -= frame.length;
    return frame;
  }
}
