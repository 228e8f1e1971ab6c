import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@estafette/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DiskSpool } from "./disk-spool.js";
import { openSpool } from "./open-spool.js";
import type { NewMessage } from "./records.js";

const WAITING_COUNT = 100_000;
const NEIGHBOUR = new Uint8Array(16).fill(9);
const root = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const clock: Clock = {
  monotonicMs: () => 1_000,
  bootId: () => "one",
  unixMs: () => 0,
  trust: () => "untrusted",
  timer(delayMs, onElapsed) {
    if (delayMs === 0) queueMicrotask(onElapsed);
    return () => {};
  },
};

function message(sequence: number, destination: number, lifetimeMs: number): NewMessage {
  return {
    key: { origin: new Uint8Array(16).fill(1), epoch: 1, sequence },
    submissionId: `S${sequence}`,
    account: "anna",
    from: "anna@ship.example",
    to: ["ben@shore.example"],
    destination: new Uint8Array(16).fill(destination),
    mode: "end-to-end",
    class: "normal",
    lifetimeMs,
    receipt: false,
    body: Uint8Array.of(1),
    bodyKind: "text",
    hop: { link: "radio", neighbour: NEIGHBOUR },
  };
}

let spool: DiskSpool;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(root, "estafette-companions-"));
  spool = await openSpool({ directory, clock, ballastBytes: 0 });
  for (let from = 0; from < WAITING_COUNT; from += 1_000) {
    // All of them nearer to their deadline than those that are looked for.
    await spool.acceptMessages(
      Array.from({ length: 1_000 }, (_, i) => message(from + i, 2 + ((from + i) % 5), 10_000)),
    );
  }
  await spool.acceptMessages([0, 1, 2].map((i) => message(WAITING_COUNT + i, 100, 20_000)));
}, 300_000);

afterAll(async () => {
  await spool.close();
  rmSync(directory, { recursive: true, force: true });
});

async function companionsOf(sequence: number) {
  const key = { origin: new Uint8Array(16).fill(1), epoch: 1, sequence };
  const [leg] = await spool.legsOf({ key });
  if (leg === undefined) throw new Error("the message has a leg");
  const startMs = performance.now();
  const found = await spool.companions(leg, { limit: 100, bodyBytesMax: 100_000 });
  return { sequences: found.map((one) => one.record.key.sequence), tookMs: performance.now() - startMs };
}

it("finds what may be joined behind a hundred thousand others", async () => {
  const { sequences } = await companionsOf(WAITING_COUNT + 1);
  expect(sequences).toEqual([WAITING_COUNT + 1, WAITING_COUNT, WAITING_COUNT + 2]);
});

it("costs what it finds, not what waits", async () => {
  const tookMs: number[] = [];
  for (let turn = 0; turn < 50; turn++) tookMs.push((await companionsOf(WAITING_COUNT)).tookMs);
  tookMs.sort((a, b) => a - b);
  // A walk over the others takes some hundred milliseconds; three probes take a tenth of one.
  expect(tookMs[25]).toBeLessThan(10);
});
