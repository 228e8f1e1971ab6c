import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChannelTraits } from "./api.js";
import { LINK_LIMITS } from "./limits.js";
import { KIND, kindOf } from "./session.js";
import {
  CALM,
  type End,
  hex,
  Keeper,
  neighbour,
  type Person,
  person,
  radio,
  seededRng,
  stream,
  transferOf,
  World,
} from "./testing/world.js";

const ship = person("ship", 1);
const shore = person("shore", 2);
const stranger = person("stranger", 3);
const HOUR_MS = 3_600_000;
const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2000);

const admitAll = (people: readonly Person[]) => (root: Uint8Array, key: Uint8Array) => {
  const found = people.find(
    ({ identity }) => hex(identity.rootPublic) === hex(root) && hex(identity.staticPublic) === hex(key),
  );
  return found === undefined ? null : neighbour(found);
};

const established = (end: End): { resumed: boolean; name: string }[] =>
  end.log.flatMap((event) =>
    event.type === "established"
      ? [{ resumed: event.resumed, name: hex(event.neighbour.rootPublic).slice(0, 2) }]
      : [],
  );
const kinds = (world: World): number[] => world.record.map(({ bytes }) => kindOf(bytes));
const whys = (end: End): string[] => end.log.flatMap((event) => (event.type === "lost" ? [event.why] : []));

function meet(channel: ChannelTraits, seed = 7, keepers = [new Keeper(), new Keeper()] as const) {
  const world = new World(channel, { ...CALM }, seed);
  const a = world.add({ self: ship, expected: neighbour(shore), keeper: keepers[0] });
  const b = world.add({ self: shore, expected: neighbour(ship), keeper: keepers[1] });
  a.conversation.start(world.nowMs);
  const open = (): boolean => a.conversation.canOffer() && b.conversation.canOffer();
  expect(world.run(world.nowMs + 120_000, open)).toBe(true);
  world.run(world.nowMs + 20_000);
  return { world, a, b };
}

