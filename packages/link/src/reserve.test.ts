import { describe, expect, it } from "vitest";
import { pushedOf, radio, stream, transferOf } from "./testing/fixtures.js";
import { HOUR_MS, meet } from "./testing/pair.js";
import type { End } from "./testing/world.js";

/* When a budget has only its share for the urgent left, the relay asks for parcels of urgent classes alone. */

const accepted = (end: End): number[] => end.keeper.results.map(({ key }) => key);
const line = { ...stream(280), airtimeMs: (byteCount: number) => Math.ceil((byteCount * 8000) / 1200) };

describe("while only what is urgent may go", () => {
  for (const [name, channel, bulk] of [
    ["a line, of data that was not asked for", line, pushedOf(1, 20_000)],
    ["a radio, of data that was asked for", radio(200), transferOf(1, 20_000)],
  ] as const) {
    it(`says nothing else on ${name}, also while the urgent waits for its answer`, () => {
      const { world, a } = meet(channel);
      a.conversation.offer(bulk, world.nowMs);
      world.run(world.nowMs + 20_000);
      expect(a.sent.length).toBeGreaterThan(4);
      a.leastUrgent = "priority";
      const before = a.sent.length;
      const flash = pushedOf(2, 400, "flash", 80);
      a.conversation.offer(flash, world.nowMs);
      a.conversation.offer(pushedOf(3, 40, "normal", 80), world.nowMs);
      expect(world.run(world.nowMs + HOUR_MS, () => accepted(a).includes(2))).toBe(true);
      world.run(world.nowMs + 60_000);
      const bytes = a.sent.slice(before).reduce((sum, parcel) => sum + parcel.length, 0);
      expect(bytes).toBeGreaterThan(480);
      expect(bytes).toBeLessThan(480 + 100);
      a.leastUrgent = "bulk";
      world.at(world.nowMs + 1, () => undefined);
      expect(world.run(world.nowMs + HOUR_MS, () => accepted(a).length === 3)).toBe(true);
    });
  }
});
