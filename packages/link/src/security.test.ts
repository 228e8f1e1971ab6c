import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LINK_LIMITS } from "./limits.js";
import { KIND } from "./session.js";
import { hex, neighbour, radio, seededRng, stream, transferOf } from "./testing/fixtures.js";
import { admitAll, established, HOUR_MS, meet, ship, shore, stranger, whys } from "./testing/pair.js";
import { CALM, Keeper, World } from "./testing/world.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2000);

describe("what must be refused", () => {
  it("a neighbour with another key, by KK, by XX and by admit()", () => {
    for (const channel of [radio(128), stream()]) {
      for (const [expected, callerAdmits] of [
        [neighbour(shore), false],
        [null, false],
        [null, true],
      ] as const) {
        const world = new World(channel, CALM, 3);
        const a = world.add({
          self: ship,
          expected,
          admit: callerAdmits ? admitAll([stranger]) : () => null,
        });
        const b = world.add({
          self: stranger,
          expected: null,
          admit: callerAdmits ? () => null : admitAll([ship]),
        });
        a.conversation.start(world.nowMs);
        a.conversation.offer(transferOf(1, 100), world.nowMs);
        world.run(world.nowMs + 10 * HOUR_MS);
        expect(established(a)).toEqual([]);
        expect(established(b)).toEqual([]);
        expect(a.keeper.results.map(({ result }) => result.result)).toEqual(["broken"]);
        expect(whys(a)[0]).toMatch(callerAdmits ? /no answer/ : /admitted|another neighbour/);
      }
    }
  });

  it("a root key that does not belong to the static key", () => {
    const world = new World(stream(), CALM, 3);
    const liar = { ...stranger, identity: { ...stranger.identity, rootPublic: shore.identity.rootPublic } };
    const a = world.add({ self: ship, expected: null, admit: admitAll([shore, stranger]) });
    const b = world.add({ self: liar, expected: null, admit: admitAll([ship]) });
    a.conversation.start(world.nowMs);
    world.run(world.nowMs + 10 * HOUR_MS);
    expect([established(a), established(b)]).toEqual([[], []]);
  });

  it("ourselves: a resumption led back to another conversation of ours", () => {
    const keeper = new Keeper();
    keeper.pairSecret = new Uint8Array(32).fill(8);
    const world = new World(stream(), CALM, 3);
    const ends = [1, 2].map(() => world.add({ self: ship, expected: neighbour(shore), keeper }));
    ends[0]!.conversation.start(world.nowMs);
    world.run(world.nowMs + 10 * HOUR_MS);
    expect(ends.map(established)).toEqual([[], []]);
  });

  it("a far end with the other content policy", () => {
    const world = new World(radio(128), CALM, 3);
    const a = world.add({ self: ship, expected: neighbour(shore) });
    world.add({ self: shore, expected: neighbour(ship), channel: radio(128, 1200, false) });
    a.conversation.start(world.nowMs);
    world.run(world.nowMs + 10 * HOUR_MS);
    expect(established(a)).toEqual([]);
    expect(whys(a)).toHaveLength(1);
  });

  it("everything reflected, and everything replayed, in both directions", () => {
    for (const channel of [radio(128), radio(64, 1200, false), stream()]) {
      const { world, a, b } = meet(channel);
      for (const key of [1, 2]) a.conversation.offer(transferOf(key, 700), world.nowMs);
      b.conversation.offer(transferOf(3, 700), world.nowMs);
      a.conversation.sendNote({ key: 4, bytes: new Uint8Array(20) }, world.nowMs);
      const done = (): boolean => a.keeper.results.length === 3 && b.keeper.results.length === 1;
      expect(world.run(world.nowMs + HOUR_MS, done)).toBe(true);
      const logs = [a.log.length, b.log.length];
      const recorded = [...world.record];
      for (const { bytes } of recorded) {
        for (const end of [a, b]) {
          world.nowMs += 3000;
          end.conversation.heard(bytes, world.nowMs);
          world.run(world.nowMs + 100);
        }
      }
      world.run(world.nowMs + HOUR_MS);
      expect([a.log.length, b.log.length]).toEqual(logs);
      a.conversation.offer(transferOf(5, 100), world.nowMs);
      expect(world.run(world.nowMs + HOUR_MS, () => b.keeper.committed.has(hex(transferOf(5, 0).id)))).toBe(
        true,
      );
      expect([established(a).length, established(b).length]).toEqual([1, 1]);
    }
  });

  it("forged resets: they cost a question, never the session", () => {
    const { world, a, b } = meet(radio(128));
    for (let round = 0; round < 50; round++) {
      for (const reason of [1, 2, 3]) {
        a.conversation.heard(Uint8Array.of((KIND.reset << 5) | reason, round, 7), world.nowMs);
        world.run(world.nowMs + 4000);
      }
    }
    a.conversation.offer(transferOf(1, 100), world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => a.keeper.results.length === 1)).toBe(true);
    expect(b.keeper.committed.size).toBe(1);
    expect(a.keeper.results.map(({ result }) => result.result)).toEqual(["accepted"]);
    expect([established(a).length, established(b).length]).toEqual([1, 1]);
  });

  it("a change of any byte of any data parcel, encrypted or clear", () => {
    for (const channel of [radio(128), radio(128, 1200, false)]) {
      const { world, a, b } = meet(channel);
      a.conversation.offer(transferOf(1, 50), world.nowMs);
      let offer: Uint8Array | null = null;
      while (offer === null) {
        offer = a.conversation.nextParcel(world.nowMs);
        world.nowMs = offer === null ? a.conversation.nextTickMs()! : world.nowMs;
      }
      for (let index = 0; index < offer.length; index++) {
        const changed = offer.slice();
        changed[index]! ^= 1 << (index % 8);
        b.conversation.heard(changed, world.nowMs);
      }
      b.react();
      expect(b.log.filter(({ type }) => type === "offered")).toEqual([]);
      b.conversation.heard(offer, world.nowMs);
      b.react();
      expect(b.log.filter(({ type }) => type === "offered")).toHaveLength(1);
    }
  });

  it("plain text on a channel that encrypts, cipher text on one that must not", () => {
    for (const encrypt of [true, false]) {
      const { world, a } = meet(radio(255, 1200, encrypt));
      const marker = new Uint8Array(40).fill(0x41);
      a.conversation.offer({ ...transferOf(1, 0), payload: marker }, world.nowMs);
      expect(world.run(world.nowMs + HOUR_MS, () => a.keeper.results.length === 1)).toBe(true);
      const seen = world.record.some(({ bytes }) => hex(bytes).includes(hex(marker)));
      expect(seen).toBe(!encrypt);
    }
  });
});

