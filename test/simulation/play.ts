import { type Plant, World, type WorldReport } from "@estafette/simulation";
import { temporaryDisk } from "./disk.js";

/** One world from its first event to its last, on its own disk. */
export async function playSeed(
  seed: number,
  options: { readonly plant?: Plant; readonly keepLog?: boolean } = {},
): Promise<WorldReport> {
  const disk = temporaryDisk();
  try {
    return await new World({ seed, disk, ...options }).play();
  } finally {
    disk.remove();
  }
}
