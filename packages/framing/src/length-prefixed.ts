import { invariant, ProtocolError } from "@estafette/contract";
import { FRAMING_LIMITS } from "./limits.js";

/** Bytes on the stream for one payload. */
export const LENGTH_PREFIX_BYTES = 2;

/** Length as two bytes, big-endian, then the payload [0…65 535 bytes]. An empty payload is filler. */
export function encodeLengthPrefixed(payload: Uint8Array): Uint8Array {
  invariant(payload.length <= FRAMING_LIMITS.frameBytesMax, "a frame on a stream is at most 65 535 bytes");
  const frame = new Uint8Array(payload.length + LENGTH_PREFIX_BYTES);
  new DataView(frame.buffer).setUint16(0, payload.length);
  frame.set(payload, LENGTH_PREFIX_BYTES);
  return frame;
}

/** Cuts a lossless stream into payloads. Holds at most one of them. */
export class LengthPrefixedReader {
  readonly #buffer: Uint8Array;
  #length = 0;
  #refused = false;

  /** `payloadBytesMax` [1…65 535]. */
  constructor(private readonly payloadBytesMax: number) {
    invariant(
      payloadBytesMax >= 1 && payloadBytesMax <= FRAMING_LIMITS.frameBytesMax,
      "payloadBytesMax is out of range",
    );
    this.#buffer = new Uint8Array(payloadBytesMax + LENGTH_PREFIX_BYTES);
  }

  /** Payloads completed by these bytes, in order; filler is skipped. Throws ProtocolError EST_PROTOCOL_RANGE at a
   *  longer announcement: a stream has no way back from it, so the connection must be closed. */
  push(bytes: Uint8Array): Uint8Array[] {
    const payloads: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      this.#refuseAfterError();
      const wanted = this.#wantedBytes();
      const taken = Math.min(wanted - this.#length, bytes.length - at);
      this.#buffer.set(bytes.subarray(at, at + taken), this.#length);
      this.#length += taken;
      at += taken;
      this.#completeFrame(payloads);
    }
    return payloads;
  }

  /** True inside a frame: the stream must not end here. */
  get partial(): boolean {
    return this.#length > 0;
  }

  #wantedBytes(): number {
    return this.#length < LENGTH_PREFIX_BYTES ? LENGTH_PREFIX_BYTES : LENGTH_PREFIX_BYTES + this.#announced();
  }

  #announced(): number {
    return (this.#buffer[0] ?? 0) * 256 + (this.#buffer[1] ?? 0);
  }

  #completeFrame(payloads: Uint8Array[]): void {
    if (this.#length < LENGTH_PREFIX_BYTES) return;
    const announced = this.#announced();
    if (announced > this.payloadBytesMax) {
      this.#refused = true;
      this.#refuseAfterError();
    }
    if (this.#length < LENGTH_PREFIX_BYTES + announced) return;
    if (announced > 0) payloads.push(this.#buffer.slice(LENGTH_PREFIX_BYTES, this.#length));
    this.#length = 0;
  }

  #refuseAfterError(): void {
    if (!this.#refused) return;
    throw new ProtocolError(
      "EST_PROTOCOL_RANGE",
      `a frame of ${this.#announced()} bytes was announced; the limit is ${this.payloadBytesMax}`,
    );
  }
}
