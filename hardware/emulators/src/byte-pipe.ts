import { type ByteLink, type ByteListener, OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";

/*
 * Connections that lie in memory, for emulators that are called or call where there is no network.
 */

/** A cable with two ends, without delay: what is written at one is read at the other. Closing either ends both, after
 *  what was written before has been read. */
export function createBytePipe(aName: string, bName: string): readonly [ByteLink, ByteLink] {
  const toA = new Direction(bName);
  const toB = new Direction(aName);
  const close = (): void => {
    toA.end();
    toB.end();
  };
  const end = (remote: string, reading: Direction, writing: Direction): ByteLink => ({
    remote,
    readable: reading.read(),
    write: (bytes) => writing.write(bytes),
    close,
  });
  return [end(bName, toA, toB), end(aName, toB, toA)];
}

/** A listener in memory, and the way to call it; a call while nobody listens rejects with OperatingError. */
export function createByteExchange(): {
  listen(url: string): ByteListener;
  call(caller: string): Promise<ByteLink>;
} {
  let waiting: Callers | null = null;
  return {
    listen(url) {
      const callers = new Callers();
      waiting = callers;
      const close = (): void => {
        if (waiting === callers) waiting = null;
        callers.end();
      };
      return { url, links: callers, close };
    },
    async call(caller) {
      if (!waiting) throw new OperatingError("EST_OPERATING_PORT_GONE", "nobody listens");
      const [theirs, ours] = createBytePipe(caller, "listener");
      waiting.add(ours);
      return theirs;
    },
  };
}

class Callers implements AsyncIterable<ByteLink> {
  readonly #links: ByteLink[] = [];
  #wake = (): void => {};
  #ended = false;

  add(link: ByteLink): void {
    this.#links.push(link);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    for (const link of this.#links.splice(0)) link.close();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ByteLink, void, undefined> {
    while (!this.#ended) {
      const link = this.#links.shift();
      if (link) yield link;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

class Direction {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #wake = (): void => {};
  #roomAgain: (() => void)[] = [];

  constructor(private readonly from: string) {}

  async write(bytes: Uint8Array): Promise<void> {
    while (!this.#ended && this.#bytes >= EMULATOR_LIMITS.unreadBytesMax) {
      await new Promise<void>((resolve) => {
        this.#roomAgain.push(resolve);
      });
    }
    if (this.#ended) throw new OperatingError("EST_OPERATING_PORT_GONE", `${this.from} is closed`);
    this.#chunks.push(bytes.slice());
    this.#bytes += bytes.length;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
    for (const resolve of this.#roomAgain.splice(0)) resolve();
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#bytes -= chunk.length;
        for (const resolve of this.#roomAgain.splice(0)) resolve();
        yield chunk;
      } else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
