import { constants } from "node:fs";
import { access, mkdir, open, opendir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { FILE_LIMITS } from "./limits.js";
import { isParcelName } from "./parcel-file.js";

/** What is seen of a file from outside. */
export interface FileLook {
  readonly byteCount: number;
  readonly changedMs: number;
}

/**
 * The files: `<root>/<reader>/<writer>/<name>.parcel`. Everything here may fail at any moment with the error of the
 * system, because somebody pulls the stick out.
 */
export class ParcelFolder {
  constructor(private readonly root: string) {}

  /** Whether the root is a folder we may read and write. Never rejects. */
  async isThere(): Promise<boolean> {
    try {
      if (!(await stat(this.root)).isDirectory()) return false;
      await access(this.root, constants.R_OK | constants.W_OK | constants.X_OK);
      return true;
    } catch {
      return false;
    }
  }

  /** Makes a pair's folder, inside the root only: an empty mount point never becomes a stick. */
  async prepare(reader: string, writer: string): Promise<void> {
    for (const path of [join(this.root, reader), join(this.root, reader, writer)]) {
      await mkdir(path).catch((error: unknown) => {
        if (!isErrno(error, "EEXIST")) throw error;
      });
    }
  }

  /** Names of parcels in rising order, at most `entriesMax`. */
  async list(reader: string, writer: string): Promise<readonly string[]> {
    const names: string[] = [];
    let looked = 0;
    for await (const entry of await opendir(this.#path(reader, writer))) {
      if (isParcelName(entry.name)) names.push(entry.name);
      if (++looked >= FILE_LIMITS.entriesMax) break;
    }
    return names.sort();
  }

  async look(reader: string, writer: string, name: string): Promise<FileLook> {
    const { size, mtimeMs } = await stat(this.#path(reader, writer, name));
    return { byteCount: size, changedMs: mtimeMs };
  }

  /** At most `bytesMax` + 1 bytes, so that a file that is too large shows. */
  async read(reader: string, writer: string, name: string, bytesMax: number): Promise<Uint8Array> {
    const file = await open(this.#path(reader, writer, name), "r");
    try {
      const buffer = new Uint8Array(bytesMax + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** Whole or not at all, also after the stick is pulled: temporary name, fsync, rename(2), fsync of the folder. */
  async write(reader: string, writer: string, name: string, bytes: Uint8Array): Promise<void> {
    const temporary = this.#path(reader, writer, `.${name}.part`);
    try {
      await writeSynced(temporary, bytes);
      await rename(temporary, this.#path(reader, writer, name));
    } catch (error) {
      await unlink(temporary).catch(() => {}); // the first error says more
      throw error;
    }
    await syncFolder(this.#path(reader, writer));
  }

  /** No error when it is gone already. */
  async remove(reader: string, writer: string, name: string): Promise<void> {
    await unlink(this.#path(reader, writer, name)).catch((error: unknown) => {
      if (!isErrno(error, "ENOENT")) throw error;
    });
  }

  #path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
