import { it } from "vitest";
import type { BearerWorld } from "./bearer-world.js";

/** A test in a world of its own, closed at the end whatever happens. */
export function inWorld(
  setup: () => Promise<BearerWorld>,
  title: string,
  test: (world: BearerWorld, skip: (why: string) => never) => Promise<void>,
): void {
  it(title, async ({ skip }) => {
    const world = await setup();
    try {
      await test(world, (why) => skip(why));
    } finally {
      await world.close();
    }
  });
}
