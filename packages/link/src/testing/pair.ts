import type { ChannelTraits, KnownNeighbour } from "../api.js";
import { kindOf } from "../session.js";
import { hex, neighbour, type Person, person } from "./fixtures.js";
import { CALM, type End, Keeper, World } from "./world.js";

export const ship = person("ship", 1);
export const shore = person("shore", 2);
export const stranger = person("stranger", 3);
export const HOUR_MS = 3_600_000;

export const admitAll =
  (people: readonly Person[]) =>
  (root: Uint8Array, key: Uint8Array): KnownNeighbour | null => {
    const found = people.find(
      ({ identity }) => hex(identity.rootPublic) === hex(root) && hex(identity.staticPublic) === hex(key),
    );
    return found === undefined ? null : neighbour(found);
  };

export const established = (end: End): { resumed: boolean; name: string }[] =>
  end.log.flatMap((event) =>
    event.type === "established"
      ? [{ resumed: event.resumed, name: hex(event.neighbour.rootPublic).slice(0, 2) }]
      : [],
  );
export const kinds = (world: World): number[] => world.record.map(({ bytes }) => kindOf(bytes));
export const whys = (end: End): string[] =>
  end.log.flatMap((event) => (event.type === "lost" ? [event.why] : []));

export function meet(channel: ChannelTraits, seed = 7, keepers = [new Keeper(), new Keeper()] as const) {
  const world = new World(channel, { ...CALM }, seed);
  const a = world.add({ self: ship, expected: neighbour(shore), keeper: keepers[0] });
  const b = world.add({ self: shore, expected: neighbour(ship), keeper: keepers[1] });
  a.conversation.start(world.nowMs);
  const open = (): boolean => a.conversation.canOffer() && b.conversation.canOffer();
  if (!world.run(world.nowMs + 120_000, open)) throw new Error("the ends do not meet");
  world.run(world.nowMs + 20_000);
  return { world, a, b };
}
