import { join } from "node:path";
import type { Config } from "@estafette/config";
import { systemClock } from "@estafette/runtime";
import { openSpool } from "@estafette/spool";

/** What a look into the store of a gateway that does not run shows. */
export interface StoreView {
  readonly waitingCount: number;
  /** 0…1 of the quota or of the file system, whichever is fuller. */
  readonly fill: number;
}

/**
 * Opens the store of a stopped gateway, which checks it, and closes it again.
 * @throws OperatingError EST_OPERATING_LOCKED while a gateway holds it, EST_OPERATING_DISK_FAULT when it is damaged.
 */
export async function inspectStore(stateDirectory: string, config: Config): Promise<StoreView> {
  const directory = join(stateDirectory, "spool");
  const spool = await openSpool({ directory, clock: systemClock(), quotaBytes: config.state.quotaBytes });
  try {
    const { fill, waitingCount } = await spool.stats();
    return { fill, waitingCount: waitingCount.reduce((sum, count) => sum + count, 0) };
  } finally {
    await spool.close();
  }
}
