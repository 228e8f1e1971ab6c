import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { OperatingError } from "@estafette/contract";

/** Makes names created, renamed or removed in `directory` durable. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a whole new file and makes its content, not its name, durable. */
export function writeDurable(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, "w", 0o600);
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(fd, bytes, written, bytes.length - written);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The `code` of a SQLite or file system error, or "". */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return typeof code === "string" ? code : "";
}

/** What an error of the machine below means for the store. `null`: not the machine, our own code or caller. */
export function diskTrouble(error: unknown): "full" | "fault" | null {
  const code = errorCode(error);
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "full";
  // A failed sync is followed by syncs that succeed without having written (reliability §0.4): never go on.
  if (/^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|NOMEM|PROTOCOL)/.test(code)) return "fault";
  if (["EIO", "EROFS", "ENODEV", "ENXIO", "EBADF", "EMFILE", "ENFILE", "EACCES", "ENOTDIR"].includes(code)) {
    return "fault";
  }
  return null;
}

export function diskFull(cause?: unknown): OperatingError {
  return new OperatingError("EST_OPERATING_DISK_FULL", "the spool has no room for this", { cause });
}

export function diskFault(sentence: string, cause?: unknown): OperatingError {
  return new OperatingError("EST_OPERATING_DISK_FAULT", sentence, { cause });
}
