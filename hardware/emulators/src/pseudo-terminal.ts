import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Duplex, Writable } from "node:stream";
import { OperatingError } from "@estafette/contract";
import { EMULATOR_LIMITS } from "./limits.js";
import { TERMINAL_PROGRAM } from "./terminal-program.js";

/** A serial port that any program can open, and the device's end of its cable. */
export interface PseudoTerminal {
  /** What programs open: the `linkPath` asked for, or /dev/pts/N. */
  readonly path: string;
  /** What the computer wrote, at most 1 024 bytes at a time and only when asked for. Iterate once. */
  readonly written: AsyncIterable<Uint8Array>;
  /** Lets the computer read `bytes`. */
  feed(bytes: Uint8Array): Promise<void>;
  /** Hangs up, as pulling a USB cable does: the path vanishes. */
  unplug(): Promise<void>;
  /** A new terminal at the same `linkPath`; without one, at another path. Resolves with it. */
  plug(): Promise<string>;
  close(): void;
}

/** Makes a pseudo-terminal in raw mode. `linkPath`: a stable name, made as a symbolic link. Needs python3; without it,
 *  throws OperatingError EST_OPERATING_UNAVAILABLE saying so. */
export async function openPseudoTerminal(linkPath = ""): Promise<PseudoTerminal> {
  const pieceBytes = String(EMULATOR_LIMITS.terminalReadBytesMax);
  const child = spawn("python3", ["-u", "-c", TERMINAL_PROGRAM, linkPath, pieceBytes], {
    stdio: ["pipe", "pipe", "inherit", "pipe"],
  });
  const terminal = new PythonTerminal(child);
  await terminal.started();
  return terminal;
}

class PythonTerminal implements PseudoTerminal {
  readonly written: AsyncIterable<Uint8Array>;
  path = "";
  readonly #control: Writable;
  readonly #data: Duplex;
  readonly #answers: AsyncIterator<string>;

  constructor(private readonly child: ChildProcess) {
    const [control, answers, , data] = child.stdio as unknown as [Writable, Duplex, null, Duplex];
    this.#control = control;
    this.#data = data;
    this.#answers = createInterface({ input: answers })[Symbol.asyncIterator]();
    // The program's end shows as the end of its streams; what is written after that is lost, like bytes on a cable.
    for (const stream of [control, data]) stream.on("error", () => {});
    this.written = this.#read();
  }

  async started(): Promise<void> {
    const failed = new Promise<never>((_, reject) => this.child.once("error", reject));
    const late = setTimeout(() => this.close(), EMULATOR_LIMITS.terminalStartMsMax);
    try {
      await Promise.race([this.#answer(), failed]);
    } catch (cause) {
      this.close();
      const advice = "cannot make a pseudo-terminal: python3 (any 3.x, with its standard library) is needed";
      throw new OperatingError("EST_OPERATING_UNAVAILABLE", advice, { cause });
    } finally {
      clearTimeout(late);
    }
  }

  feed(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#data.destroyed) resolve();
      else this.#data.write(bytes, () => resolve());
    });
  }

  async unplug(): Promise<void> {
    this.#control.write("unplug\n");
    await this.#answer();
  }

  async plug(): Promise<string> {
    this.#control.write("plug\n");
    await this.#answer();
    return this.path;
  }

  close(): void {
    this.#control.end();
    this.#data.destroy();
  }

  async #answer(): Promise<void> {
    const { value, done } = await this.#answers.next();
    if (done) throw new OperatingError("EST_OPERATING_UNAVAILABLE", "the terminal program ended");
    this.path = (JSON.parse(value) as { path: string | null }).path ?? "";
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    const pieces = this.#data[Symbol.asyncIterator]();
    for (;;) {
      if (this.#data.destroyed) return;
      this.#control.write("read\n");
      const piece = await pieces.next().catch(() => ({ done: true as const, value: undefined }));
      if (piece.done) return;
      yield piece.value as Uint8Array;
    }
  }
}
