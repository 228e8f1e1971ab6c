import { type Chance, createChance } from "./chance.js";
import { mixed } from "./mixed-links.js";
import {
  CALM,
  type MediumParameters,
  type NodeParameters,
  type Topology,
  UNBOUNDED,
  type WorldLinks,
  type WorldParameters,
} from "./world-parameters.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;

const NAMES = ["aurora", "borealis", "cygnus", "dorado", "eridanus", "fornax"] as const;

/** The time between two outages or cuts: often "never", else within these bounds. */
function every(chance: Chance, p: number, leastMs: number, mostMs: number): number {
  return chance.happens(p) ? chance.between(leastMs, mostMs) : 0;
}

/** Error of a wall clock: right, a little wrong, or wrong by years as on a Pi before its first NTP answer. */
export function drawWallErrorMs(chance: Chance): number {
  if (chance.happens(0.3)) return 0;
  if (chance.happens(0.3)) return chance.between(-300_000, 300_000);
  return chance.between(-3 * 12, 20 * 12) * (YEAR_MS / 12) + chance.between(0, MINUTE_MS);
}

function drawNode(chance: Chance, name: string, wild: boolean): NodeParameters {
  const wallErrorMs = drawWallErrorMs(chance);
  return {
    name,
    wallErrorMs,
    trust:
      Math.abs(wallErrorMs) < 2_000
        ? chance.pick(["untrusted", "plausible", "trusted"] as const)
        : "untrusted",
    diskMsMax: chance.happens(0.3) ? chance.pick([5, 50, 400]) : 0,
    cutAtPoint: wild && chance.happens(0.6) ? chance.pick([0.002, 0.01, 0.04]) : 0,
    cutEveryMs: wild ? every(chance, 0.4, 4 * MINUTE_MS, 40 * MINUTE_MS) : 0,
    restartEveryMs: wild ? every(chance, 0.3, 10 * MINUTE_MS, 60 * MINUTE_MS) : 0,
    darkMsMax: chance.pick([1_000, MINUTE_MS, 20 * MINUTE_MS]),
    wallStepEveryMs: wild ? every(chance, 0.4, 5 * MINUTE_MS, 50 * MINUTE_MS) : 0,
  };
}

function drawMedium(
  chance: Chance,
  name: string,
  ends: readonly [number, number],
  wild: boolean,
): MediumParameters {
  const kind = chance.pick(["radio", "radio", "radio", "stream", "stream"] as const);
  const outages = {
    outageEveryMs: wild ? every(chance, 0.6, 3 * MINUTE_MS, 30 * MINUTE_MS) : 0,
    outageMsMax: chance.pick([20_000, 5 * MINUTE_MS, 25 * MINUTE_MS]),
    asymmetric: chance.happens(0.5) ? 0.5 : 0,
  };
  if (kind === "stream") {
    const delayMs = chance.pick([1, 40, 300]);
    const rates = { bitsPerSecond: 1_000_000, backBitsPerSecond: 1_000_000 };
    return {
      ...CALM,
      name,
      kind,
      ends,
      ...rates,
      parcelBytesMax: 16_384,
      delayMs,
      ...outages,
      asymmetric: 0,
    };
  }
  const bitsPerSecond = chance.pick([300, 600, 1_200, 1_200, 2_400, 9_600]);
  return {
    ...CALM,
    name,
    kind,
    ends,
    bitsPerSecond,
    backBitsPerSecond: bitsPerSecond,
    parcelBytesMax: chance.pick([64, 128, 219, 255]),
    turnaroundMs: chance.pick([20, 150, 400]),
    delayMs: chance.pick([0, 10]),
    loss: wild ? chance.between(0, 40) / 100 : 0,
    duplication: wild && chance.happens(0.4) ? chance.between(1, 15) / 100 : 0,
    ...withReordering(wild && chance.happens(0.4) ? chance.between(1, 15) / 100 : 0),
    ...outages,
  };
}

function withReordering(reordering: number): Pick<MediumParameters, "reordering" | "lateMs"> {
  return { reordering, lateMs: reordering > 0 ? 2_500 : 0 };
}

