import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool } from "@estafette/spool";
import { describeSpool } from "./spool.js";

/** Memory, where there is such a place: what a disk forgets is the business of the crash tests. */
const root = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

describeSpool("the disk spool", async (clock) => {
  const directory = await mkdtemp(join(root, "estafette-spool-"));
  const stores = new Map<object, { abandon(): void }>();
  return {
    async open() {
      const spool = await openSpool({ directory, clock, ballastBytes: 0 });
      stores.set(spool, spool);
      return spool;
    },
    crash: (spool) => stores.get(spool)?.abandon(),
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});
