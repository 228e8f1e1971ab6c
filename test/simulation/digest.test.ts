import { expect, it } from "vitest";
import { playSeed } from "./play.js";
import { seedList } from "./seeds.js";

it("the same seed gives the same run, event for event", { timeout: 120_000 }, async () => {
  const seeds = seedList().slice(0, 12);
  const digests = new Set<string>();
  for (const seed of seeds) {
    const first = await playSeed(seed);
    const second = await playSeed(seed);
    expect(second.digest, `seed ${seed}`).toBe(first.digest);
    expect(second.eventsRun).toBe(first.eventsRun);
    digests.add(first.digest);
  }
  expect(digests.size).toBe(seeds.length);
});
