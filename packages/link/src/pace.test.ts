import { describe, expect, it } from "vitest";
import type { ChannelTraits } from "./api.js";
import { LINK_LIMITS } from "./limits.js";
import { hex, pushedOf, radio, seededRng, stream, transferOf } from "./testing/fixtures.js";
import { HOUR_MS, meet } from "./testing/pair.js";
import type { End } from "./testing/world.js";
import { Timing } from "./timing.js";

const results = (end: End): string[] => end.keeper.results.map(({ result }) => result.result);

/** Radio of 300 bit/s on which a change of direction takes 250 ms. */
const slowRadio = (lossy = true): ChannelTraits => ({
  ...radio(1024, 300),
  lossy,
  turnaroundMs: 250,
  answerMs: 50,
});

/** A modem line: full duplex, nothing lost, one second each way (the world's delay is a quarter turnaround). */
const line = (bitsPerSecond: number): ChannelTraits => ({
  ...stream(16_384),
  airtimeMs: (byteCount) => Math.ceil((byteCount * 8000) / bitsPerSecond),
  turnaroundMs: 4000,
});

/** How often the direction changed, and the share of the channel's time that went into the message. */
function carry(channel: ChannelTraits, loss: number, seed: number, transfer = pushedOf(1, 20_000)) {
  const { world, a, b } = meet(channel, seed);
  world.weather.loss = loss;
  const [before, beganMs] = [world.record.length, world.nowMs];
  a.conversation.offer(transfer, world.nowMs);
  expect(world.run(world.nowMs + 24 * HOUR_MS, () => results(a).length === 1)).toBe(true);
  expect(hex(b.keeper.committed.get(hex(transfer.id))!.payload)).toBe(hex(transfer.payload));
  const said = world.record.slice(before);
  const turnarounds = said.filter(({ from }, index) => index > 0 && from !== said[index - 1]!.from).length;
  const bytes = transfer.head.length + transfer.payload.length;
  return { turnarounds, goodput: channel.airtimeMs(bytes) / (world.nowMs - beganMs) };
}

describe("half duplex", () => {
  it("carries 20 kB at 300 bit/s in fewer than 25 turnarounds", () => {
    const { turnarounds, goodput } = carry(slowRadio(), 0, 7);
    expect(turnarounds).toBeLessThan(25);
    expect(goodput).toBeGreaterThan(0.9);
  });

  it("uses what the channel lets through: 80 % of it at 20 % loss, half of it at 40 %", () => {
    for (const [loss, mean, worst] of [
      [0.05, 0.88, 0.8],
      [0.2, 0.8, 0.55],
      [0.4, 0.55, 0.3],
    ] as const) {
      const runs = Array.from({ length: 20 }, (_, seed) => carry(slowRadio(), loss, seed + 1).goodput);
      const shares = runs.map((goodput) => goodput / (1 - loss));
      const sum = shares.reduce((all, one) => all + one, 0);
      expect(sum / shares.length, `mean at ${loss}`).toBeGreaterThan(mean);
      expect(Math.min(...shares), `worst at ${loss}`).toBeGreaterThan(worst);
    }
  });

  it("comes back to short bursts when the other end has something to say, and lets its flash message in", () => {
    const { world, a, b } = meet(slowRadio());
    a.conversation.offer(pushedOf(1, 60_000, "bulk"), world.nowMs);
    world.run(world.nowMs + 300_000);
    const offeredAtMs = world.nowMs;
    for (const key of [2, 3]) b.conversation.offer(pushedOf(key, 60, "flash"), world.nowMs);
    const there = (): boolean => a.keeper.committed.size === 2;
    expect(world.run(world.nowMs + HOUR_MS, there)).toBe(true);
    const flashMs = 2 * world.channel.airtimeMs(240);
    expect(world.nowMs - offeredAtMs).toBeLessThan(LINK_LIMITS.burstMsMax + flashMs + 2000);
    expect(world.run(world.nowMs + HOUR_MS, () => results(b).length === 2)).toBe(true);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
  });
});

describe("parcels", () => {
  it("take no more than 0.75 s where they can carry 256 bytes in that time, else 280 bytes", () => {
    for (const [bitsPerSecond, bytes] of [
      [300, 280],
      [1000, 280],
      [1200, 280],
      [9600, 900],
      [1_000_000, 16_384],
    ] as const) {
      expect(new Timing(line(bitsPerSecond), seededRng(1)).parcelBytes(16_384)).toBe(bytes);
    }
    expect(new Timing(radio(128), seededRng(1)).parcelBytes(128)).toBe(128);
    expect(new Timing(radio(1024, 300), seededRng(1)).parcelBytes(200)).toBe(200);
  });

  it("cost at most 1.5 % at 9600 bit/s", () => {
    const { world, a } = meet(line(9600));
    const before = world.record.length;
    a.conversation.offer(pushedOf(1, 100_000), world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
    const bytes = world.record.slice(before).reduce((sum, parcel) => sum + parcel.bytes.length, 0);
    expect(bytes / 100_150).toBeLessThan(1.015);
  });
});

describe("a flash message behind a bulk transfer", () => {
  it("arrives within 5.5 s at 1200 bit/s with a second of delay, at every phase of the transfer", () => {
    for (const bulk of [pushedOf(1, 300_000, "bulk"), transferOf(1, 300_000, "bulk")]) {
      const waits: number[] = [];
      const { world, a, b } = meet(line(1200));
      a.conversation.offer(bulk, world.nowMs);
      const phases = [
        0,
        100,
        1000,
        3000,
        4100,
        5200,
        ...Array.from({ length: 40 }, (_, i) => 6000 + i * 57_137),
      ];
      const beganMs = world.nowMs;
      for (const [index, phaseMs] of phases.entries()) {
        world.run(beganMs + phaseMs);
        const flash = pushedOf(100 + index, 140, "flash", 80);
        const offeredAtMs = world.nowMs;
        a.conversation.offer(flash, world.nowMs);
        expect(world.run(world.nowMs + HOUR_MS, () => b.keeper.committed.has(hex(flash.id)))).toBe(true);
        waits.push(world.nowMs - offeredAtMs);
      }
      expect(Math.max(...waits)).toBeLessThan(5500);
      expect(world.run(world.nowMs + HOUR_MS, () => b.keeper.committed.size === phases.length + 1)).toBe(
        true,
      );
      expect(results(a).every((result) => result === "accepted")).toBe(true);
    }
  });
});

describe("flows of one class", () => {
  const settled = (a: End, flow: "ship" | "base"): number =>
    a.keeper.results.filter(({ key }) => key >= 100 === (flow === "base")).length;

  it("take turns, in order within each; one that was silent does not make up for it", () => {
    const { world, a, b } = meet(line(9600));
    for (let key = 1; key <= 5; key++) {
      a.conversation.offer({ ...pushedOf(key, 30_000, "bulk"), flow: "ship" }, world.nowMs);
    }
    world.run(world.nowMs + 30_000);
    expect(b.keeper.committed.size).toBe(1);
    a.conversation.offer({ ...pushedOf(100, 30_000, "bulk"), flow: "base" }, world.nowMs);
    const began = world.nowMs;
    world.run(world.nowMs + HOUR_MS, () => settled(a, "base") === 1);
    // Half of the line is its own: twice its airtime, and what is on the way.
    expect(world.nowMs - began).toBeLessThan(2.2 * world.channel.airtimeMs(30_150) + 5000);
    expect(settled(a, "ship")).toBeGreaterThanOrEqual(1);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 6)).toBe(true);
    const order = a.keeper.results.map(({ key }) => key).filter((key) => key < 100);
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });
});
