import { describe, expect, it } from "vitest";
import { KIND } from "./session.js";
import { hex, neighbour, type Person, radio, stream, transferOf } from "./testing/fixtures.js";
import { admitAll, established, HOUR_MS, kinds, meet, ship, shore, stranger } from "./testing/pair.js";
import { CALM, type End, Keeper, World } from "./testing/world.js";

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
      expect(bytes.slice(0, 2)).toEqual([14, 16]);
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
          // Who comes back in the middle of a long burst may find no gap for its first messages; KK does as well.
          const mayUseKK = forgets || (channel.duplex === "half" && speaks === 1);
          expect(established(a)[1]!.resumed).toBe(mayUseKK ? established(a)[1]!.resumed && !forgets : true);
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
