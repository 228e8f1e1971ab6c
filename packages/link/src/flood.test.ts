import { describe, expect, it } from "vitest";
import { cutHello, encodeReset, resetEcho } from "./hello.js";
import { KIND, kindOf, pairEpoch } from "./session.js";
import { neighbour, radio, seededRng, transferOf } from "./testing/fixtures.js";
import { established, HOUR_MS, meet, ship, shore, whys } from "./testing/pair.js";
import { offerUntilTaken, restart } from "./testing/relay.js";
import { CALM, type End, Keeper, World } from "./testing/world.js";

/*
 * Somebody on the air who hears everything, says anything at any moment and knows no key. His parcels take no
 * airtime here, so that what is measured is what they make the two ends do.
 */

/** Everything said on earlier days between the same two. */
function recordings(): Uint8Array[] {
  return [31, 32, 33].flatMap((seed) => meet(radio(128), seed).world.record.map(({ bytes }) => bytes));
}

class Forger {
  private readonly rng = seededRng(77);
  private readonly old = recordings();
  said = 0;

  constructor(
    private readonly world: World,
    private readonly epoch: () => Uint8Array,
    private readonly only: number | null = null,
    private readonly everyMs = 250,
  ) {}

  start(): void {
    this.world.at(this.world.nowMs + this.everyMs, () => {
      for (const [side, end] of this.world.ends.entries()) this.disturb(end, side);
      this.start();
    });
  }

  private disturb(end: End, side: number): void {
    const bytes = this.parcel(end, side, this.only ?? this.said % 9);
    this.said++;
    if (bytes !== null) end.conversation.heard(bytes, this.world.nowMs);
  }

  private parcel(end: End, side: number, what: number): Uint8Array | null {
    const { rng, world } = this;
    const attempt = 7;
    const xx = (): Uint8Array => Uint8Array.of(...rng.bytes(32), 0x12, 0, 128);
    const hello = (kind: 1 | 2 | 3, pattern: "KK" | "XX", length: number): readonly Uint8Array[] =>
      cutHello({ kind, pattern, clear: false, attempt, message: rng.bytes(length) }, 128);
    switch (what) {
      case 0:
        return cutHello({ kind: 1, pattern: "XX", clear: false, attempt, message: xx() }, 128)[0] ?? null;
      case 1:
        return hello(1, "KK", 51)[0] ?? null;
      case 2: // the first of two pieces, the second of which never comes
        return hello(2, "XX", 131)[0] ?? null;
      case 3:
        return Uint8Array.of(KIND.resume1 << 5, ...this.epoch(), ...rng.bytes(8), 0x12, 0, 128);
      case 4: {
        const cause = end.sent.findLast((bytes) => kindOf(bytes) === KIND.data);
        return cause === undefined ? null : encodeReset(3, resetEcho(cause));
      }
      case 5: {
        const cause = end.sent.findLast((bytes) => [KIND.hello1, KIND.resume1].includes(kindOf(bytes) as 1));
        return cause === undefined ? null : encodeReset(1 + (this.said % 2), resetEcho(cause));
      }
      case 6:
        return this.old[this.said % this.old.length] ?? null;
      case 7: {
        const { bytes } = world.record[this.said % Math.max(1, world.record.length)] ?? {};
        return bytes ?? null;
      }
      default: {
        const model = world.record.findLast(
          ({ bytes, from }) => from !== side && kindOf(bytes) === KIND.data,
        );
        if (model === undefined) return null;
        const counter = (model.bytes[2] ?? 0) * 256 + (model.bytes[3] ?? 0) + 3;
        return Uint8Array.of(0xc3, model.bytes[1] ?? 0, counter >>> 8, counter & 255, ...rng.bytes(20));
      }
    }
  }
}

const epochOf = (end: End) => (): Uint8Array => pairEpoch(end.keeper.pairSecret ?? new Uint8Array(32));
const KINDS = [null, 0, 1, 2, 3, 4, 5, 6, 7, 8] as const;

