import { describe, expect, it } from "vitest";
import type { ChannelTraits } from "./api.js";
import { hex, neighbour, pushedOf, radio, stream, transferOf } from "./testing/fixtures.js";
import { HOUR_MS, meet, ship, shore } from "./testing/pair.js";
import { CALM, type End, Keeper, World } from "./testing/world.js";
import { meetingMessages, parcelsOf } from "./weigh.js";

const results = (end: End): string[] => end.keeper.results.map(({ result }) => result.result);
const sizes = (world: World, from = 0): number[] => world.record.slice(from).map(({ bytes }) => bytes.length);
const GREETING_BYTES = 4;

/** Two that are about to talk, with a text waiting: head and payload as those of a short signed message. */
function text(channel: ChannelTraits, acquainted: boolean) {
  const keepers = [new Keeper(), new Keeper()] as const;
  if (acquainted) for (const keeper of keepers) keeper.pairSecret = new Uint8Array(32).fill(5);
  const world = new World(channel, { ...CALM }, 3);
  const greeting = new Uint8Array(GREETING_BYTES).fill(7);
  const a = world.add({ self: ship, expected: neighbour(shore), keeper: keepers[0], greeting });
  const b = world.add({ self: shore, expected: neighbour(ship), keeper: keepers[1], greeting });
  a.conversation.start(world.nowMs);
  const transfer = pushedOf(1, 40, "normal", 80);
  world.run(world.nowMs + 60_000, () => a.conversation.canOffer());
  // The relay looks for what is waiting only now, which takes it a moment.
  world.at(world.nowMs + 200, () => a.conversation.offer(transfer, world.nowMs));
  const done = world.run(world.nowMs + HOUR_MS, () => results(a).length === 1);
  world.run(world.nowMs + HOUR_MS);
  return { world, a, b, done, transfer };
}

describe("a text", () => {
  for (const [name, channel, header] of [
    ["a stream", stream(), 10],
    ["a radio that may lose parcels", radio(255), 12],
    ["an amateur radio", radio(255, 1200, false), 12],
  ] as const) {
    it(`between acquainted nodes on ${name} is two small parcels, one of data, one answer`, () => {
      const { world, a, b, done, transfer } = text(channel, true);
      expect([done, results(a)]).toEqual([true, ["accepted"]]);
      expect(sizes(world)).toEqual([14 + GREETING_BYTES, 16 + GREETING_BYTES, header + 1 + 120, header + 1]);
      expect(14 + 16 + 2 * GREETING_BYTES).toBeLessThanOrEqual(40);
      expect(sizes(world).slice(0, 2)).toEqual(meetingMessages(true, GREETING_BYTES));
      expect(parcelsOf(channel)).toEqual({ bytes: channel.parcelBytesMax, headerBytes: header });
      expect(hex(b.keeper.committed.get(hex(transfer.id))!.payload)).toBe(hex(transfer.payload));
      for (const end of [a, b]) {
        const met = end.log.find((event) => event.type === "established");
        expect(met?.type === "established" && hex(met.greeting)).toBe("07070707");
      }
    });

    it(`at the first meeting on ${name} is hello 1, hello 2, data, answer`, () => {
      const { world, a, done } = text(channel, false);
      expect([done, results(a)]).toEqual([true, ["accepted"]]);
      const hello = 4 + 32 + 16 + 3 + GREETING_BYTES;
      expect(sizes(world)).toEqual([hello, hello, header + 1 + 120, header + 1]);
      expect(sizes(world).slice(0, 2)).toEqual(meetingMessages(false, GREETING_BYTES));
    });
  }

  it("shares a parcel with others, and each is settled once", () => {
    const { world, a, b } = meet(radio(255));
    const before = world.record.length;
    for (const key of [1, 2, 3]) a.conversation.offer(pushedOf(key, 10, "normal", 60), world.nowMs);
    a.conversation.offer(pushedOf(4, 100, "normal", 60), world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 4)).toBe(true);
    // Three of 70 bytes with their lengths; then what did not fit; all verdicts in one answer.
    expect(sizes(world, before)).toEqual([12 + 3 * 71 + 2, 12 + 161, 12 + 4]);
    expect([...b.keeper.committed.values()].map(({ times }) => times)).toEqual([1, 1, 1, 1]);
  });

  it("is not sent again while the relay takes its time, and is accepted only after accept()", () => {
    for (const channel of [radio(255), stream()]) {
      const world = new World(channel, { ...CALM }, 5);
      const a = world.add({ self: ship, expected: neighbour(shore) });
      const b = world.add({ self: shore, expected: neighbour(ship), commitMs: 200_000 });
      a.conversation.start(world.nowMs);
      a.conversation.offer(pushedOf(1, 80), world.nowMs);
      world.run(world.nowMs + HOUR_MS, () => b.log.some(({ type }) => type === "pushed"));
      const pushedAtMs = world.nowMs;
      expect(world.run(pushedAtMs + 199_000, () => results(a).length > 0)).toBe(false);
      expect(world.run(pushedAtMs + HOUR_MS, () => results(a).length > 0)).toBe(true);
      expect(results(a)).toEqual(["accepted"]);
      expect(b.log.filter(({ type }) => type === "pushed")).toHaveLength(1);
      expect(sizes(world).filter((bytes) => bytes > 200)).toHaveLength(1);
    }
  });

  it("gets every verdict the relay can give", () => {
    const { world, a, b } = meet(radio(255));
    const transfer = pushedOf(1, 50);
    a.conversation.offer(transfer, world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
    a.conversation.offer({ ...transfer, key: 2 }, world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 2)).toBe(true);
    expect(results(a)).toEqual(["accepted", "already-held"]);
    expect(b.keeper.committed.get(hex(transfer.id))!.times).toBe(1);
  });
});

