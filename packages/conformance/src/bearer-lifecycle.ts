import { describe, expect } from "vitest";
import { inWorld } from "./bearer-test.js";
import {
  type BearerWorld,
  deliver,
  patterned,
  RunningEnd,
  runAgain,
  runBoth,
  sendOnce,
  settled,
  until,
} from "./bearer-world.js";

/** Opening, closing, breaking, and opening again. */
export function describeLifecycle(setup: () => Promise<BearerWorld>): void {
  describe("lifecycle", () => {
    inWorld(setup, "nothing opens before it is run", async (world) => {
      const { signal } = new AbortController();
      const to = world.a.capabilities.neighbours === "one" ? "" : "nobody here";
      const result = await settled(world, world.a.send({ to, bytes: patterned(48, 1) }, signal));
      expect(["deferred", "refused"]).toContain(result.outcome);
      expect(world.pendingTimers()).toBe(0);
    });

    inWorld(setup, "a run that is aborted at once or while opening ends quietly", async (world) => {
      const early = new RunningEnd(world, world.a);
      await early.stop();
      const later = new RunningEnd(world, world.a);
      await world.advance(1);
      await later.stop();
      expect(world.pendingTimers()).toBe(0);
    });

    inWorld(setup, "an aborted signal opens nothing", async (world) => {
      const events: unknown[] = [];
      for await (const event of world.a.run(AbortSignal.abort())) events.push(event);
      expect(events).toEqual([]);
    });

    inWorld(setup, "runs again after it was stopped", async (world) => {
      for (let round = 1; round <= 3; round++) {
        const { a, b } = await runBoth(world);
        await deliver(a, b, patterned(48, round));
        await deliver(b, a, patterned(48, 0x80 + round));
        await b.stop();
        a.abort();
        await until(world, () => a.ending !== null);
      }
      await until(world, () => world.pendingTimers() === 0);
    });

    inWorld(setup, "is run once at a time", async (world) => {
      const { a } = await runBoth(world);
      const second = new RunningEnd(world, world.a);
      await until(world, () => second.ending !== null);
      expect(second.ending?.error).toMatchObject({ code: "EST_INVARIANT" });
      expect(a.ending).toBeNull();
    });

    inWorld(setup, "a send that is aborted ends soon, with a value, and leaves no timer", async (world) => {
      const { a, b } = await runBoth(world);
      const giveUp = new AbortController();
      const sending = sendOnce(a, patterned(world.a.capabilities.parcelBytesMax, 1), giveUp.signal);
      await world.advance(1);
      giveUp.abort();
      const result = await settled(world, sending);
      expect(["sent", "acknowledged", "deferred"]).toContain(result.outcome);
      const again = await sendOnce(a, patterned(48, 2), AbortSignal.abort());
      expect(["sent", "acknowledged", "deferred"]).toContain(again.outcome);
      a.abort();
      b.abort();
      await until(world, () => a.ending !== null && b.ending !== null && world.pendingTimers() === 0);
    });

    inWorld(setup, "stopping while a send waits ends both", async (world) => {
      const { a, b } = await runBoth(world);
      const sending = sendOnce(a, patterned(world.a.capabilities.parcelBytesMax, 1));
      await world.advance(0);
      a.abort();
      const result = await settled(world, sending);
      expect(["sent", "acknowledged", "deferred"]).toContain(result.outcome);
      await until(world, () => a.ending !== null);
      b.abort();
      await until(world, () => b.ending !== null && world.pendingTimers() === 0);
    });

    describeCuts(setup);
  });
}

function describeCuts(setup: () => Promise<BearerWorld>): void {
  inWorld(setup, "a cut is weather: values, not errors, and parcels pass after it", async (world, skip) => {
    if (!world.cut || !world.restore) skip("this channel cannot be cut in a test");
    const { a, b } = await runBoth(world);
    await deliver(a, b, patterned(48, 1));
    world.cut?.();
    if (!world.a.capabilities.lossy) {
      await until(world, () => a.neighbours.length === 0 || a.ending !== null);
      expect(a.events.at(-1), "a channel that loses nothing says when it is down").toMatchObject({
        type: "down",
      });
    }
    for (let attempt = 0; attempt < 3; attempt++) {
      const result = await sendOnce(a, patterned(48, 2));
      if (world.a.capabilities.lossy) expect(["sent", "deferred"]).toContain(result.outcome);
      else expect(result).toMatchObject({ outcome: "deferred" });
    }
    const heardBefore = b.heard.length;
    await world.advance(world.patienceMs / 20);
    world.restore?.();
    const after = await runAgain(a, b);
    await deliver(after.a, after.b, patterned(48, 3));
    expect(heardBefore, "nothing passed during the cut").toBeLessThanOrEqual(b.heard.length);
    expect(b.hasHeard(patterned(48, 2))).toBe(false);
  });
}
