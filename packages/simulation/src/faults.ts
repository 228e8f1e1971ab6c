import type { Chance } from "./chance.js";
import type { World } from "./world.js";

/** Puts the first of every recurring fault on the queue; each plans its successor, until the faults are over. */
export function scheduleFaults(world: World): void {
  const chance = world.kernel.chance.fork("faults");
  for (const node of world.nodes) {
    const mine = chance.fork(node.name);
    const { cutEveryMs, restartEveryMs, wallStepEveryMs } = node.parameters;
    repeat(world, mine.fork("cuts"), cutEveryMs, `${node.name} cut`, (draw) => {
      node.cutPower("any moment", draw.happens(0.5));
    });
    repeat(world, mine.fork("restarts"), restartEveryMs, `${node.name} restart`, () => void node.restart());
    repeat(world, mine.fork("clock"), wallStepEveryMs, `${node.name} clock step`, () => node.stepWall());
  }
  for (const medium of world.media) {
    const { name, ends, outageEveryMs, outageMsMax, asymmetric } = medium.parameters;
    repeat(world, chance.fork(name), outageEveryMs, `${name} outage`, (draw) => {
      const deaf = draw.happens(asymmetric) ? world.nodes[draw.pick(ends)]?.name : undefined;
      medium.cut(deaf ?? null);
      world.kernel.after(draw.between(1_000, outageMsMax), `${name} outage ends`, () => medium.restore());
    });
  }
}

function repeat(
  world: World,
  chance: Chance,
  everyMs: number,
  label: string,
  fault: (chance: Chance) => void,
): void {
  if (everyMs === 0) return;
  const next = (): void => {
    world.kernel.after(chance.between(1, 2 * everyMs), label, () => {
      if (world.healed) return;
      fault(chance);
      next();
    });
  };
  next();
}
