import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bearer, type BearerEvent, sleep } from "@estafette/contract";
import { openPseudoTerminal, startRadioOnTerminals } from "@estafette/emulators";
import { bearerHost, openByteLink, systemClock, systemRng } from "@estafette/runtime";
import { describe, expect, it } from "vitest";
import serialPlugin from "./index.js";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const ROUNDS = 50;
const clock = systemClock();

describe.skipIf(PYTHON_IS_MISSING)("unplugging a real pseudo-terminal (needs python3)", () => {
  it("before the first read is noticed, and costs no processor time", async () => {
    const terminal = await openPseudoTerminal();
    const link = await openByteLink(`pty:${terminal.path}`, new AbortController().signal);
    await terminal.unplug();
    await sleep(clock, 100);
    const before = process.cpuUsage();
    const reading = (async () => {
      for await (const _ of link.readable);
    })();
    await expect(reading).rejects.toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    await sleep(clock, 300);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(250_000);
    link.close();
    terminal.close();
  });

  it(`${ROUNDS} times: down each time, up again, parcels pass, and no file stays open`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "estafette-unplug-"));
    const linkPaths = { a: join(folder, "a"), b: join(folder, "b") };
    const modems = await startRadioOnTerminals({
      ...{ clock, linkPaths, bitsPerSecond: 1_000_000, turnaroundMs: 0, idleGapMs: 5 },
    });
    const host = bearerHost({ clock, rng: systemRng(), log() {} });
    const make = (port: string): Bearer =>
      serialPlugin.create(serialPlugin.parse({ port, bitsPerSecond: 1_000_000 }), host);
    const stop = new AbortController();
    const shipEvents: BearerEvent[] = [];
    const shoreEvents: BearerEvent[] = [];
    const ship = supervise(make(linkPaths.a), shipEvents, stop.signal);
    const shore = make(linkPaths.b);
    const shoreRuns = supervise(shore, shoreEvents, stop.signal);
    await until(() => count(shipEvents, "up") === 1 && count(shoreEvents, "up") === 1);

    let filesAfterFirst = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await modems.unplug("a");
      await until(() => count(shipEvents, "down") === round);
      await modems.plug("a");
      await until(() => count(shipEvents, "up") === round + 1);
      const bytes = new Uint8Array(48).fill(round);
      const heard = (): boolean =>
        shipEvents.some((event) => event.type === "heard" && event.bytes[0] === round);
      for (let attempt = 0; attempt < 20 && !heard(); attempt++) {
        await shore.send({ to: "", bytes }, stop.signal);
        for (let wait = 0; wait < 20 && !heard(); wait++) await sleep(clock, 10);
      }
      expect(heard(), `round ${round}`).toBe(true);
      if (round === 5) filesAfterFirst = openFiles();
    }
    expect(openFiles()).toBeLessThanOrEqual(filesAfterFirst);
    expect(count(shoreEvents, "down")).toBe(0);
    stop.abort();
    await Promise.all([ship, shoreRuns]);
    modems.close();
    rmSync(folder, { recursive: true, force: true });
  });
});

/** Runs the bearer again and again, as the gateway does, only sooner. */
async function supervise(bearer: Bearer, events: BearerEvent[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of bearer.run(signal)) events.push(event);
    } catch (error) {
      expect(error).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
      await sleep(clock, 5, signal);
    }
  }
}

function count(events: readonly BearerEvent[], type: BearerEvent["type"]): number {
  return events.filter((event) => event.type === type).length;
}

async function until(condition: () => boolean): Promise<void> {
  for (let step = 0; step < 1_000 && !condition(); step++) await sleep(clock, 5);
  expect(condition(), "within five seconds").toBe(true);
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}
