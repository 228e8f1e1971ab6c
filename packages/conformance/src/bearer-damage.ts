import { describe, expect } from "vitest";
import { inWorld } from "./bearer-test.js";
import { type BearerWorld, deliver, patterned, runAgain, runBoth, until } from "./bearer-world.js";
import { seededRng } from "./seeded-rng.js";

/** What did not come from a bearer. */
export function describeDamage(setup: () => Promise<BearerWorld>): void {
  describe("damage", () => {
    inWorld(
      setup,
      "garbage is survived, and a channel that checks lets none of it through",
      async (world, skip) => {
        if (!world.injectTowardsA) skip("nothing can be injected");
        const { a, b } = await runBoth(world);
        const rng = seededRng(11);
        for (let piece = 0; piece < 50; piece++) {
          world.injectTowardsA?.(rng.bytes(1 + (rng.bytes(1)[0] ?? 0)));
          await world.advance(1);
        }
        await world.advance(world.patienceMs / 60);
        if (world.frame && world.a.capabilities.lossy) expect(a.heard, "no false parcel").toEqual([]);
        const next = await runAgain(a, b);
        await deliver(next.b, next.a, patterned(48, 7));
      },
    );

    inWorld(setup, "a frame may come byte by byte", async (world, skip) => {
      if (!world.injectTowardsA || !world.frame) skip("parcels, not bytes, are carried");
      const { a } = await runBoth(world);
      const frame = world.frame?.(patterned(60, 4)) ?? new Uint8Array(0);
      for (const byte of frame) {
        world.injectTowardsA?.(Uint8Array.of(byte));
        await world.advance(0);
      }
      await until(world, () => a.hasHeard(patterned(60, 4)));
      expect(a.heard.length).toBe(1);
    });

    inWorld(setup, "a frame that comes twice is heard as two parcels", async (world, skip) => {
      if (!world.injectTowardsA || !world.frame) skip("parcels, not bytes, are carried");
      const { a } = await runBoth(world);
      const frame = world.frame?.(patterned(60, 4)) ?? new Uint8Array(0);
      world.injectTowardsA?.(Uint8Array.of(...frame, ...frame));
      await until(world, () => a.heard.length === 2);
      const [first, second] = a.heard;
      expect(first?.bytes).toEqual(second?.bytes);
      expect(first?.parcelId).not.toBe(second?.parcelId);
    });

    inWorld(
      setup,
      "a truncated frame is no parcel; a lossy channel finds the next one",
      async (world, skip) => {
        if (!world.injectTowardsA || !world.frame) skip("parcels, not bytes, are carried");
        const { a } = await runBoth(world);
        const frame = world.frame?.(patterned(60, 4)) ?? new Uint8Array(0);
        world.injectTowardsA?.(frame.slice(0, 40));
        await world.advance(world.patienceMs / 60);
        expect(a.heard).toEqual([]);
        if (!world.a.capabilities.lossy) return;
        world.injectTowardsA?.(world.frame?.(patterned(60, 5)) ?? frame);
        await until(world, () => a.hasHeard(patterned(60, 5)));
        if (world.checksFrames ?? true) expect(a.heard.length).toBe(1);
        else expect(a.hasHeard(patterned(60, 4)), "half a frame is not the whole").toBe(false);
      },
    );
  });
}
