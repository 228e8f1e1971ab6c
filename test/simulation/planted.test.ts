import { describe, expect, it } from "vitest";
import { PLANTS } from "./plants.js";
import { playSeed } from "./play.js";

/** Worlds a planted mistake may hide in before the checkers count as blind. */
const SEEDS_MAX = 60;

describe("a planted mistake is seen", () => {
  it.each(PLANTS.map((plant) => [plant.name, plant] as const))(
    "%s",
    { timeout: 240_000 },
    async (_, plant) => {
      let caught: readonly string[] = [];
      let seed = 0;
      while (caught.length === 0 && seed < SEEDS_MAX) {
        seed++;
        caught = (await playSeed(seed, { plant })).violations;
      }
      expect(caught, `not seen in ${SEEDS_MAX} worlds`).not.toEqual([]);
      console.log(`${plant.name}: seen at seed ${seed}: ${caught[0]}`);
    },
  );

  it("there are at least six of them", () => {
    expect(PLANTS.length).toBeGreaterThanOrEqual(6);
  });
});
