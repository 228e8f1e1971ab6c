import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { hangUpNoticingBinding } from "./serial-binding.js";

it("does not wait on a port that is closed during a read: its poller is destroyed by then", async () => {
  const folder = mkdtempSync(join(tmpdir(), "est-fifo-"));
  const fifo = join(folder, "empty");
  execFileSync("mkfifo", [fifo]);
  // Open for writing too, an empty FIFO has nothing to give now, as a quiet port.
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    let waits = 0;
    const poller = { once: () => waits++ };
    const port = { isOpen: true, fd, poller, read: () => Promise.reject(new Error("the library's own")) };
    const opened = await hangUpNoticingBinding({ open: async () => port }).open();
    const reading = (opened.read as (...args: unknown[]) => Promise<unknown>)(Buffer.alloc(8), 0, 8);
    port.isOpen = false;
    await expect(reading).rejects.toMatchObject({ canceled: true });
    expect(waits).toBe(0);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
});
