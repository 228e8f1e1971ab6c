import type { ByteLink, Clock } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { timeOnAirMs } from "../lora-airtime.js";
import { kissFrame, RnodeReader } from "./kiss.js";
import type { RnodeOptions } from "./options.js";
import { createRnodes } from "./rnodes.js";

/** Time that passes when told to. */
class Steps implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly go: () => void }[] = [];
  monotonicMs = () => this.#nowMs;
  bootId = () => "steps";
  unixMs = () => 0;
  trust = () => "untrusted" as const;
  timer(delayMs: number, go: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, go };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  async pass(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      for (let turn = 0; turn < 200; turn++) await Promise.resolve();
      const [next] = this.#timers.filter((one) => one.atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = next.atMs;
      next.go();
    }
    this.#nowMs = endMs;
  }
}

/** What a board says, frame by frame: command and data. */
class Host {
  readonly said: number[][] = [];
  constructor(readonly link: ByteLink) {
    const read = async (): Promise<void> => {
      let frame: number[] = [];
      for await (const bytes of link.readable) {
        for (const byte of bytes) {
          if (byte !== 0xc0) frame.push(byte);
          else {
            if (frame.length > 0) this.said.push(plainOf(frame));
            frame = [];
          }
        }
      }
    };
    read().catch(() => {});
  }
  write(...bytes: number[]): void {
    void this.link.write(Uint8Array.from(bytes));
  }
  tell(command: number, ...data: number[]): void {
    void this.link.write(kissFrame(command, data));
  }
  /** 868.1 MHz, 125 kHz, 14 dBm, SF 8, 4/5, on. */
  setUp(): void {
    this.tell(0x01, 0x33, 0xbe, 0x27, 0xa0);
    this.tell(0x02, 0, 1, 0xe8, 0x48);
    this.tell(0x03, 14);
    this.tell(0x04, 8);
    this.tell(0x05, 5);
    this.tell(0x06, 1);
  }
}

function plainOf(frame: readonly number[]): number[] {
  return frame.flatMap((byte, at) => {
    if (frame[at - 1] === 0xdb) return [byte === 0xdc ? 0xc0 : 0xdb];
    return byte === 0xdb ? [] : [byte];
  });
}

async function desk(options: Partial<RnodeOptions> = {}) {
  const clock = new Steps();
  const boards = createRnodes({ ...options, clock });
  const [a, b] = [new Host(boards.open(0)), new Host(boards.open(1))];
  await clock.pass(2_000);
  for (const host of [a, b]) host.setUp();
  await clock.pass(10);
  for (const host of [a, b]) host.said.length = 0;
  return { clock, boards, a, b };
}

const data = (host: Host): number[][] =>
  host.said.filter(([command]) => command === 0).map(([, ...bytes]) => bytes);