describe("a transfer nobody asks about", () => {
  for (const channel of [radio(128), stream(1024), stream(256)]) {
    it(`follows its OFFER at once and costs one answer (${channel.parcelBytesMax})`, () => {
      const { world, a, b } = meet(channel);
      const before = world.record.length;
      const transfer = pushedOf(1, 3000);
      a.conversation.offer(transfer, world.nowMs);
      expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
      expect(results(a)).toEqual(["accepted"]);
      expect(hex(b.keeper.committed.get(hex(transfer.id))!.payload)).toBe(hex(transfer.payload));
      const answers = world.record.slice(before).filter(({ from }) => from === 1);
      const bursts = channel.duplex === "half" ? 3 : 1;
      expect(answers.length).toBeLessThanOrEqual(bursts);
      expect(answers.at(-1)!.bytes.length).toBe(channel.lossy ? 13 : 11);
    });
  }

  it("may be rejected at any time, and what is held need not be sent", () => {
    for (const answer of [{ answer: "have" }, { answer: "never", reason: "loop" }] as const) {
      const world = new World(radio(128), { ...CALM }, 3);
      const a = world.add({ self: ship, expected: neighbour(shore) });
      world.add({ self: shore, expected: neighbour(ship), answer: () => answer, decideMs: 3000 });
      a.conversation.start(world.nowMs);
      a.conversation.offer(pushedOf(1, 40_000), world.nowMs);
      expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
      expect(results(a)).toEqual([answer.answer === "have" ? "already-held" : "never"]);
      expect(a.conversation.status().bytesSent).toBeLessThan(3000);
    }
    const channel = { ...stream(256), airtimeMs: (bytes: number) => bytes * 7, answerMs: 500 };
    const { world, a, b } = meet(channel);
    const transfer = pushedOf(1, 20_000);
    b.keeper.held.set(hex(transfer.id), [{ start: 4000, end: 20_000, bytes: transfer.payload.slice(4000) }]);
    const before = world.record.length;
    a.conversation.offer(transfer, world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
    expect(sizes(world, before).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(5500);
    expect(hex(b.keeper.committed.get(hex(transfer.id))!.payload)).toBe(hex(transfer.payload));
  });

  it("whose OFFER was lost is offered again before much data is spent", () => {
    const { world, a, b } = meet(radio(128));
    const before = world.record.length;
    a.conversation.offer(pushedOf(1, 6000), world.nowMs);
    world.weather.loss = 1;
    world.run(world.nowMs + 60_000, () => world.record.length > before + 1);
    world.weather.loss = 0;
    expect(world.run(world.nowMs + HOUR_MS, () => results(a).length === 1)).toBe(true);
    expect(b.keeper.committed.size).toBe(1);
    expect(sizes(world, before).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(6150 * 1.15 + 1300);
  });
});

describe("short names", () => {
  it("never settle another transfer, though verdicts come late, twice and for what was taken back", () => {
    for (const channel of [stream(), { ...stream(), lossy: true, ordered: false }, radio(255, 9600)]) {
      for (let seed = 1; seed <= 3; seed++) {
        const weather = channel.lossy ? { ...CALM, loss: 0.2, duplicate: 0.3 } : { ...CALM };
        if (!channel.ordered) Object.assign(weather, { late: 0.3, lateMs: 20_000 });
        const world = new World(channel, { ...CALM }, seed);
        const a = world.add({ self: ship, expected: neighbour(shore) });
        const b = world.add({ self: shore, expected: neighbour(ship), commitMs: 700 });
        a.conversation.start(world.nowMs);
        world.run(world.nowMs + 60_000, () => a.conversation.canOffer());
        Object.assign(world.weather, weather);
        let next = 0;
        let withdrawn = 0;
        const settled = (): boolean => {
          for (; next < 150 && a.conversation.canOffer(); next++) {
            a.conversation.offer(pushedOf(seed * 1000 + next, next % 40), world.nowMs);
            if (next % 7 === 3) {
              withdrawn++;
              const { nowMs } = world;
              const key = seed * 1000 + next;
              world.at(nowMs + 300, () => a.conversation.withdraw(key, world.nowMs));
            }
          }
          return next === 150 && a.conversation.status().outgoingCount === 0;
        };
        expect(world.run(world.nowMs + 24 * HOUR_MS, settled), `seed ${seed}`).toBe(true);
        const accepted = a.keeper.results.filter(({ result }) => result.result === "accepted");
        const others = results(a).filter((result) => result !== "accepted" && result !== "not-now");
        expect(others).toEqual([]);
        expect(accepted.length).toBeGreaterThan((150 - withdrawn) * 0.9);
        for (const { key } of accepted) {
          expect(b.keeper.committed.has(hex(transferOf(key, 0).id)), `seed ${seed} key ${key}`).toBe(true);
        }
      }
    }
  });
});
