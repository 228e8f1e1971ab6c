/** Frame of the stream interface: 94 C3, length (two bytes, big-endian), protobuf. No checksum. */
export function frame(message: Uint8Array): Uint8Array {
  return Uint8Array.of(START1, START2, message.length >> 8, message.length & 0xff, ...message);
}

/** The firmware's reader. Looks for 94; when the next byte is not C3 it goes back to waiting without looking at that
 *  byte again, so 94 94 C3 … loses a frame. An announcement above 512 does the same. */
export class FirmwareReader {
  #header: number[] = [];
  #body: number[] = [];

  push(bytes: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    for (const byte of bytes) {
      const message = this.#take(byte);
      if (message) messages.push(message);
    }
    return messages;
  }

  reset(): void {
    this.#header = [];
    this.#body = [];
  }

  #take(byte: number): Uint8Array | null {
    const place = this.#header.length;
    if (place < HEADER_BYTES) {
      if ((place === 0 && byte !== START1) || (place === 1 && byte !== START2)) this.#header = [];
      else this.#header.push(byte);
      if (this.#header.length < HEADER_BYTES) return null;
      if (this.#announced > MESSAGE_BYTES_MAX) this.reset();
      return this.#header.length === HEADER_BYTES && this.#announced === 0 ? this.#complete() : null;
    }
    this.#body.push(byte);
    return this.#body.length === this.#announced ? this.#complete() : null;
  }

  get #announced(): number {
    return (this.#header[2] ?? 0) * 256 + (this.#header[3] ?? 0);
  }

  #complete(): Uint8Array {
    const message = Uint8Array.from(this.#body);
    this.reset();
    return message;
  }
}

const START1 = 0x94;
const START2 = 0xc3;
const HEADER_BYTES = 4;
const MESSAGE_BYTES_MAX = 512;
