import { type ChildProcess, spawn } from "node:child_process";

/** Characters of a program's output that are kept; the oldest go first. */
const LOG_CHARS_MAX = 400_000;

/** One run of a real program: its output is collected, and it never outlives this process. */
export class Program {
  #text = "";
  readonly #child: ChildProcess;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;

  constructor(command: readonly [string, ...string[]], folder: string) {
    const [file, ...args] = command;
    const { PATH = "", HOME = folder } = process.env;
    const env = { PATH, HOME, TZ: "UTC" };
    const child = spawn(file, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const collect = (chunk: Buffer): void => {
      this.#text = (this.#text + chunk.toString()).slice(-LOG_CHARS_MAX);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const last = (): void => void child.kill("SIGKILL");
    process.once("exit", last);
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, signal) => resolve(`ended with ${signal ?? code}`));
    });
    void this.ended.then(() => process.removeListener("exit", last));
  }

  /** What it printed on both outputs, newest last. */
  log(): string {
    return this.#text;
  }

  /** Sends a signal and resolves when the program is gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<string> {
    this.#child.kill(signal);
    return await this.ended;
  }
}

/** What a command line printed and how it ended. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. Never rejects for what the program did; after `withinMs` it is killed. */
export function runProgram(
  command: readonly [string, ...string[]],
  options: { readonly folder: string; readonly stdin?: string | Buffer; readonly withinMs?: number },
): Promise<Ran> {
  const [file, ...args] = command;
  const { PATH = "", HOME = options.folder } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.folder,
      env: { PATH, HOME, TZ: "UTC" },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.withinMs ?? 60_000,
      killSignal: "SIGKILL",
    });
    const parts = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      parts.out += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      parts.err += chunk.toString();
    });
    child.stdin.on("error", () => undefined); // a program that does not read its input
    child.stdin.end(options.stdin ?? "");
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...parts }));
  });
}
