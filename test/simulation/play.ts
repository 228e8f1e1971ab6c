import {
  deriveParameters,
  World,
  type WorldLinks,
  type WorldOptions,
  type WorldReport,
} from "@estafette/simulation";
import { temporaryDisk } from "./disk.js";

/** One world from its first event to its last, on its own disk. */
export async function playSeed(
  seed: number,
  {
    links,
    ...options
  }: Omit<WorldOptions, "seed" | "disk" | "parameters"> & { readonly links?: WorldLinks } = {},
): Promise<WorldReport> {
  const disk = temporaryDisk();
  try {
    return await new World({ seed, disk, parameters: deriveParameters(seed, links), ...options }).play();
  } finally {
    disk.remove();
  }
}
