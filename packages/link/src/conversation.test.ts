import { describe, expect, it } from "vitest";
import { createConversation } from "./conversation.js";
import { LINK_LIMITS } from "./limits.js";
import { hex, neighbour, person, radio, stream, transferOf } from "./testing/fixtures.js";
import { CALM, type End, World } from "./testing/world.js";

const ship = person("ship", 1);
const shore = person("shore", 2);

function meet(channel = radio(128), seed = 7): { world: World; a: End; b: End } {
  const world = new World(channel, { ...CALM }, seed);
  const a = world.add({ self: ship, expected: neighbour(shore) });
  const b = world.add({ self: shore, expected: neighbour(ship) });
  a.conversation.start(world.nowMs);
  expect(world.run(world.nowMs + 60_000, () => a.conversation.canOffer() && b.conversation.canOffer())).toBe(
    true,
  );
  world.run(world.nowMs + 10_000);
  return { world, a, b };
}

const results = (end: End): string[] => end.keeper.results.map(({ result }) => result.result);

describe("a conversation", () => {
  for (const [name, channel] of [
    ["a stream", stream()],
    ["a radio of 128 bytes", radio(128)],
    ["a radio of 48 bytes", radio(48)],
    ["an amateur radio of 255 bytes", radio(255, 1200, false)],
  ] as const) {
    it(`carries transfers and notes both ways over ${name}`, () => {
      const world = new World(channel, CALM, 7);
      const a = world.add({ self: ship, expected: neighbour(shore) });
      const b = world.add({ self: shore, expected: neighbour(ship) });
      a.conversation.start(world.nowMs);
      b.conversation.start(world.nowMs);
      const out = [transferOf(1, 2048), transferOf(2, 0), transferOf(3, 300, "flash")];
      for (const transfer of out) a.conversation.offer(transfer, world.nowMs);
      b.conversation.offer(transferOf(4, 700), world.nowMs);
      b.conversation.sendNote({ key: 5, bytes: new Uint8Array(256).fill(9) }, world.nowMs);
      b.conversation.sendNote({ key: 6, bytes: new Uint8Array(0) }, world.nowMs);
      const done = (): boolean => results(a).length === 3 && results(b).length === 3;
      expect(world.run(world.nowMs + 600_000, done)).toBe(true);
      expect([...results(a), ...results(b)]).toEqual(new Array(6).fill("accepted"));
      for (const transfer of out) {
        const got = b.keeper.committed.get(hex(transfer.id))!;
        expect(hex(got.head)).toBe(hex(transfer.head));
        expect(hex(got.payload)).toBe(hex(transfer.payload));
        expect(got.times).toBe(1);
      }
      expect(a.keeper.notes.sort()).toEqual(["", hex(new Uint8Array(256).fill(9))]);
      expect(hex(a.keeper.pairSecret!)).toBe(hex(b.keeper.pairSecret!));
      expect(a.conversation.status()).toMatchObject({
        outgoingCount: 0,
        incomingCount: 0,
        segmentsRepeated: 0,
      });
    });
  }

  it("says nothing and asks for no tick when there is nothing to do", () => {
    const { world, a, b } = meet();
    const spoken = world.record.length;
    world.run(world.nowMs + 86_400_000);
    expect(world.record.length).toBe(spoken);
    expect([a, b].map((end) => end.conversation.nextTickMs())).toEqual([null, null]);
  });

  it("tells the head as soon as it is complete, and stops when the head is rejected", () => {
    const world = new World(radio(128), CALM, 3);
    const a = world.add({ self: ship, expected: neighbour(shore) });
    const b = world.add({
      self: shore,
      expected: neighbour(ship),
      judgeHead: () => ({ answer: "never", reason: "denied" }),
    });
    a.conversation.start(world.nowMs);
    a.conversation.offer(transferOf(1, 20_000), world.nowMs);
    expect(world.run(world.nowMs + 600_000, () => results(a).length === 1)).toBe(true);
    expect(a.keeper.results[0]!.result).toEqual({ result: "never", reason: "denied" });
    expect(b.log.filter(({ type }) => type === "complete")).toHaveLength(0);
    const head = b.log.find((event) => event.type === "head");
    expect(head?.type === "head" && hex(head.bytes)).toBe(hex(transferOf(1, 0).head));
    expect(a.conversation.status().bytesSent).toBeLessThan(2500);
  });

  it("passes on have, not-now and never as they were said", () => {
    const world = new World(radio(64), CALM, 3);
    const a = world.add({ self: ship, expected: neighbour(shore) });
    const answers = [
      { answer: "have" },
      { answer: "not-now", retryAfterS: 86_400, reason: "untrusted-clock" },
      { answer: "never", reason: "policy" },
    ] as const;
    const b = world.add({
      self: shore,
      expected: neighbour(ship),
      answer: (id) => answers.find((_, index) => hex(transferOf(index, 0).id) === id) ?? null,
    });
    a.conversation.start(world.nowMs);
    for (const key of [0, 1, 2]) a.conversation.offer(transferOf(key, 100), world.nowMs);
    expect(world.run(world.nowMs + 600_000, () => results(a).length === 3)).toBe(true);
    const said = a.keeper.results.sort((x, y) => x.key - y.key).map(({ result }) => result);
    expect(said).toEqual([
      { result: "already-held" },
      { result: "not-now", retryAfterS: 86_400, reason: "untrusted-clock" },
      { result: "never", reason: "policy" },
    ]);
    expect(b.keeper.held.size).toBe(0);
  });

  it("says accepted only after accept(), however long the commit takes", () => {
    for (const channel of [radio(128), stream()]) {
      const world = new World(channel, CALM, 5);
      const a = world.add({ self: ship, expected: neighbour(shore) });
      const b = world.add({ self: shore, expected: neighbour(ship), commitMs: 300_000 });
      a.conversation.start(world.nowMs);
      a.conversation.offer(transferOf(1, 400), world.nowMs);
      world.run(world.nowMs + 3_600_000, () => b.log.some(({ type }) => type === "complete"));
      const completeAtMs = world.nowMs;
      expect(world.run(completeAtMs + 299_000, () => results(a).length > 0)).toBe(false);
      expect(world.run(completeAtMs + 3_600_000, () => results(a).length > 0)).toBe(true);
      expect(world.nowMs).toBeGreaterThanOrEqual(completeAtMs + 300_000);
      expect(results(a)).toEqual(["accepted"]);
      expect(a.conversation.status().segmentsRepeated).toBe(0);
    }
  });

  it("withdraws before, during and after the payload", () => {
    for (const afterMs of [0, 1500, 4000, 60_000]) {
      const { world, a, b } = meet();
      a.conversation.offer(transferOf(1, 3000), world.nowMs);
      a.conversation.offer(transferOf(2, 100), world.nowMs);
      world.run(world.nowMs + afterMs);
      a.conversation.withdraw(1, world.nowMs);
      expect(world.run(world.nowMs + 600_000, () => a.keeper.results.some(({ key }) => key === 2))).toBe(
        true,
      );
      world.run(world.nowMs + 60_000);
      expect(b.conversation.status().incomingCount).toBe(0);
      expect(a.conversation.status().outgoingCount).toBe(0);
      const settled = a.keeper.results.filter(({ key }) => key === 1);
      expect(settled.length).toBe(afterMs === 60_000 ? 1 : 0);
    }
  });
});