describe("a neighbour that is gone", () => {
  for (const channel of [radio(128), radio(48), stream()]) {
    it(`is given up after a bounded number of parcels (${channel.parcelBytesMax})`, () => {
      const world = new World(channel, CALM, 3);
      const alone = world.add({ self: ship, expected: neighbour(shore) });
      alone.conversation.start(world.nowMs);
      world.run(world.nowMs + 100 * HOUR_MS);
      expect(whys(alone)).toEqual(["no answer"]);
      expect(world.record.length).toBeLessThan(3 * LINK_LIMITS.handshakeTriesLossyMax);
      const { world: other, a, b } = meet(channel);
      a.conversation.offer(transferOf(1, 9000), other.nowMs);
      other.ends.splice(other.ends.indexOf(b), 1);
      const before = other.record.length;
      other.run(other.nowMs + 100 * HOUR_MS);
      expect(whys(a)).toEqual(["the neighbour no longer answers"]);
      expect(a.keeper.results.map(({ result }) => result.result)).toEqual(["broken"]);
      expect(other.record.length - before).toBeLessThan(4 * LINK_LIMITS.silentAsksLossyMax);
    });
  }
});

describe("fuzz", () => {
  const parcels = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 80 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest)),
    fc
      .constantFrom(14, 16, 3, 51, 55, 100)
      .chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
  );

  it("heard() takes anything, before and after the handshake, and the conversation goes on", () => {
    for (const begun of [false, true]) {
      for (const channel of [radio(128), stream()]) {
        const { world, a, b } = meet(channel);
        if (!begun) world.cut();
        const events = a.log.length;
        fc.assert(
          fc.property(parcels, (bytes) => {
            a.conversation.heard(bytes, world.nowMs);
            world.run(world.nowMs + 700);
            const next = a.conversation.nextTickMs();
            expect(next === null || next > world.nowMs).toBe(true);
          }),
          { numRuns: FUZZ_CASES / 2, seed: 5 },
        );
        a.react();
        expect(a.log.length).toBe(events);
        world.run(world.nowMs + HOUR_MS);
        for (const end of [a, b]) end.conversation.start(world.nowMs);
        a.conversation.offer(transferOf(1, 100), world.nowMs);
        expect(world.run(world.nowMs + 10 * HOUR_MS, () => b.keeper.committed.size === 1)).toBe(true);
      }
    }
  });

  it("heard() takes real parcels with any change, in any order", () => {
    const { world, a, b } = meet(radio(64));
    world.cut();
    a.conversation.start(world.nowMs);
    a.conversation.offer(transferOf(1, 900), world.nowMs);
    b.conversation.offer(transferOf(2, 900), world.nowMs);
    world.run(world.nowMs + 20_000);
    const real = world.record.map(({ bytes }) => bytes);
    const chance = seededRng(12);
    for (let round = 0; round < FUZZ_CASES; round++) {
      const [which, at, value, cut] = chance.bytes(4) as unknown as [number, number, number, number];
      const bytes = real[which % real.length]!.slice();
      bytes[at % bytes.length] = value;
      const end = round % 2 === 0 ? a : b;
      end.conversation.heard(cut < 32 ? bytes.subarray(0, cut) : bytes, world.nowMs);
      world.run(world.nowMs + 50);
    }
    const done = (): boolean => a.keeper.results.length > 0 && b.keeper.results.length > 0;
    expect(world.run(world.nowMs + 10 * HOUR_MS, done)).toBe(true);
    expect(a.keeper.committed.size + b.keeper.committed.size).toBe(2);
  });
});
