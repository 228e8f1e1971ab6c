import { invariant } from "@estafette/contract";
import { cobsDecode, cobsEncode, cobsOverhead } from "./cobs.js";
import { crc32 } from "./crc.js";
import { DelimitedCollector } from "./delimited.js";
import { FRAMING_LIMITS } from "./limits.js";

/** Bytes on the line for a payload of `byteCount` bytes, at most: two delimiters, CRC-32 and stuffing. */
export function serialFrameBytes(byteCount: number): number {
  return 2 + byteCount + CRC_BYTES + cobsOverhead(byteCount + CRC_BYTES);
}

/** One payload as a frame for a noisy line: 0x00, COBS(payload ‖ CRC-32 big-endian), 0x00. The leading zero ends
 *  whatever noise came before; our choice, because it loses no frame to noise that stopped before it. */
export function encodeSerialFrame(payload: Uint8Array): Uint8Array {
  invariant(payload.length <= FRAMING_LIMITS.frameBytesMax, "a serial frame is larger than the limit");
  const checked = new Uint8Array(payload.length + CRC_BYTES);
  checked.set(payload);
  new DataView(checked.buffer).setUint32(payload.length, crc32(payload));
  const stuffed = cobsEncode(checked);
  const frame = new Uint8Array(stuffed.length + 2);
  frame.set(stuffed, 1);
  return frame;
}

export interface SerialCounters {
  readonly framesAccepted: number;
  /** Runs of bytes between delimiters that were no frame: not COBS, or a wrong CRC. */
  readonly framesDamaged: number;
  /** Bytes of damaged frames and of runs longer than any frame. */
  readonly bytesDiscarded: number;
}

/** Finds frames in a byte stream with noise. Holds at most one frame. Never throws: damage is counted. */
export class SerialFrameReader {
  readonly #collector: DelimitedCollector;
  #framesAccepted = 0;
  #framesDamaged = 0;
  #damagedBytes = 0;

  /** `payloadBytesMax` [1…65 535]: larger frames are discarded even when intact. */
  constructor(private readonly payloadBytesMax: number) {
    invariant(
      payloadBytesMax >= 1 && payloadBytesMax <= FRAMING_LIMITS.frameBytesMax,
      "payloadBytesMax is out of range",
    );
    this.#collector = new DelimitedCollector(0, serialFrameBytes(payloadBytesMax) - 2);
  }

  /** Payloads completed by these bytes, in order. */
  push(bytes: Uint8Array): Uint8Array[] {
    const payloads: Uint8Array[] = [];
    this.#collector.push(bytes, (run) => {
      const payload = intactPayload(run, this.payloadBytesMax);
      if (payload) {
        this.#framesAccepted++;
        payloads.push(payload);
      } else {
        this.#framesDamaged++;
        this.#damagedBytes += run.length;
      }
    });
    return payloads;
  }

  counters(): SerialCounters {
    return {
      framesAccepted: this.#framesAccepted,
      framesDamaged: this.#framesDamaged,
      bytesDiscarded: this.#damagedBytes + this.#collector.overflowBytes,
    };
  }
}

function intactPayload(run: Uint8Array, payloadBytesMax: number): Uint8Array | null {
  const checked = cobsDecode(run);
  if (!checked || checked.length <= CRC_BYTES || checked.length > payloadBytesMax + CRC_BYTES) return null;
  const payload = checked.subarray(0, checked.length - CRC_BYTES);
  const view = new DataView(checked.buffer, checked.byteOffset + payload.length, CRC_BYTES);
  return view.getUint32(0) === crc32(payload) ? payload : null;
}

const CRC_BYTES = 4;