describe("handshakes", () => {
  for (const [name, channel] of [
    ["stream", stream()],
    ["radio 48", radio(48)],
    ["amateur 64", radio(64, 1200, false)],
  ] as const) {
    it(`${name}: KK, then resumption in two small parcels, then KK again after one side forgot`, () => {
      const { world, a, b } = meet(channel);
      expect([established(a), established(b)].flat().every(({ resumed }) => !resumed)).toBe(true);
      const first = hex(a.keeper.pairSecret!);
      world.cut();
      let before = world.record.length;
      a.conversation.start(world.nowMs);
      const open = (): boolean => a.conversation.canOffer() && b.conversation.canOffer();
      expect(world.run(world.nowMs + 60_000, open)).toBe(true);
      expect(established(a).at(-1)!.resumed && established(b).at(-1)!.resumed).toBe(true);
      expect(kinds(world).slice(before, before + 2)).toEqual([KIND.resume1, KIND.resume2]);
      const bytes = world.record.slice(before, before + 3).map((parcel) => parcel.bytes.length);
      expect(bytes.slice(0, 2)).toEqual([15, 23]);
      expect(hex(a.keeper.pairSecret!)).toBe(first);
      b.keeper.pairSecret = null;
      world.cut();
      before = world.record.length;
      a.conversation.start(world.nowMs);
      expect(world.run(world.nowMs + 120_000, open)).toBe(true);
      expect(kinds(world).slice(before, before + 2)).toEqual([KIND.resume1, KIND.reset]);
      expect(established(a).at(-1)!.resumed).toBe(false);
      expect(hex(a.keeper.pairSecret!)).not.toBe(first);
      expect(hex(a.keeper.pairSecret!)).toBe(hex(b.keeper.pairSecret!));
    });

    it(`${name}: two strangers meet by XX, both judged by admit()`, () => {
      const world = new World(channel, CALM, 9);
      const a = world.add({ self: ship, expected: null, admit: admitAll([shore]) });
      const b = world.add({ self: shore, expected: null, admit: admitAll([ship, stranger]) });
      a.conversation.start(world.nowMs);
      a.conversation.offer(transferOf(1, 300), world.nowMs);
      expect(world.run(world.nowMs + 120_000, () => a.keeper.results.length === 1)).toBe(true);
      expect(established(a)[0]!.name).toBe(hex(shore.identity.rootPublic).slice(0, 2));
      expect(established(b)[0]!.name).toBe(hex(ship.identity.rootPublic).slice(0, 2));
      expect(kinds(world)).toContain(KIND.hello3);
    });

    it(`${name}: a caller that expects us falls back to XX when we expect nobody`, () => {
      for (const secret of [null, new Uint8Array(32).fill(4)]) {
        const world = new World(channel, CALM, 10);
        const keeper = new Keeper();
        keeper.pairSecret = secret;
        const a = world.add({ self: ship, expected: neighbour(shore), keeper });
        const b = world.add({ self: shore, expected: null, admit: admitAll([ship]) });
        a.conversation.start(world.nowMs);
        const open = (): boolean => a.conversation.canOffer() && b.conversation.canOffer();
        expect(world.run(world.nowMs + 120_000, open)).toBe(true);
        expect(hex(a.keeper.pairSecret!)).toBe(hex(b.keeper.pairSecret!));
      }
    });
  }

  it("agree when both begin at once, whatever each of them knows", () => {
    const secret = new Uint8Array(32).fill(5);
    const knowledge = ["nobody", "key", "secret", "other secret"] as const;
    for (const mine of knowledge) {
      for (const theirs of knowledge) {
        for (const channel of [radio(64), radio(255), stream()]) {
          for (let seed = 1; seed <= 4; seed++) {
            const world = new World(channel, { ...CALM, loss: channel.lossy && seed > 2 ? 0.3 : 0 }, seed);
            const [a, b] = [
              [ship, shore, mine],
              [shore, ship, theirs],
            ].map(([self, other, knows]) => {
              const keeper = new Keeper();
              if (knows === "secret") keeper.pairSecret = secret;
              if (knows === "other secret") keeper.pairSecret = new Uint8Array(32).fill(6);
              const expected = knows === "nobody" ? null : neighbour(other as Person);
              return world.add({ self: self as Person, expected, admit: admitAll([ship, shore]), keeper });
            }) as [End, End];
            a.conversation.start(world.nowMs);
            b.conversation.start(world.nowMs);
            a.conversation.offer(transferOf(1, 50), world.nowMs);
            b.conversation.offer(transferOf(2, 50), world.nowMs);
            const done = (): boolean => a.keeper.results.length === 1 && b.keeper.results.length === 1;
            const label = `${mine}/${theirs} ${channel.parcelBytesMax} ${seed}`;
            expect(world.run(world.nowMs + HOUR_MS, done), label).toBe(true);
            expect([...a.keeper.results, ...b.keeper.results].map(({ result }) => result.result)).toEqual([
              "accepted",
              "accepted",
            ]);
          }
        }
      }
    }
  });

  it("survive the restart of one end: what was open is broken, then all goes on", () => {
    for (const channel of [radio(128), stream()]) {
      for (const forgets of [false, true]) {
        for (const speaks of [0, 1]) {
          const { world, a, b } = meet(channel);
          a.conversation.offer(transferOf(1, 5000), world.nowMs);
          if (channel.duplex === "half") world.run(world.nowMs + 9000);
          if (forgets) b.keeper.pairSecret = null;
          b.conversation = b.create();
          if (speaks === 1) b.conversation.start(world.nowMs);
          const again = (): boolean => established(a).length === 2 && b.conversation.canOffer();
          const label = `${channel.duplex} ${forgets} ${speaks}`;
          if (channel.duplex === "full" && speaks === 0)
            a.conversation.sendNote({ key: 9, bytes: new Uint8Array(1) }, world.nowMs);
          expect(world.run(world.nowMs + HOUR_MS, again), label).toBe(true);
          a.conversation.offer(transferOf(2, 500), world.nowMs);
          expect(
            world.run(world.nowMs + HOUR_MS, () => b.keeper.committed.has(hex(transferOf(2, 0).id))),
          ).toBe(true);
          expect(established(a)[1]!.resumed).toBe(!forgets);
        }
      }
    }
  });

  it("resume a cut transfer where it stopped", () => {
    const { world, a, b } = meet(radio(128));
    const transfer = transferOf(1, 6000);
    a.conversation.offer(transfer, world.nowMs);
    world.run(world.nowMs + 25_000);
    const id = hex(transfer.id);
    const heldBytes = b.keeper.held.get(id)!.reduce((sum, range) => sum + range.end - range.start, 0);
    expect(heldBytes).toBeGreaterThan(1500);
    world.cut();
    expect(a.keeper.results.map(({ result }) => result.result)).toEqual(["broken"]);
    const before = world.record.length;
    a.conversation.start(world.nowMs);
    a.conversation.offer(transfer, world.nowMs);
    expect(world.run(world.nowMs + HOUR_MS, () => b.keeper.committed.has(id))).toBe(true);
    const spent = world.record.slice(before).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(spent).toBeLessThan((6150 - heldBytes) * 1.25 + 400);
    expect(hex(b.keeper.committed.get(id)!.payload)).toBe(hex(transfer.payload));
  });
});

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
      .constantFrom(15, 23, 3, 52, 56, 100)
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
            world.nowMs += 700;
            a.conversation.heard(bytes, world.nowMs);
            a.conversation.nextParcel(world.nowMs);
            const next = a.conversation.nextTickMs();
            expect(next === null || next > world.nowMs).toBe(true);
          }),
          { numRuns: FUZZ_CASES / 4, seed: 5 },
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
