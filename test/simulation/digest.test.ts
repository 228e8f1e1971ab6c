import { expect, it } from "vitest";
import { playSeed } from "./play.js";
import { chosenWorlds } from "./seeds.js";

it("the same seed gives the same run, event for event", { timeout: 240_000 }, async () => {
  const worlds = chosenWorlds().slice(0, 14);
  const digests = new Set<string>();
  for (const { seed, links } of worlds) {
    const first = await playSeed(seed, { links });
    const second = await playSeed(seed, { links });
    expect(second.digest, `seed ${seed} ${links}`).toBe(first.digest);
    expect(second.eventsRun).toBe(first.eventsRun);
    digests.add(first.digest);
  }
  expect(digests.size).toBe(worlds.length);
});
