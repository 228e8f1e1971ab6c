import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorldDisk } from "@estafette/simulation";

/** Bytes a memory file system must have free to be used; below, the temporary directory of the system is taken. */
const MEMORY_BYTES_MIN = 1_000_000_000;

/** A world's directories. In memory where there is room, because a simulated power cut needs no real disk. */
export interface TemporaryDisk extends WorldDisk {
  remove(): void;
}

export function temporaryDisk(): TemporaryDisk {
  const root = mkdtempSync(join(roomyDirectory(), "estafette-world-"));
  return {
    directoryOf: (node) => {
      const directory = join(root, node);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return directory;
    },
    *filesOf(node) {
      const entries = readdirSync(join(root, node), { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((one) => one.isFile() && one.name !== "ballast")) {
        yield { name: entry.name, bytes: readFileSync(join(entry.parentPath, entry.name)) };
      }
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function roomyDirectory(): string {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    if (bavail * bsize >= MEMORY_BYTES_MIN) return "/dev/shm";
  } catch {
    // No such file system here.
  }
  return tmpdir();
}