describe("an RNode", () => {
  it("restarts when its port is opened, and then answers a detection", async () => {
    const clock = new Steps();
    const host = new Host(createRnodes({ clock }).open(0));
    host.write(0xc0, 0x08, 0x73, 0xc0);
    await clock.pass(2_000);
    host.write(0xc0, 0x08, 0x73, 0xc0, 0x50, 0, 0xc0, 0x48, 0, 0xc0, 0x49, 0, 0xc0);
    await clock.pass(1);
    expect(host.said.slice(1)).toEqual([
      [0x08, 0x46],
      [0x50, 1, 80],
      [0x48, 0x80],
      [0x49, 0x81],
    ]);
  });

  it("echoes its settings as they are now, clamped", async () => {
    const { clock, a } = await desk({ txPowerDbmMax: 17 });
    a.tell(0x03, 27);
    a.tell(0x04, 13);
    a.tell(0x05, 4);
    a.tell(0x0c, 3, 0xe8);
    a.tell(0x04, 0xff);
    a.tell(0x01, 0, 0, 0, 0);
    await clock.pass(1);
    expect(a.said).toEqual([
      [3, 17],
      [4, 12],
      [5, 5],
      [12, 3, 0xe8],
      [4, 12],
      [1, 0x33, 0xbe, 0x27, 0xa0],
    ]);
  });

  it("obeys a command at its last byte, and wants a C0 of its own after data", () => {
    const reader = new RnodeReader((command) => (command === 0 ? null : 1));
    expect(reader.push(Uint8Array.of(0xc0, 4, 8))).toHaveLength(1);
    expect(reader.push(Uint8Array.of(0xc0, 0, 0xdb, 0xdc, 0xdb, 0xdd, 0xc0))).toEqual([
      { command: 0, data: Uint8Array.of(0xc0, 0xdb) },
    ]);
    expect(reader.push(Uint8Array.of(0, 1, 0xc0, 0, 2, 0xc0))).toEqual([
      { command: 0, data: Uint8Array.of(2) },
    ]);
  });

  it("carries up to 508 bytes, in two packets from 255 on, with signal figures before them", async () => {
    const { clock, boards, a, b } = await desk();
    const sizes = [1, 254, 255, 508, 509];
    for (const size of sizes) a.tell(0, ...Array.from({ length: size }, (_, at) => at & 0xff));
    await clock.pass(30_000);
    expect(data(b).map((one) => one.length)).toEqual([1, 254, 255, 508]);
    expect(data(b)[3]).toEqual(Array.from({ length: 508 }, (_, at) => at & 0xff));
    expect(b.said.slice(0, 3).map(([command]) => command)).toEqual([0x23, 0x24, 0]);
    const lora = { spreadingFactor: 8, bandwidthKhz: 125, codingRate: 5, preambleSymbols: 18 };
    const expectedMs = [2, 255, 255, 2, 255, 255].reduce((sum, size) => sum + timeOnAirMs(lora, size), 0);
    expect(boards.ledger(0)).toEqual({ frames: 6, airtimeMs: expect.closeTo(expectedMs, 6) });
    a.tell(0x22, 0);
    b.tell(0x21, 0);
    await clock.pass(1);
    expect([a.said.at(-1), b.said.at(-1)]).toEqual([
      [0x22, 0, 0, 0, 4],
      [0x21, 0, 0, 0, 4],
    ]);
  });

  it("says when its queue is full, and answers how it is when asked", async () => {
    const { clock, a } = await desk({ queuePacketsMax: 2, defects: { stuckTransmitter: true } });
    a.tell(0x0f, 0);
    for (let count = 0; count < 3; count++) a.tell(0, 1, 2, 3);
    a.tell(0x0f, 0);
    await clock.pass(1);
    expect(a.said).toEqual([
      [0x0f, 1],
      [0x90, 4],
      [0x0f, 0],
    ]);
  });

  it("holds packets while the hour's airtime is used up", async () => {
    const { clock, boards, a, b } = await desk();
    a.tell(0x0c, 0, 10);
    for (let count = 0; count < 12; count++) a.tell(0, ...new Array(200).fill(7));
    await clock.pass(60_000);
    expect(boards.ledger(0).airtimeMs).toBeGreaterThan(3_600);
    expect(boards.ledger(0).airtimeMs).toBeLessThan(3_600 + 700);
    await clock.pass(3_600_000);
    expect(data(b)).toHaveLength(12);
  });

  it("hears only what is sent as it listens, and nothing when off", async () => {
    const { clock, a, b } = await desk();
    b.tell(0x04, 9);
    a.tell(0, 1);
    await clock.pass(1_000);
    b.tell(0x04, 8);
    b.tell(0x0a, 0xff);
    a.tell(0, 2);
    await clock.pass(1_000);
    b.tell(0x06, 1);
    a.tell(0, 3);
    await clock.pass(1_000);
    expect(data(b)).toEqual([[3]]);
  });

  it("is unplugged and plugged; a board that cannot start says so", async () => {
    const { clock, boards, a } = await desk({ defects: { failsInit: true, losesSecondHalf: true } });
    a.tell(0x06, 1);
    await clock.pass(1);
    expect(a.said).toEqual([
      [0x90, 1],
      [6, 0],
    ]);
    boards.unplug(0);
    expect(() => boards.open(0)).toThrow(/not there/);
    boards.plug(0);
    boards.open(0);
    expect(() => createRnodes({ clock, loss: 2 })).toThrow(/loss must be from 0 to 1/);
  });
});
