import { deriveParameters } from "@estafette/simulation";
import { describe, expect, it } from "vitest";
import { PLANTS, type PlantedMistake } from "./plants.js";
import { playSeed } from "./play.js";

/** Worlds a planted mistake may hide in before the checkers count as blind. */
const SEEDS_MAX = 60;
/** Longest real time for one mistake, in milliseconds; most are seen within seconds. */
const TEST_MS_MAX = 240_000;

/** The first worlds in which the mistake could show. */
function* seedsFor({ needs }: PlantedMistake): Iterable<number> {
  for (let seed = 1, found = 0; found < SEEDS_MAX; seed++) {
    if (needs !== undefined && !deriveParameters(seed).media.some(({ bounds }) => needs(bounds))) continue;
    found++;
    yield seed;
  }
}

describe("a planted mistake is seen", () => {
  it.each(PLANTS.map((plant) => [plant.name, plant] as const))(
    "%s",
    { timeout: TEST_MS_MAX },
    async (_, plant) => {
      for (const seed of seedsFor(plant)) {
        const { violations } = await playSeed(seed, { plant, stopAt: plant.sign });
        const sign = violations.find((sentence) => plant.sign.test(sentence));
        if (sign === undefined) continue;
        console.log(`${plant.name}: seed ${seed}: ${sign}`);
        return;
      }
      expect.fail(`not seen in ${SEEDS_MAX} worlds`);
    },
  );

  it("there are at least six of them", () => {
    expect(PLANTS.length).toBeGreaterThanOrEqual(6);
  });
});