/** Virtual time in which both ends get rid of two messages each, offering again what broke. */
function carry(world: World, ends: readonly [End, End], withinMs: number, payloadBytes = 900): number {
  const beganMs = world.nowMs;
  const open = [101, 102, 103, 104].map((key, index) =>
    offerUntilTaken(ends[index % 2 === 0 ? 0 : 1], transferOf(key, payloadBytes)),
  );
  const ok = world.run(beganMs + withinMs, () => open.map((taken) => taken()).every(Boolean));
  expect(ok, "everything arrives").toBe(true);
  return world.nowMs - beganMs;
}

function calmMs(loss: number, payloadBytes = 900): number {
  const { world, a, b } = meet(radio(128));
  world.weather.loss = loss;
  return carry(world, [a, b], HOUR_MS, payloadBytes);
}

describe("a forger on the air", () => {
  it("does not end a session, nor break a transfer, nor take more than half of the channel", {
    timeout: 180_000,
  }, () => {
    const undisturbedMs = calmMs(0, 4000);
    for (const only of KINDS) {
      const { world, a, b } = meet(radio(128));
      const forger = new Forger(world, epochOf(a), only);
      forger.start();
      const ms = carry(world, [a, b], HOUR_MS, 4000);
      expect(forger.said, `kind ${only}`).toBeGreaterThan(100);
      expect(ms / undisturbedMs, `kind ${only}`).toBeLessThan(2);
      for (const end of [a, b]) {
        expect(
          end.log.filter(({ type }) => type === "established"),
          `kind ${only}`,
        ).toHaveLength(1);
        expect(end.keeper.results.map(({ result }) => result.result)).toEqual(["accepted", "accepted"]);
      }
    }
  });

  it("does not make an idle end believe that the other is gone, nor talk much", { timeout: 180_000 }, () => {
    const idleMs = HOUR_MS / 6;
    for (const only of KINDS) {
      const { world, a, b } = meet(radio(128));
      new Forger(world, epochOf(a), only, 500).start();
      const before = world.record.length;
      world.run(world.nowMs + idleMs);
      const airtimeMs = world.record
        .slice(before)
        .reduce((sum, { bytes }) => sum + world.channel.airtimeMs(bytes.length), 0);
      expect(airtimeMs / idleMs, `kind ${only}`).toBeLessThan(0.2);
      for (const end of [a, b]) {
        expect([established(end).length, whys(end)], `kind ${only}`).toEqual([1, []]);
        expect(end.conversation.status().state).toBe("established");
      }
    }
  });

  it("does not keep two from talking at 10 % loss, whatever it makes of what is lost", {
    timeout: 180_000,
  }, () => {
    const undisturbedMs = calmMs(0.1);
    for (let seed = 1; seed <= 20; seed++) {
      const { world, a, b } = meet(radio(128), seed);
      world.weather.loss = 0.1;
      new Forger(world, epochOf(a)).start();
      expect(carry(world, [a, b], HOUR_MS) / undisturbedMs, `seed ${seed}`).toBeLessThan(12);
      expect([whys(a), whys(b)]).toEqual([[], []]);
    }
  });

  it("does not keep two from meeting, nor from meeting again", { timeout: 180_000 }, () => {
    for (const knows of ["key", "secret"] as const)
      for (const again of [false, true])
        for (let seed = 1; seed <= 4; seed++) {
          const keepers = [new Keeper(), new Keeper()] as const;
          if (knows === "secret")
            for (const keeper of keepers) keeper.pairSecret = new Uint8Array(32).fill(5);
          const world = new World(radio(128), { ...CALM, loss: 0.1 }, seed);
          const a = world.add({ self: ship, expected: neighbour(shore), keeper: keepers[0] });
          const b = world.add({ self: shore, expected: neighbour(ship), keeper: keepers[1] });
          const open = (): boolean => a.conversation.canOffer() && b.conversation.canOffer();
          const label = `${knows} ${again} ${seed}`;
          if (again) {
            a.conversation.start(world.nowMs);
            expect(world.run(world.nowMs + HOUR_MS, open), label).toBe(true);
          }
          new Forger(world, epochOf(a)).start();
          world.run(world.nowMs + 60_000);
          if (again) restart(a, knows === "secret", true);
          else a.conversation.start(world.nowMs);
          const beganMs = world.nowMs;
          expect(world.run(world.nowMs + HOUR_MS, open), label).toBe(true);
          expect(world.nowMs - beganMs, label).toBeLessThan(180_000);
          carry(world, [a, b], HOUR_MS);
        }
  });
});
