import { SBD_LIMITS } from "./limits.js";

/** What a modem says: a line of text, or the message it was asked for; null when that arrived damaged. */
export type ModemPiece =
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "message"; readonly bytes: Uint8Array | null };

/** Cuts a modem's bytes into lines, and finds the one binary answer among them. Never throws; holds one line or message. */
export class ModemReader {
  #held: number[] = [];
  #dropping = false;
  #expectsMessage = false;

  /** The next binary answer is that of AT+SBDRB: length u16 ‖ bytes ‖ sum of the bytes u16, big-endian. */
  expectMessage(): void {
    this.#expectsMessage = true;
  }

  /** No longer: the command was given up. */
  forget(): void {
    this.#expectsMessage = false;
    this.#held = [];
    this.#dropping = false;
  }

  push(bytes: Uint8Array): ModemPiece[] {
    const pieces: ModemPiece[] = [];
    for (const byte of bytes) {
      const piece = this.#next(byte);
      if (piece) pieces.push(piece);
    }
    return pieces;
  }

  #next(byte: number): ModemPiece | null {
    // A length's first byte is at most 7; text, also the end of a line, has none of these.
    const begins = this.#held.length === 0 && byte <= LENGTH_BYTE_MAX && !this.#dropping;
    const continues = this.#held.length > 0 && (this.#held[0] ?? 0) <= LENGTH_BYTE_MAX;
    if (this.#expectsMessage && (begins || continues)) return this.#ofMessage(byte);
    return this.#ofLine(byte);
  }

  #ofMessage(byte: number): ModemPiece | null {
    this.#held.push(byte);
    const length = ((this.#held[0] ?? 0) << 8) | (this.#held[1] ?? 0);
    if (this.#held.length < 2 || (length <= SBD_LIMITS.readBytesMax && this.#held.length < length + 4))
      return null;
    const whole = this.#held;
    this.forget();
    if (length > SBD_LIMITS.readBytesMax) return { type: "message", bytes: null };
    const message = Uint8Array.from(whole.slice(2, 2 + length));
    const claimed = ((whole[length + 2] ?? 0) << 8) | (whole[length + 3] ?? 0);
    return { type: "message", bytes: claimed === checksum(message) ? message : null };
  }

  #ofLine(byte: number): ModemPiece | null {
    if (byte === CR || byte === LF) {
      const line = this.#held;
      this.#held = [];
      const dropped = this.#dropping;
      this.#dropping = false;
      return line.length === 0 || dropped ? null : { type: "line", text: String.fromCharCode(...line) };
    }
    if (this.#held.length >= SBD_LIMITS.lineBytesMax) {
      this.#held = [];
      this.#dropping = true;
    }
    if (!this.#dropping) this.#held.push(byte);
    return null;
  }
}

/** Sum of the bytes modulo 65 536, as SBDWB and SBDRB want it: of "hello" it is 0x0214. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xffff;
  return sum;
}

const LENGTH_BYTE_MAX = SBD_LIMITS.readBytesMax >> 8;
const CR = 0x0d;
const LF = 0x0a;
