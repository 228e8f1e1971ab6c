import { invariant } from "@estafette/contract";
import { DelimitedCollector } from "./delimited.js";
import { FRAMING_LIMITS } from "./limits.js";

/** A payload between two END bytes, with END and ESC escaped (RFC 1055; the leading END as its page 2 advises). */
export function slipEncode(payload: Uint8Array): Uint8Array {
  let escapes = 0;
  for (const byte of payload) if (byte === END || byte === ESC) escapes++;
  const frame = new Uint8Array(payload.length + escapes + 2);
  let at = 0;
  frame[at++] = END;
  for (const byte of payload) {
    if (byte === END || byte === ESC) {
      frame[at++] = ESC;
      frame[at++] = byte === END ? ESC_END : ESC_ESC;
    } else {
      frame[at++] = byte;
    }
  }
  frame[at] = END;
  return frame;
}

/** Finds SLIP frames in a byte stream. Never throws: a frame with a wrong escape is dropped and counted. */
export class SlipReader {
  readonly #collector: DelimitedCollector;
  #framesDamaged = 0;
  #damagedBytes = 0;

  /** `payloadBytesMax` [1…65 535]: larger frames are discarded. */
  constructor(private readonly payloadBytesMax: number) {
    invariant(
      payloadBytesMax >= 1 && payloadBytesMax <= FRAMING_LIMITS.frameBytesMax,
      "payloadBytesMax is out of range",
    );
    this.#collector = new DelimitedCollector(END, 2 * payloadBytesMax);
  }

  /** Payloads completed by these bytes, in order; empty frames are silence (RFC 1055). */
  push(bytes: Uint8Array): Uint8Array[] {
    const payloads: Uint8Array[] = [];
    this.#collector.push(bytes, (run) => {
      const payload = unescaped(run);
      if (payload && payload.length <= this.payloadBytesMax) payloads.push(payload);
      else {
        this.#framesDamaged++;
        this.#damagedBytes += run.length;
      }
    });
    return payloads;
  }

  counters(): { readonly framesDamaged: number; readonly bytesDiscarded: number } {
    return {
      framesDamaged: this.#framesDamaged,
      bytesDiscarded: this.#damagedBytes + this.#collector.overflowBytes,
    };
  }
}

/** A KISS frame: the command for one port of a terminal node controller, with its data (Chepponis and Karn,
 *  "The KISS TNC", 1987, §4). Command 0 is data. */
export interface KissFrame {
  /** [0…15] */
  readonly port: number;
  /** [0…15] */
  readonly command: number;
  readonly data: Uint8Array;
}

export function kissEncode(frame: KissFrame): Uint8Array {
  invariant(frame.port >= 0 && frame.port <= 15, "a KISS port is 0…15");
  invariant(frame.command >= 0 && frame.command <= 15, "a KISS command is 0…15");
  const body = new Uint8Array(frame.data.length + 1);
  body[0] = (frame.port << 4) | frame.command;
  body.set(frame.data, 1);
  return slipEncode(body);
}

/** Finds KISS frames; see {@link SlipReader} for what happens to damage. */
export class KissReader {
  readonly #slip: SlipReader;

  /** `dataBytesMax` [1…65 534]. */
  constructor(dataBytesMax: number) {
    this.#slip = new SlipReader(dataBytesMax + 1);
  }

  push(bytes: Uint8Array): KissFrame[] {
    return this.#slip.push(bytes).map((body) => {
      const type = body[0] ?? 0;
      return { port: type >> 4, command: type & 0x0f, data: body.subarray(1) };
    });
  }

  counters(): { readonly framesDamaged: number; readonly bytesDiscarded: number } {
    return this.#slip.counters();
  }
}

function unescaped(run: Uint8Array): Uint8Array | null {
  const out = new Uint8Array(run.length);
  let at = 0;
  for (let i = 0; i < run.length; i++) {
    const byte = run[i] ?? 0;
    if (byte !== ESC) {
      out[at++] = byte;
      continue;
    }
    const escaped = run[++i];
    if (escaped === ESC_END) out[at++] = END;
    else if (escaped === ESC_ESC) out[at++] = ESC;
    else return null;
  }
  return out.subarray(0, at);
}

const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;