describe("urgency", () => {
  it("lets a flash message overtake a bulk transfer at the next parcel", () => {
    const { world, a, b } = meet(radio(255));
    a.conversation.offer(transferOf(1, 300_000, "bulk"), world.nowMs);
    world.run(world.nowMs + 60_000);
    const before = world.record.length;
    const offeredAtMs = world.nowMs;
    a.conversation.offer(transferOf(2, 60, "flash"), world.nowMs);
    expect(
      world.run(world.nowMs + 60_000, () => b.log.some((e) => e.type === "offered" && e.class === "flash")),
    ).toBe(true);
    const own = world.record.slice(before).filter(({ from }) => from === 0);
    expect(own.length).toBeLessThanOrEqual(2); // the one on its way is not in the list; an answer may be due
    expect(world.run(world.nowMs + 60_000, () => results(a).length === 1)).toBe(true);
    expect(a.keeper.results[0]).toMatchObject({ key: 2, result: { result: "accepted" } });
    expect(world.nowMs - offeredAtMs).toBeLessThan(10_000);
  });

  it("lets flash overtake in the other direction within one burst", () => {
    const { world, a, b } = meet(radio(255));
    a.conversation.offer(transferOf(1, 300_000, "bulk"), world.nowMs);
    world.run(world.nowMs + 60_000);
    const offeredAtMs = world.nowMs;
    b.conversation.offer(transferOf(2, 60, "flash"), world.nowMs);
    expect(world.run(world.nowMs + 120_000, () => results(b).length === 1)).toBe(true);
    expect(world.nowMs - offeredAtMs).toBeLessThan(3 * LINK_LIMITS.burstMsMax);
  });
});

