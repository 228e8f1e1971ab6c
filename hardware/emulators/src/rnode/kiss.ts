/** A frame towards the host: C0, command, data with C0 and DB escaped, C0. */
export function kissFrame(command: number, data: ArrayLike<number>): Uint8Array {
  const escaped = Array.from(data).flatMap((byte) =>
    byte === FEND ? [FESC, TFEND] : byte === FESC ? [FESC, TFESC] : [byte],
  );
  return Uint8Array.of(FEND, command, ...escaped, FEND);
}

/** What the firmware made of some bytes. */
export interface KissCommand {
  readonly command: number;
  readonly data: Uint8Array;
}

/** The firmware's reader: a command is obeyed as soon as its last byte is there, a data frame at its closing C0, and
 *  after a data frame the next one needs a C0 of its own. */
export class RnodeReader {
  #isInFrame = false;
  #command = -1;
  #isEscaped = false;
  #data: number[] = [];

  /** `lengthOf`: bytes of a command's data; null: until the closing C0. */
  constructor(private readonly lengthOf: (command: number) => number | null) {}

  push(bytes: Uint8Array): KissCommand[] {
    const commands: KissCommand[] = [];
    for (const byte of bytes) {
      const command = this.#take(byte);
      if (command) commands.push(command);
    }
    return commands;
  }

  reset(): void {
    this.#isInFrame = false;
    this.#begin();
  }

  #take(byte: number): KissCommand | null {
    if (byte === FEND) return this.#delimit();
    if (!this.#isInFrame) return null;
    if (this.#command < 0) {
      this.#command = byte;
      return null;
    }
    if (byte === FESC) {
      this.#isEscaped = true;
      return null;
    }
    const plain = !this.#isEscaped ? byte : byte === TFEND ? FEND : byte === TFESC ? FESC : byte;
    this.#isEscaped = false;
    if (this.#data.length < DATA_BYTES_MAX + 1) this.#data.push(plain);
    return this.#data.length === this.lengthOf(this.#command) ? this.#complete() : null;
  }

  #delimit(): KissCommand | null {
    const isData = this.#isInFrame && this.#command >= 0 && this.lengthOf(this.#command) === null;
    const complete = isData ? this.#complete() : null;
    this.#begin();
    this.#isInFrame = !isData;
    return complete;
  }

  #complete(): KissCommand {
    const complete = { command: this.#command, data: Uint8Array.from(this.#data) };
    this.#data = [];
    return complete;
  }

  #begin(): void {
    this.#command = -1;
    this.#isEscaped = false;
    this.#data = [];
  }
}

const FEND = 0xc0;
const FESC = 0xdb;
const TFEND = 0xdc;
const TFESC = 0xdd;
/** Longest packet; more is dropped when it is complete. */
export const DATA_BYTES_MAX = 508;
