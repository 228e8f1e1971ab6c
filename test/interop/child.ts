import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long a server may take to start or to stop before the fixture gives up, in ms. */
export const PATIENCE_MS = 20_000;
/** Characters of a log shown when a start fails. */
const LOG_TAIL_CHARS = 4_000;

/** A real server running in the foreground as our child, in a folder of its own. */
export interface Child {
  readonly folder: string;
  /** What it wrote to its log so far. */
  log(): string;
  /** Resolves with an error's text when the process ends by itself. */
  readonly ended: Promise<string>;
  /** Asks it to end, waits, kills what is left and removes the folder. Safe to call twice. */
  stop(): Promise<void>;
}

/** A new folder with a short path: the paths of Unix sockets inside may not pass 107 bytes (unix(7)). */
export function shortFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `est-${name}-`));
}

/** Starts a server that stays in the foreground and logs to `logFile`. Its whole process group is ended with us. */
export function startChild(options: {
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly logFile: string;
}): Child {
  const { folder, logFile } = options;
  const [program, ...args] = options.command;
  const child = spawn(program, args, { cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  const collect = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-LOG_TAIL_CHARS);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const gone = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`${program} ended with ${signal ?? code}`));
  });
  const killGroup = (): void => signalGroup(child, "SIGKILL");
  process.once("exit", killGroup);
  const log = (): string => printed + readOrEmpty(logFile);
  let stopped: Promise<void> | null = null;
  const stopOnce = async (): Promise<void> => {
    child.kill("SIGTERM");
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
    killGroup();
    process.removeListener("exit", killGroup);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  return {
    folder,
    log,
    ended: gone.then((reason) => `${reason}\n${log().slice(-LOG_TAIL_CHARS)}`),
    stop: () => {
      stopped ??= stopOnce();
      return stopped;
    },
  };
}

/** Waits for `ready`; when it fails or the child ends first, stops the child and throws with the end of its log. */
export async function whenReady(child: Child, ready: Promise<unknown>): Promise<void> {
  try {
    await Promise.race([
      ready,
      child.ended.then((reason) => {
        throw new Error(reason);
      }),
    ]);
  } catch (error) {
    const log = child.log().slice(-LOG_TAIL_CHARS);
    await child.stop();
    throw new Error(`server did not start: ${String(error)}\n${log}`, { cause: error });
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
