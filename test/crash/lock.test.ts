import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { samples } from "@estafette/conformance";
import { afterEach, describe, expect, it } from "vitest";
import { Shelf } from "./shelf.js";
import { WORKLOAD } from "./toolchain.js";

const shelf = new Shelf();
afterEach(() => shelf.clear());

const LOCKED = { code: "EST_OPERATING_LOCKED" };

describe("the lock of a state directory", () => {
  it("refuses a second store of this process, also by another path", async () => {
    const directory = shelf.directory();
    const first = await shelf.store(directory);
    await expect(shelf.store(directory)).rejects.toMatchObject(LOCKED);
    await expect(shelf.store(join(directory, "..", directory.split("/").at(-1) ?? ""))).rejects.toMatchObject(
      LOCKED,
    );
    await first.acceptMessages([samples.message(1)]);
    await first.close();
    expect(existsSync(join(directory, "lock"))).toBe(false);
    expect(await (await shelf.store(directory)).message(samples.message(1).key)).not.toBeNull();
  });

  it("refuses while another process holds it, and is free when that one was killed", async () => {
    const directory = shelf.directory();
    const journal = join(shelf.directory(), "journal");
    const child = spawn(process.execPath, [WORKLOAD, directory, journal, "1", "1000000", "1", "FULL"], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    try {
      await new Promise((resolve) => child.once("message", resolve));
      // The same boot name as the child's clock gives, as two processes of one machine have.
      const clock = Object.assign(shelf.clock, { bootId: () => "workload" });
      for (let attempt = 0; attempt < 20; attempt++) {
        // The child closes and opens its store now and then; someone always has it or is about to.
        const refusal = await shelf.store(directory, { clock }).then(
          (store) => store.close(),
          (error: unknown) => error,
        );
        if (refusal !== undefined) expect(refusal).toMatchObject(LOCKED);
      }
      const owner: unknown = JSON.parse(readFileSync(join(directory, "lock"), "utf8"));
      expect(owner).toMatchObject({ pid: child.pid });
    } finally {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await gone;
    }
    await (await shelf.store(directory)).close();
  });

  it.each([
    ["of a process that is gone", { pid: 2 ** 22 + 1, bootId: "boot 1", began: "1" }],
    ["of an earlier boot", { pid: process.ppid, bootId: "boot 0", began: "" }],
    ["whose number another process has now", { pid: process.ppid, bootId: "boot 1", began: "1" }],
    ["of a process before us with our number", { pid: process.pid, bootId: "boot 1", began: "1" }],
    ["with a senseless number", { pid: -1, bootId: "boot 1", began: "1" }],
    ["of another shape", { owner: 7 }],
  ])("takes over a lock %s", async (_, owner) => {
    const directory = shelf.directory();
    writeFileSync(join(directory, "lock"), JSON.stringify(owner));
    await expect(shelf.store(directory)).resolves.toBeDefined();
  });

  it("takes over a lock that a power cut tore", async () => {
    const directory = shelf.directory();
    writeFileSync(join(directory, "lock"), '{"pid":1,"boo');
    await expect(shelf.store(directory)).resolves.toBeDefined();
  });

  it("leaves a lock alone whose owner lives", async () => {
    const directory = shelf.directory();
    const owner = JSON.stringify({ pid: process.ppid, bootId: shelf.clock.bootId(), began: "" });
    writeFileSync(join(directory, "lock"), owner);
    await expect(shelf.store(directory)).rejects.toMatchObject(LOCKED);
    expect(readFileSync(join(directory, "lock"), "utf8")).toBe(owner);
  });
});
