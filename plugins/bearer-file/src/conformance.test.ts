import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BearerWorld,
  countingClock,
  describeBearer,
  seededRng,
  VirtualClock,
} from "@estafette/conformance";
import { type BearerHost, sleep } from "@estafette/contract";
import { systemClock } from "@estafette/runtime";
import filePlugin from "./index.js";

describeBearer("file in a real folder", createFolder);

/** Both ends see the same folder; unplugging moves it out of the way. Waits are virtual, the disk is real. */
async function createFolder(): Promise<BearerWorld> {
  const parent = mkdtempSync(join(tmpdir(), "est-file-"));
  const folder = join(parent, "stick");
  const away = join(parent, "pulled-out");
  mkdirSync(folder);
  const virtual = new VirtualClock();
  const clock = countingClock(virtual);
  const rng = seededRng(6);
  let injected = 0;
  const end = (name: string, other: string) => {
    const refuse = () => Promise.reject(new Error("a file bearer opens no line"));
    const host: BearerHost = { clock, rng, log() {}, open: refuse, listen: refuse };
    return filePlugin.create(filePlugin.parse({ folder, name, with: [other], pollMs: 500 }), host);
  };
  return {
    a: end("ship", "shore"),
    b: end("shore", "ship"),
    patienceMs: 120_000,
    async advance(durationMs) {
      for (let slice = 0; slice < 4; slice++) {
        await virtual.advance(durationMs / 4);
        await sleep(systemClock(), 1);
      }
    },
    pendingTimers: () => clock.pendingTimers,
    cut: () => renameSync(folder, away),
    restore: () => renameSync(away, folder),
    injectTowardsA(bytes) {
      const name = `${String(++injected).padStart(13, "0")}-00000000.parcel`;
      writeFileSync(join(folder, "ship", "shore", name), bytes);
    },
    keepsUnsettled: true,
    async close() {
      const left = readdirSync(parent);
      for (const one of left) rmSync(join(parent, one), { recursive: true, force: true });
      rmSync(parent, { recursive: true, force: true });
    },
  };
}
