import type { Clock } from "@estafette/contract";
import type { SMTPServerDataStream } from "smtp-server";
import type { Reply } from "./codes.js";
import { limits } from "./limits.js";

/** Bytes of mails being received on all listeners together. */
export class InFlight {
  private used = 0;

  constructor(private readonly bytesMax: number) {}

  take(count: number): boolean {
    if (this.used + count > this.bytesMax) return false;
    this.used += count;
    return true;
  }

  give(count: number): void {
    this.used -= count;
  }
}

export interface ReceiveBounds {
  readonly sizeBytesMax: number;
  readonly inFlight: InFlight;
  readonly clock: Clock;
}

/** A mail, a reason to refuse it, or `gone`: the client left or was thrown out before the end. */
export type Received =
  | { readonly outcome: "mail"; readonly bytes: Uint8Array; readonly release: () => void }
  | { readonly outcome: "refused"; readonly reply: Reply }
  | { readonly outcome: "gone" };

/**
 * Reads one mail's data. Memory is bounded by the size limit and by {@link InFlight}; past a bound the rest is read
 * and dropped, as the client only listens after its final dot, and a client that does not stop is cut off.
 */
export function receive(stream: SMTPServerDataStream, bounds: ReceiveBounds): Promise<Received> {
  return new Promise((resolve) => {
    let chunks: Uint8Array[] = [];
    let kept = 0;
    let seen = 0;
    let reply: Reply | null = null;
    const release = (): void => {
      bounds.inFlight.give(kept);
      kept = 0;
      chunks = [];
    };
    const refuse = (next: Reply): void => {
      reply = next;
      release();
    };
    const cancel = bounds.clock.timer(limits.dataMs, () => stream.destroy());
    let settled = false;
    const done = (received: Received): void => {
      // A stream also closes after its end; by then the bytes belong to whoever was given them.
      if (settled) return;
      settled = true;
      cancel();
      if (received.outcome !== "mail") release();
      resolve(received);
    };
    stream.on("data", (chunk: Uint8Array) => {
      seen += chunk.length;
      if (seen > bounds.sizeBytesMax + limits.overrunBytesMax) return void stream.destroy();
      if (reply !== null) return;
      if (seen > bounds.sizeBytesMax) {
        refuse({ code: 552, status: "5.3.4", text: `Mail larger than ${bounds.sizeBytesMax} bytes` });
      } else if (!bounds.inFlight.take(chunk.length)) {
        refuse({ code: 452, status: "4.3.1", text: "Too much mail at once, try again in a minute" });
      } else {
        kept += chunk.length;
        chunks.push(chunk);
      }
    });
    stream.once("end", () => {
      if (reply !== null) done({ outcome: "refused", reply });
      else done({ outcome: "mail", bytes: new Uint8Array(Buffer.concat(chunks)), release });
    });
    stream.once("error", () => done({ outcome: "gone" }));
    stream.once("close", () => done({ outcome: "gone" }));
  });
}
