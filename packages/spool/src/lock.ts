import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { OperatingError } from "@estafette/contract";
import { errorCode } from "./files.js";

/** Directories this process holds. A lock file alone cannot tell two stores of one process apart. */
const held = new Set<string>();

interface Owner {
  readonly pid: number;
  readonly bootId: string;
  /** When the process began, as the kernel counts it; "" where the kernel does not say. */
  readonly began: string;
}

/**
 * The right to be the only one who uses a state directory. Names the owner for people and for the error text;
 * SQLite's own exclusive lock, which the kernel drops with the process, is what makes a takeover safe.
 */
export class DirectoryLock {
  private constructor(
    private readonly path: string,
    private readonly key: string,
  ) {}

  /** @throws OperatingError EST_OPERATING_LOCKED when a living process of this boot holds it. */
  static take(directory: string, bootId: string): DirectoryLock {
    const key = realpathSync(directory);
    const path = join(directory, "lock");
    if (held.has(key)) throw locked(directory, "this process");
    const self: Owner = { pid: process.pid, bootId, began: beganAt(process.pid) };
    for (let attempt = 0; attempt < 3; attempt++) {
      if (create(path, self)) {
        held.add(key);
        return new DirectoryLock(path, key);
      }
      const owner = read(path);
      if (owner !== null && isAlive(owner, self)) throw locked(directory, `process ${owner.pid}`);
      remove(path);
    }
    throw locked(directory, "another process that is starting");
  }

  release(): void {
    remove(this.path);
    held.delete(this.key);
  }

  /** The process died, as far as others can tell: the file stays. */
  abandon(): void {
    held.delete(this.key);
  }
}

function locked(directory: string, who: string): OperatingError {
  return new OperatingError("EST_OPERATING_LOCKED", `${directory} is in use by ${who}`);
}

function create(path: string, owner: Owner): boolean {
  let fd: number;
  try {
    fd = openSync(path, "wx", 0o600);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(fd, JSON.stringify(owner));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return true;
}

function read(path: string): Owner | null {
  try {
    const owner: unknown = JSON.parse(readFileSync(path, "utf8").slice(0, 1_000));
    if (typeof owner !== "object" || owner === null) return null;
    const { pid, bootId, began } = owner as Partial<Record<keyof Owner, unknown>>;
    if (typeof pid !== "number" || typeof bootId !== "string" || typeof began !== "string") return null;
    return { pid, bootId, began };
  } catch (error) {
    // A power cut leaves an empty or torn file: nobody's lock.
    if (error instanceof SyntaxError || errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

function isAlive(owner: Owner, self: Owner): boolean {
  if (owner.bootId !== self.bootId) return false;
  // Our own number and not in `held`: an abandoned lock, or an earlier process that had the same number.
  if (owner.pid === self.pid) return false;
  if (!Number.isSafeInteger(owner.pid) || owner.pid < 1) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
  }
  const began = beganAt(owner.pid);
  return began === "" || owner.began === "" || began === owner.began;
}

/** Field 22 of /proc/<pid>/stat (proc(5)): start time in clock ticks, so that a reused number is told apart. */
function beganAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(errorCode(error))) return "";
    throw error;
  }
}
