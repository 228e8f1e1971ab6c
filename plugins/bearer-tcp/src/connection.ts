import {
  type BearerEvent,
  type ByteLink,
  type Clock,
  ProtocolError,
  type SendResult,
} from "@estafette/contract";
import { encodeLengthPrefixed, LengthPrefixedReader } from "@estafette/framing";
import { TCP_LIMITS } from "./limits.js";

/** One open connection: parcels in, parcels out, and why it ended. */
export class TcpConnection {
  #writing: Promise<void> | null = null;
  #lastParcel = 0;
  /** Why we closed it ourselves, or "". */
  closedBecause = "";
  parcelsHeard = 0;

  constructor(
    readonly name: string,
    readonly link: ByteLink,
    private readonly clock: Clock,
    /** Distinguishes the parcels of this connection from those of earlier ones of the same name. */
    private readonly generation: string,
  ) {}

  /** Parcels until the far end closes. Throws OperatingError when the connection breaks; a far end that does not
   *  speak our framing is closed and ends the iteration. */
  async *heard(): AsyncGenerator<Extract<BearerEvent, { type: "heard" }>, void, undefined> {
    const reader = new LengthPrefixedReader(TCP_LIMITS.parcelBytesMax);
    for await (const chunk of this.link.readable) {
      try {
        for (const bytes of reader.push(chunk)) {
          this.#lastParcel++;
          this.parcelsHeard++;
          yield { type: "heard", parcelId: `${this.generation}.${this.#lastParcel}`, from: this.name, bytes };
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.close(`the far end does not speak our framing: ${error.message}`);
        return;
      }
    }
    if (reader.partial && !this.closedBecause) this.closedBecause = "the far end closed inside a parcel";
  }

  /** Resolves when the kernel took the parcel. A far end that takes nothing for too long is closed. */
  async send(bytes: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    // An aborted send leaves its bytes with the kernel; frames must not interleave, so the next one waits.
    if (this.#writing) return { outcome: "deferred", why: "busy", retryAfterMs: BUSY_RETRY_MS };
    const writing = this.link.write(encodeLengthPrefixed(bytes));
    this.#writing = writing;
    const done = writing
      .then(
        (): SendResult => ({ outcome: "sent" }),
        (): SendResult => NO_CONTACT,
      )
      .finally(() => {
        this.#writing = null;
      });
    return this.#orGivenUp(done, signal);
  }

  close(why: string): void {
    if (!this.closedBecause) this.closedBecause = why;
    this.link.close();
  }

  #orGivenUp(done: Promise<SendResult>, signal: AbortSignal): Promise<SendResult> {
    return new Promise((resolve) => {
      const stop = this.clock.timer(TCP_LIMITS.stalledMsMax, () => {
        this.close("the far end takes no data");
        finish({ outcome: "deferred", why: "timeout", retryAfterMs: BUSY_RETRY_MS });
      });
      const giveUp = (): void => finish({ outcome: "deferred", why: "timeout", retryAfterMs: 0 });
      const finish = (result: SendResult): void => {
        stop();
        signal.removeEventListener("abort", giveUp);
        resolve(result);
      };
      signal.addEventListener("abort", giveUp);
      void done.then(finish);
      if (signal.aborted) giveUp();
    });
  }
}

export const NO_CONTACT: SendResult = { outcome: "deferred", why: "no-contact", retryAfterMs: 5_000 };
const BUSY_RETRY_MS = 1_000;