/** Some plain worlds have media that may not be used at will. Drawn apart: the rest of a seed's world stays as it was. */
function bounded(world: WorldParameters): WorldParameters {
  const chance = createChance(`bounds ${world.seed}`);
  if (!chance.happens(0.4)) return world;
  const paid = world.topology === "pair" && chance.happens(0.3);
  const media = world.media.map((medium) => ({ ...medium, bounds: drawBounds(chance, world, medium, paid) }));
  return { ...world, media, healMs: paid ? 2.5 * world.healMs : world.healMs };
}

function drawBounds(
  chance: Chance,
  world: WorldParameters,
  { kind, bitsPerSecond }: MediumParameters,
  paid: boolean,
): MediumParameters["bounds"] {
  const bytesPerS = kind === "stream" ? 2_000 : bitsPerSecond / 8;
  const dutyCycle = kind === "radio" && chance.happens(0.6) ? chance.pick([0.15, 0.25, 0.4]) : null;
  const drain = chance.happens(0.4) ? chance.pick([0.3, 0.6]) : null;
  // About what everything needs: some of it waits for the next day.
  const kilobytes = (world.submissions * (world.bodyBytesMax + 1_500)) / 1_000;
  return {
    ...UNBOUNDED,
    airtimeMsPerHourMax: dutyCycle === null ? null : dutyCycle * HOUR_MS,
    drainBytesPerS: drain === null ? null : Math.ceil(drain * bytesPerS),
    credits: paid ? { perContact: 0, perKilobyte: 1, perDay: Math.ceil(kilobytes) } : null,
  };
}

function drawEdges(chance: Chance, topology: Topology, nodeCount: number): (readonly [number, number])[] {
  const edges: (readonly [number, number])[] = [];
  for (let node = 1; node < nodeCount; node++) edges.push([topology === "star" ? 0 : node - 1, node]);
  if (topology === "pair" && chance.happens(0.5)) edges.push([0, 1]);
  return edges;
}

/** Slowest way of a world, in bits per second; decides how much may be sent within the time there is. */
function slowest(media: readonly MediumParameters[]): number {
  return Math.min(...media.map((medium) => medium.bitsPerSecond));
}

/**
 * The world of one seed. The same seed always gives the same world. `plain`: only radios and streams, as seeds that
 * failed before there were other links.
 */
export function deriveParameters(seed: number, links: WorldLinks = "mixed"): WorldParameters {
  const world = plainWorld(seed);
  return links === "mixed" ? mixed(world) : bounded(world);
}

function plainWorld(seed: number): WorldParameters {
  const chance = worldChance(seed);
  const topology = chance.pick(["pair", "pair", "pair", "line", "line", "star"] as const);
  const nodeCount = topology === "pair" ? 2 : chance.pick([3, 3, 3, 4, 4, 5, 6]);
  const wild = !chance.happens(0.08);
  const nodes = NAMES.slice(0, nodeCount).map((name) => drawNode(chance, name, wild));
  const edges = drawEdges(chance, topology, nodeCount);
  const media = edges.map((ends, index) => drawMedium(chance, `medium${index}`, ends, wild));
  const bytesPerHour = (slowest(media) / 8) * 3_600;
  const bodyBytesMax = Math.min(30_000, Math.max(800, Math.floor(bytesPerHour / 60)));
  return {
    seed,
    topology,
    nodes,
    media,
    exit: chance.happens(0.7) ? nodeCount - 1 : null,
    strangers: topology === "line" && chance.happens(0.5),
    receipts: !chance.happens(0.2),
    submissions: chance.between(4, 14),
    bodyBytesMax: chance.pick([Math.min(600, bodyBytesMax), bodyBytesMax]),
    deferred: wild ? chance.pick([0, 0, 0.2]) : 0,
    handOverMsMax: chance.pick([2, 500, 5_000]),
    retryS: chance.pick([
      [10, 30, 120],
      [5, 60, 300, 600],
    ]),
    faultsUntilMs: HOUR_MS,
    healMs: 12 * HOUR_MS,
  };
}

function worldChance(seed: number): Chance {
  return createChance(`world ${seed}`);
}
