/** One command of a computer to a TNC, or data from the TNC, as it stands between two FENDs. */
export interface KissMessage {
  /** [0…15] */
  readonly port: number;
  /** [0…15]: 0 data, 1 TXDELAY, 2 P, 3 SLOTTIME, 4 TXTAIL, 5 full duplex, 6 hardware; with port 15, 15 leaves KISS. */
  readonly command: number;
  readonly data: Uint8Array;
}

/** The TNC's reading of what a computer writes (Chepponis and Karn, "The KISS TNC", 1987). A second implementation on
 *  purpose: what is tested against it has its own. Takes a wrong escape as the published TNC code does: the byte after
 *  it is dropped, and the frame goes on. */
export class KissInput {
  #bytes: number[] = [];
  #escaped = false;
  #tooLong = false;

  /** `bytesMax`: a longer message is dropped up to its FEND. */
  constructor(private readonly bytesMax: number) {}

  push(chunk: Uint8Array): KissMessage[] {
    const messages: KissMessage[] = [];
    for (const byte of chunk) {
      if (byte === FEND) {
        const message = this.#finish();
        if (message) messages.push(message);
      } else {
        this.#take(byte);
      }
    }
    return messages;
  }

  #take(byte: number): void {
    if (this.#escaped) {
      this.#escaped = false;
      if (byte === TFEND) this.#keep(FEND);
      else if (byte === TFESC) this.#keep(FESC);
    } else if (byte === FESC) {
      this.#escaped = true;
    } else {
      this.#keep(byte);
    }
  }

  #keep(byte: number): void {
    if (this.#bytes.length < this.bytesMax) this.#bytes.push(byte);
    else this.#tooLong = true;
  }

  #finish(): KissMessage | null {
    const [type, ...data] = this.#bytes;
    const isGood = type !== undefined && !this.#tooLong;
    this.#bytes = [];
    this.#tooLong = false;
    this.#escaped = false;
    return isGood ? { port: type >> 4, command: type & 0x0f, data: Uint8Array.from(data) } : null;
  }
}

/** A heard frame as the TNC hands it over. `fends`: how many stand before and after it. */
export function kissOutput(port: number, frame: Uint8Array, fends = 1): Uint8Array {
  const around = Array<number>(fends).fill(FEND);
  const out: number[] = [...around];
  for (const byte of [port << 4, ...frame]) {
    if (byte === FEND) out.push(FESC, TFEND);
    else if (byte === FESC) out.push(FESC, TFESC);
    else out.push(byte);
  }
  return Uint8Array.from([...out, ...around]);
}

const FEND = 0xc0;
const FESC = 0xdb;
const TFEND = 0xdc;
const TFESC = 0xdd;
