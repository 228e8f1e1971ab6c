import { describe } from "vitest";
import { describeCapabilities } from "./bearer-capabilities.js";
import { describeDamage } from "./bearer-damage.js";
import { describeLifecycle } from "./bearer-lifecycle.js";
import { describePassage } from "./bearer-passage.js";
import type { BearerWorld } from "./bearer-world.js";

/** What every bearer must do. Reads its capabilities and chooses: what a bearer lacks is tested as well. `setup` is
 *  called for each test; `skipBecause`: the suite cannot run here, and the report says why. */
export function describeBearer(
  name: string,
  setup: () => Promise<BearerWorld>,
  skipBecause: string | null = null,
): void {
  const title = skipBecause ? `bearer ${name} (skipped: ${skipBecause})` : `bearer ${name}`;
  describe.skipIf(skipBecause !== null)(title, () => {
    describeCapabilities(setup);
    describePassage(setup);
    describeLifecycle(setup);
    describeDamage(setup);
  });
}
