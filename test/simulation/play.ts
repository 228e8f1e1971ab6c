import { World, type WorldOptions, type WorldReport } from "@estafette/simulation";
import { temporaryDisk } from "./disk.js";

/** One world from its first event to its last, on its own disk. */
export async function playSeed(
  seed: number,
  options: Omit<WorldOptions, "seed" | "disk"> = {},
): Promise<WorldReport> {
  const disk = temporaryDisk();
  try {
    return await new World({ seed, disk, ...options }).play();
  } finally {
    disk.remove();
  }
}
