import type { Duplex } from "node:stream";
import { type ByteLink, OperatingError } from "@estafette/contract";

/** A ByteLink over an open Node stream. `destroy` closes the device below and makes the stream end or fail. */
export function duplexLink(remote: string, stream: Duplex, destroy: () => void): ByteLink {
  let closed = false;
  const gone = (cause: unknown): OperatingError =>
    new OperatingError("EST_OPERATING_PORT_GONE", `${remote} is gone`, { cause });
  // Without a listener Node would end the process; iteration and writes report the same error to their callers.
  stream.on("error", () => {});

  async function* readable(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of stream) {
        if (closed) return;
        yield chunk as Uint8Array;
      }
    } catch (cause) {
      if (!closed) throw gone(cause);
    }
  }

  return {
    remote,
    readable: readable(),
    write(bytes) {
      return new Promise((resolve, reject) => {
        if (closed || stream.destroyed || stream.writableEnded) {
          reject(gone(new Error("closed")));
          return;
        }
        const onClose = (): void => reject(gone(new Error("closed while writing")));
        stream.once("close", onClose);
        stream.write(bytes, (error) => {
          stream.off("close", onClose);
          // Node reports success for what a socket still held when it was destroyed (net, onWriteComplete).
          if (error || stream.destroyed) reject(gone(error ?? new Error("closed while writing")));
          else resolve();
        });
      });
    },
    close() {
      if (closed) return;
      closed = true;
      destroy();
    },
  };
}
