import { describe, expect } from "vitest";
import { inWorld } from "./bearer-test.js";
import {
  type BearerWorld,
  collectUntil,
  deliver,
  isCarried,
  patterned,
  RunningEnd,
  runBoth,
  sameBytes,
  sendOnce,
  settled,
  until,
} from "./bearer-world.js";

/** Parcels go in at one end and come out at the other. */
export function describePassage(setup: () => Promise<BearerWorld>): void {
  describe("passage", () => {
    inWorld(setup, "small and largest parcels pass both ways, byte for byte", async (world) => {
      const { a, b } = await runBoth(world);
      const bytesMax = world.a.capabilities.parcelBytesMax;
      let mark = 0;
      for (const size of [1, 48, bytesMax]) {
        await deliver(a, b, patterned(size, ++mark));
        await deliver(b, a, patterned(size, ++mark));
      }
      await deliver(a, b, new Uint8Array(bytesMax));
      for (const end of [a, b]) {
        for (const heard of end.heard) expect(end.neighbours).toContain(heard.from);
        const ids = end.heard.map((heard) => heard.parcelId);
        expect(new Set(ids).size, "parcel ids are unique").toBe(ids.length);
      }
    });

    inWorld(setup, "a parcel is the sender's bytes at the moment of sending", async (world) => {
      const { a, b } = await runBoth(world);
      const original = patterned(48, 9);
      for (let attempt = 0; attempt < 40 && b.heard.length === 0; attempt++) {
        const bytes = original.slice();
        await sendOnce(a, bytes);
        bytes.fill(0xee);
        if (world.b.capabilities.contact === "dialled") await collectUntil(b, () => b.heard.length > 0);
        else await world.advance(world.patienceMs / 20);
      }
      expect(b.heard.length).toBeGreaterThan(0);
      for (const heard of b.heard) expect(sameBytes(heard.bytes, original)).toBe(true);
    });

    inWorld(setup, "many parcels arrive as announced: in order or not, all or not", async (world) => {
      const { a, b } = await runBoth(world);
      const { lossy, ordered } = world.a.capabilities;
      const sent = Array.from({ length: 20 }, (_, index) => patterned(50, 100 + index));
      for (const bytes of sent) {
        const result = await sendOnce(a, bytes);
        expect(isCarried(a, result), JSON.stringify(result)).toBe(true);
      }
      const enough = (): boolean => sent.every((bytes) => b.hasHeard(bytes));
      if (world.b.capabilities.contact === "dialled") await collectUntil(b, enough);
      else if (lossy) await world.advance(world.patienceMs / 4);
      else await until(world, enough);
      const order = b.heard.map((heard) => sent.findIndex((bytes) => sameBytes(bytes, heard.bytes)));
      expect(order, "nothing is invented").not.toContain(-1);
      if (lossy) expect(new Set(order).size, "a lossy channel still carries something").toBeGreaterThan(0);
      const firsts = [...new Set(order)];
      if (ordered) expect(firsts).toEqual([...firsts].sort((left, right) => left - right));
    });

    inWorld(setup, "two sends at once are both answered with values", async (world) => {
      const { a } = await runBoth(world);
      const first = sendOnce(a, patterned(48, 1));
      const second = sendOnce(a, patterned(48, 2));
      for (const result of await Promise.all([first, second])) {
        expect(["sent", "acknowledged", "deferred"]).toContain(result.outcome);
      }
    });

    inWorld(setup, "every verdict is taken, also on parcels that never were", async (world) => {
      const verdicts = ["accepted", "later", "never"] as const;
      const settling: Promise<void>[] = [];
      const a = new RunningEnd(world, world.a);
      const b = new RunningEnd(world, world.b, ({ parcelId }) => {
        for (const verdict of verdicts) settling.push(world.b.settle(parcelId, verdict));
      });
      await a.untilUp();
      await b.untilUp();
      await deliver(a, b, patterned(48, 1));
      for (const verdict of verdicts) settling.push(world.b.settle("no such parcel", verdict));
      await settled(world, Promise.all(settling));
      expect(b.ending).toBeNull();
    });

    inWorld(setup, "nothing is confirmed before it is settled", async (world, skip) => {
      if (!world.keepsUnsettled) skip("the channel keeps nothing");
      const a = new RunningEnd(world, world.a);
      const forgetful = new RunningEnd(world, world.b, () => {});
      await a.untilUp();
      await forgetful.untilUp();
      await deliver(a, forgetful, patterned(48, 5));
      await forgetful.stop();
      const careful = new RunningEnd(world, world.b);
      await careful.untilUp();
      const again = (): boolean => careful.hasHeard(patterned(48, 5));
      if (world.b.capabilities.contact === "dialled") await collectUntil(careful, again);
      else await until(world, again);
      await careful.stop();
      const third = new RunningEnd(world, world.b);
      await third.untilUp();
      await world.advance(world.patienceMs / 4);
      expect(third.heard, "a settled parcel does not come again").toEqual([]);
    });
  });
}
