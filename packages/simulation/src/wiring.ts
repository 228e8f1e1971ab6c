import type { Bearer, BearerHost } from "@estafette/contract";
import { createIdentity } from "@estafette/protocol";
import type { LinkBudgetSettings, PeerSettings, RouteSettings } from "@estafette/relay";
import type { AirBounds } from "./air-log.js";
import { SimulatedMedium } from "./media.js";
import type { SimulatedNode, Wiring } from "./node.js";
import { ABSENT_DOMAIN, domainOfNode } from "./workload.js";
import type { World } from "./world.js";
import { CALM, type MediumParameters, type WorldParameters } from "./world-parameters.js";

/** Who a node knows, which ways it is told, and its links: one for each medium, and one whose far end never answers. */
export function wiringOf(world: World, node: SimulatedNode): Wiring {
  const { media, exit } = world.parameters;
  const here = media.filter((medium) => medium.ends.includes(node.index));
  const linksTo = (other: SimulatedNode): string[] =>
    here.filter((one) => one.ends.includes(other.index)).map((one) => one.name);
  const others = world.nodes.filter((other) => other !== node);
  const routes: RouteSettings[] = others
    .filter((other) => linksTo(other).length === 0)
    .map((other) => ({ match: other.name, via: between(world.parameters, node.index, other.index) }));
  return {
    peers: [...others.map((other) => peerOf(world, node, other, linksTo(other))), absentPeer(world)],
    routes,
    exit: exit === null || exit === node.index ? null : (world.nodes[exit]?.name ?? null),
    links: [
      ...here.map((medium) => linkOf(world, node, medium)),
      { name: "void", peers: ["absent"], budget: null, bearer: () => lonelyBearer(world, node.name) },
    ],
  };
}

function peerOf(
  world: World,
  node: SimulatedNode,
  other: SimulatedNode,
  links: readonly string[],
): PeerSettings {
  return {
    name: other.name,
    root: other.identity.keys.root,
    domains: other.users.length > 0 ? [domainOfNode(other.name)] : [],
    links,
    exitFrom: world.parameters.exit === node.index ? [`@${domainOfNode(other.name)}`] : [],
    transit: true,
  };
}

function absentPeer(world: World): PeerSettings {
  const { root } = createIdentity(world.kernel.chance.fork("absent").bytes(32)).keys;
  return { name: "absent", root, domains: [ABSENT_DOMAIN], links: ["void"], exitFrom: [], transit: true };
}

/** Names of the nodes between two that are not neighbours: the explicit relay list. */
function between(world: WorldParameters, from: number, to: number): string[] {
  const nameOf = (node: number): string => world.nodes[node]?.name ?? "";
  if (world.topology === "star") return [nameOf(0)];
  const names: string[] = [];
  const step = Math.sign(to - from);
  for (let at = from + step; at !== to; at += step) names.push(nameOf(at));
  return names;
}

function linkOf(world: World, node: SimulatedNode, parameters: MediumParameters): Wiring["links"][number] {
  const other = parameters.ends[0] === node.index ? parameters.ends[1] : parameters.ends[0];
  const peer = world.nodes[other]?.name ?? "";
  const bearer = (): Bearer => {
    const medium = world.media.find((one) => one.parameters === parameters);
    if (medium === undefined) throw new RangeError(`no medium ${parameters.name}`);
    return medium.bearer(node.name, NO_HOST);
  };
  return { name: parameters.name, peers: [peer], budget: budgetOf(parameters), bearer };
}

/** The hourly airtime comes with the bearer, as it would from a driver; it does not hold back anything itself. */
function budgetOf({ bounds }: MediumParameters): LinkBudgetSettings {
  const { drainBytesPerS, airtimeMsPerDayMax, credits, window, urgentShare } = bounds;
  return {
    drainBytesPerS,
    airtimeMsPerDayMax,
    credits: credits === null ? null : { ...credits, perMonth: null },
    urgentShare,
    windows: window === null ? [] : [windowText(window)],
  };
}

function windowText({ everyMinutes, openMinutes }: NonNullable<AirBounds["window"]>): string {
  const times = everyMinutes < 60 ? `*/${everyMinutes} *` : `0 */${everyMinutes / 60}`;
  return `cron ${times} * * * for ${openMinutes}m`;
}

function lonelyBearer(world: World, station: string): Bearer {
  const parameters: MediumParameters = {
    ...{ ...CALM, name: "void", kind: "stream", ends: [0, 0], parcelBytesMax: 1_000, delayMs: 1 },
    ...{ bitsPerSecond: 1_000_000, backBitsPerSecond: 1_000_000 },
  };
  const medium = new SimulatedMedium(
    parameters,
    world.kernel,
    () => true,
    "",
    () => null,
  );
  return medium.bearer(station, NO_HOST);
}

/** The memory bearer brings its own medium and asks its host for nothing. */
const NO_HOST: BearerHost = {
  get clock(): never {
    throw new RangeError("a memory bearer has the clock of its medium");
  },
  get rng(): never {
    throw new RangeError("a memory bearer has the chance of its medium");
  },
  log: () => {},
  open: () => Promise.reject(new RangeError("a memory bearer opens nothing")),
  listen: () => Promise.reject(new RangeError("a memory bearer listens to nothing")),
};
