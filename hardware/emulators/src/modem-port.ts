import { type ByteLink, OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";

/** The computer's end of a modem's cable, and the modem's way of feeding it. */
export class ModemPort implements ByteLink {
  readonly readable: AsyncIterable<Uint8Array>;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #state: "open" | "closed" | "unplugged" = "open";
  #wake = (): void => {};
  #waitingWriters: (() => void)[] = [];

  constructor(
    readonly remote: string,
    /** False: the modem has no room now. */
    private readonly take: (bytes: Uint8Array) => boolean,
    private readonly pieceBytesMax: number,
  ) {
    this.readable = this.#read();
  }

  /** A longer write is taken in pieces as large as the modem's buffer. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += this.pieceBytesMax) {
      await this.#writePiece(bytes.subarray(at, at + this.pieceBytesMax));
    }
  }

  /** The computer hung up, or was cut off. */
  get isOver(): boolean {
    return this.#state !== "open";
  }

  close(): void {
    this.#leave("closed");
  }

  /** The cable was pulled: reads and writes fail. */
  unplug(): void {
    this.#leave("unplugged");
  }

  /** The modem received `bytes` from the air. */
  feed(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    while (this.#unreadBytes > EMULATOR_LIMITS.unreadBytesMax) {
      this.#unreadBytes -= this.#unread.shift()?.length ?? 0;
    }
    this.#wake();
  }

  /** The modem may have room again. */
  roomAgain(): void {
    for (const wake of this.#waitingWriters.splice(0)) wake();
  }

  async #writePiece(piece: Uint8Array): Promise<void> {
    for (;;) {
      if (this.#state !== "open") throw this.#gone();
      if (this.take(piece)) return;
      await new Promise<void>((resolve) => {
        this.#waitingWriters.push(resolve);
      });
    }
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.#state === "closed") return;
      if (this.#state === "unplugged") throw this.#gone();
      const chunk = this.#unread.shift();
      if (chunk) {
        this.#unreadBytes -= chunk.length;
        yield chunk;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #leave(state: "closed" | "unplugged"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#wake();
    this.roomAgain();
  }

  #gone(): OperatingError {
    return new OperatingError("EST_OPERATING_PORT_GONE", `${this.remote} is ${this.#state}`);
  }
}
