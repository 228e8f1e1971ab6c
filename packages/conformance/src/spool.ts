import { afterEach, beforeEach, describe, it } from "vitest";
import { carryingCases } from "./spool-carrying.js";
import { deliveryCases } from "./spool-deliveries.js";
import { durabilityCases } from "./spool-durability.js";
import { fairnessCases } from "./spool-fairness.js";
import { joiningCases } from "./spool-joining.js";
import { keepingCases } from "./spool-keeping.js";
import { lastCases } from "./spool-last.js";
import { partialCases } from "./spool-partials.js";
import { settlingCases } from "./spool-settling.js";
import { tellingCases } from "./spool-telling.js";
import { type SpoolCases, type SpoolSetup, SpoolWorld } from "./spool-world.js";

const CHAPTERS: Readonly<Record<string, SpoolCases>> = {
  keeping: keepingCases,
  joining: joiningCases,
  carrying: carryingCases,
  fairness: fairnessCases,
  settling: settlingCases,
  telling: tellingCases,
  deliveries: deliveryCases,
  last: lastCases,
  partials: partialCases,
  durability: durabilityCases,
};

/** The behaviour every durable store must show, in a new place for each case. */
export function describeSpool(name: string, setup: SpoolSetup): void {
  describe.each(Object.entries(CHAPTERS))(`${name}: %s`, (_, cases) => {
    let world: SpoolWorld;
    beforeEach(async () => {
      world = await SpoolWorld.make(setup);
    });
    afterEach(() => world.dispose());
    it.each(Object.entries(cases))("%s", (_, run) => run(world));
  });
}

export type { SpoolSetup, SpoolSubject } from "./spool-world.js";
