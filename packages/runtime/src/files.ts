import { constants } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConfigError, OperatingError } from "@estafette/contract";
import { RUNTIME_LIMITS } from "./limits.js";

/** Reads a file that only its owner may touch. Throws ConfigError EST_CONFIG_SECRET when it is missing, larger than
 *  64 kB, or readable or writable by anybody else, with the command that repairs it. */
export async function readSecretFile(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY).catch((cause: unknown) => {
    throw secretError(path, `cannot be read (${describe(cause)})`, `create it, then: chmod 600 ${path}`);
  });
  try {
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) throw secretError(path, "may be read by others", `chmod 600 ${path}`);
    if (size > RUNTIME_LIMITS.secretBytesMax) {
      throw secretError(path, "is too large", `at most ${RUNTIME_LIMITS.secretBytesMax} bytes`);
    }
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

/** Replaces `path` so that after a power cut either the old or the new content is there, whole: temporary file beside
 *  it, fsync, rename(2), fsync of the directory. `mode` default 0600. One writer at a time for one path. */
export async function writeFileDurably(
  path: string,
  content: Uint8Array | string,
  mode = 0o600,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  try {
    await unlink(temporary).catch(() => {}); // left by a crash, or not there
    await writeSynced(temporary, content, mode);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await unlink(temporary).catch(() => {}); // the error below matters more
    const code = isErrno(cause, "ENOSPC") || isErrno(cause, "EDQUOT") ? "DISK_FULL" : "DISK_FAULT";
    throw new OperatingError(`EST_OPERATING_${code}`, `cannot write ${path}`, { cause });
  }
}

async function writeSynced(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function describe(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function secretError(path: string, complaint: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_SECRET", `the secret file ${path} ${complaint}: ${fix}`, {
    file: path,
    fix,
  });
}
