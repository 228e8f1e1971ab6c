import { ProtocolError } from "@estafette/contract";
import { decodeFromRadio, type FromRadio } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";

/*
 *   debug text  94 C3 len len [message]  debug text  94 C3 …
 *
 * There is no checksum. What looks like a header may be text or noise, so a message that does not decode gives back all
 * of its bytes but the first, and the search goes on inside it: noise costs no frame that came whole.
 */

/** Finds messages in what a radio sends. Holds at most one incomplete message. Never throws. */
export class StreamReader {
  #kept: Uint8Array = new Uint8Array(0);
  #text = "";
  #framesAccepted = 0;
  #framesDamaged = 0;
  #bytesSkipped = 0;

  /** `onText`: called with each line of debug text, control characters removed. */
  constructor(private readonly onText: (line: string) => void = () => {}) {}

  /** Messages completed by these bytes, in order. */
  push(bytes: Uint8Array): FromRadio[] {
    const stream = new Uint8Array(this.#kept.length + bytes.length);
    stream.set(this.#kept);
    stream.set(bytes, this.#kept.length);
    return this.#search(stream);
  }

  /** True while an announced message is incomplete. */
  get isWaiting(): boolean {
    return this.#kept.length > 0;
  }

  /** Nothing came for too long: the header that waits for more was none. */
  giveUpWaiting(): FromRadio[] {
    const [first] = this.#kept;
    if (first === undefined) return [];
    this.#framesDamaged++;
    this.#skip(first);
    return this.#search(this.#kept.slice(1));
  }

  counters(): {
    readonly framesAccepted: number;
    readonly framesDamaged: number;
    readonly bytesSkipped: number;
  } {
    return {
      framesAccepted: this.#framesAccepted,
      framesDamaged: this.#framesDamaged,
      bytesSkipped: this.#bytesSkipped,
    };
  }

  #search(stream: Uint8Array): FromRadio[] {
    const messages: FromRadio[] = [];
    let at = 0;
    while (at < stream.length) {
      const length = announcedAt(stream, at);
      if (length === "incomplete") break;
      const message =
        length === "none"
          ? null
          : this.#decode(stream.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length));
      if (message && length !== "none") {
        messages.push(message);
        at += HEADER_BYTES + length;
      } else {
        this.#skip(stream[at] ?? 0);
        at++;
      }
    }
    this.#kept = stream.slice(at);
    return messages;
  }

  #decode(bytes: Uint8Array): FromRadio | null {
    try {
      const message = decodeFromRadio(bytes);
      this.#framesAccepted++;
      return message;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#framesDamaged++;
      return null;
    }
  }

  #skip(byte: number): void {
    this.#bytesSkipped++;
    if (byte >= 0x20 && byte < 0x7f) this.#text += String.fromCharCode(byte);
    if (byte !== 0x0a && this.#text.length < MESHTASTIC_LIMITS.textBytesMax) return;
    if (this.#text !== "") this.onText(this.#text);
    this.#text = "";
  }
}

/** Length of the whole message announced at `at`; `none`: no header there; `incomplete`: more bytes must come. */
function announcedAt(stream: Uint8Array, at: number): number | "none" | "incomplete" {
  const [first, second, high, low] = stream.subarray(at, at + HEADER_BYTES);
  if (first !== START1) return "none";
  if (second === undefined) return "incomplete";
  if (second !== START2) return "none";
  if (high === undefined) return "incomplete";
  if (high * 256 > MESHTASTIC_LIMITS.messageBytesMax) return "none";
  if (low === undefined) return "incomplete";
  const length = high * 256 + low;
  if (length > MESHTASTIC_LIMITS.messageBytesMax) return "none";
  return at + HEADER_BYTES + length <= stream.length ? length : "incomplete";
}

const START1 = 0x94;
const START2 = 0xc3;
const HEADER_BYTES = 4;