describe("bounds", () => {
  it("refuses channels without room, and offers beyond the table", () => {
    const init = {
      self: ship.identity,
      expected: null,
      admit: () => null,
      nowMs: 0,
      greeting: new Uint8Array(0),
    };
    const rng = new World(stream(), CALM, 1).rng;
    expect(() => createConversation({ ...init, rng, channel: radio(47) })).toThrow(/48/);
    const { world, a, b } = meet();
    for (let key = 0; key < 20; key++) a.conversation.offer(transferOf(key, 10), world.nowMs);
    expect(a.conversation.canOffer()).toBe(false);
    a.react();
    expect(results(a)).toEqual(new Array(12).fill("not-now"));
    expect(world.run(world.nowMs + 600_000, () => results(a).length === 20)).toBe(true);
    expect(b.keeper.committed.size).toBe(8);
  });

  it("answers busy when the neighbour opens more than the table holds", () => {
    const world = new World(stream(1024), CALM, 5);
    const a = world.add({ self: ship, expected: neighbour(shore) });
    const b = world.add({ self: shore, expected: neighbour(ship), channel: stream(1023) });
    a.conversation.start(world.nowMs);
    for (let key = 0; key < 60; key++) a.conversation.offer(transferOf(key, 10), world.nowMs);
    expect(world.run(world.nowMs + 600_000, () => results(a).length === 60)).toBe(true);
    expect(results(a).filter((result) => result === "not-now").length).toBeGreaterThan(0);
    expect(b.keeper.committed.size).toBeGreaterThanOrEqual(8);
  });

  it("takes a transfer of more units than one bitmap, with half of them lost", () => {
    const world = new World(radio(48, 9600), { ...CALM, loss: 0.5 }, 11);
    const a = world.add({ self: ship, expected: neighbour(shore) });
    const b = world.add({ self: shore, expected: neighbour(ship) });
    a.conversation.start(world.nowMs);
    const transfer = transferOf(1, 40_000);
    a.conversation.offer(transfer, world.nowMs);
    expect(world.run(world.nowMs + 36_000_000, () => results(a).length === 1)).toBe(true);
    expect(results(a)).toEqual(["accepted"]);
    expect(hex(b.keeper.committed.get(hex(transfer.id))!.payload)).toBe(hex(transfer.payload));
    expect(a.conversation.status().segmentsRepeated).toBeGreaterThan(500);
  });

  it("settles everything when it is closed, and stays closed", () => {
    const { world, a } = meet();
    a.conversation.offer(transferOf(1, 10), world.nowMs);
    a.conversation.sendNote({ key: 2, bytes: new Uint8Array(3) }, world.nowMs);
    a.conversation.close(world.nowMs, "unplugged");
    a.conversation.close(world.nowMs, "again");
    a.conversation.offer(transferOf(3, 10), world.nowMs);
    a.react();
    expect(a.log.slice(-4).map(({ type }) => type)).toEqual(["settled", "settled", "lost", "settled"]);
    expect(results(a)).toEqual(["broken", "broken", "broken"]);
    expect(a.conversation.nextParcel(world.nowMs)).toBeNull();
    expect(a.conversation.nextTickMs()).toBeNull();
    expect(a.conversation.status().state).toBe("lost");
  });
});

describe("economy", () => {
  for (const parcelBytesMax of [128, 160, 200, 219, 255]) {
    it(`spends at least 85 % of the bytes on the message at ${parcelBytesMax} bytes a parcel`, () => {
      const { world, a } = meet(radio(parcelBytesMax));
      const before = world.record.length;
      a.conversation.offer(transferOf(1, 2048), world.nowMs);
      expect(world.run(world.nowMs + 600_000, () => results(a).length === 1)).toBe(true);
      world.run(world.nowMs + 60_000);
      const bytes = world.record.slice(before).reduce((sum, parcel) => sum + parcel.bytes.length, 0);
      expect(2198 / bytes).toBeGreaterThan(0.85);
      expect(world.collisions).toBe(0);
    });
  }

  it("handles thousands of small transfers on a stream, each once", () => {
    const { world, a, b } = meet(stream());
    const count = 4000;
    let next = 0;
    const feed = (): boolean => {
      while (a.conversation.canOffer() && next < count)
        a.conversation.offer(transferOf(next++, 200), world.nowMs);
      return a.keeper.results.length === count;
    };
    expect(world.run(world.nowMs + 600_000, feed)).toBe(true);
    expect(b.keeper.committed.size).toBe(count);
  });
});
