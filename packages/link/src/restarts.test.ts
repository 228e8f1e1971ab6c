import { describe, expect, it } from "vitest";
import { radio } from "./testing/fixtures.js";
import { meet } from "./testing/pair.js";

describe("an end that keeps its session while the other begins anew", () => {
  // New keys have the same one-byte check as the old ones once in 256 times: that often must be seen in 600.
  it("understands the first word under every one of 600 new keys", { timeout: 120_000 }, () => {
    const { world, a, b } = meet(radio(255, 48_000));
    for (let i = 0; i < 600; i++) {
      a.conversation.close(world.nowMs, "unplugged");
      a.react();
      a.conversation = a.create();
      a.conversation.start(world.nowMs);
      // Long enough that every parcel takes one, so that the old session has heard many counters.
      const notes = Array.from({ length: 12 }, (_, n) =>
        new Uint8Array(200)
          .fill(n)
          .fill(i >> 8, 0, 1)
          .fill(i, 1, 2),
      );
      for (const [n, bytes] of notes.entries())
        a.conversation.sendNote({ key: i * 12 + n, bytes }, world.nowMs);
      const before = b.keeper.notes.length;
      const refusedBefore = b.conversation.status().parcelsRefused;
      const heard = (): boolean => b.keeper.notes.length >= before + notes.length;
      expect(world.run(world.nowMs + 6_000, heard), `restart ${i}`).toBe(true);
      expect(b.conversation.status().parcelsRefused - refusedBefore, `restart ${i}`).toBeLessThan(6);
    }
  });
});
