import type { ClockTrust } from "@estafette/contract";
import type { AirBounds } from "./air-log.js";
import { type Chance, createChance } from "./chance.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;

export type Topology = "pair" | "line" | "star";
/** Store buffers join the worlds together with the bearers that need them. */
export type MediumKind = "radio" | "stream";

/** One way between two nodes. Rates are chances per parcel [0…1]. */
export interface MediumParameters {
  readonly name: string;
  readonly kind: MediumKind;
  readonly ends: readonly [number, number];
  readonly bitsPerSecond: number;
  readonly parcelBytesMax: number;
  readonly turnaroundMs: number;
  readonly delayMs: number;
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  /** Mean time between two outages, in milliseconds; 0: never out. */
  readonly outageEveryMs: number;
  readonly outageMsMax: number;
  /** Share of outages that silence only one direction. */
  readonly asymmetric: number;
  /** What each end may use of it. */
  readonly bounds: Omit<AirBounds, "parcelBytesMax">;
}

/** No bounds at all. */
export const UNBOUNDED: MediumParameters["bounds"] = {
  airtimeMsPerHourMax: null,
  drainBytesPerS: null,
  creditsPerDay: null,
};

export interface NodeParameters {
  readonly name: string;
  /** Error of the wall clock at first boot, −3 … +20 years. */
  readonly wallErrorMs: number;
  readonly trust: ClockTrust;
  /** Longest time one call to the store takes, in milliseconds; 0: no time at all. */
  readonly diskMsMax: number;
  /** Chance that the power goes at one fault point. */
  readonly cutAtPoint: number;
  /** Mean time between power cuts and kills at any moment, in milliseconds; 0: never. */
  readonly cutEveryMs: number;
  /** Mean time between orderly restarts, in milliseconds; 0: never. */
  readonly restartEveryMs: number;
  /** Longest time without power, in milliseconds. */
  readonly darkMsMax: number;
  /** Mean time between steps of the wall clock, in milliseconds; 0: never. */
  readonly wallStepEveryMs: number;
}

/** Everything a seed decides. Printed first, so that a failing seed can be read. */
export interface WorldParameters {
  readonly seed: number;
  readonly topology: Topology;
  readonly nodes: readonly NodeParameters[];
  readonly media: readonly MediumParameters[];
  /** The node that puts mail on the internet; null: nobody does. */
  readonly exit: number | null;
  /** Middle nodes have no users of their own. */
  readonly strangers: boolean;
  /** Messages need a receipt by default. */
  readonly receipts: boolean;
  readonly submissions: number;
  readonly bodyBytesMax: number;
  /** Chance that a mail server outside says "later". */
  readonly deferred: number;
  readonly handOverMsMax: number;
  readonly retryS: readonly number[];
  /** Faults end here … */
  readonly faultsUntilMs: number;
  /** … and this long after, everything must have ended. */
  readonly healMs: number;
}

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
    const stream = { bitsPerSecond: 1_000_000, parcelBytesMax: 16_384, turnaroundMs: 0, delayMs };
    const calm = { loss: 0, duplication: 0, reordering: 0, ...outages, asymmetric: 0, bounds: UNBOUNDED };
    return { name, kind, ends, ...stream, ...calm };
  }
  return {
    name,
    kind,
    ends,
    bitsPerSecond: chance.pick([300, 600, 1_200, 1_200, 2_400, 9_600]),
    parcelBytesMax: chance.pick([64, 128, 219, 255]),
    turnaroundMs: chance.pick([20, 150, 400]),
    delayMs: chance.pick([0, 10]),
    loss: wild ? chance.between(0, 40) / 100 : 0,
    duplication: wild && chance.happens(0.4) ? chance.between(1, 15) / 100 : 0,
    reordering: wild && chance.happens(0.4) ? chance.between(1, 15) / 100 : 0,
    ...outages,
    bounds: UNBOUNDED,
  };
}

/** Some worlds have media that may not be used at will. Drawn apart: the rest of a seed's world stays as it was. */
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
    airtimeMsPerHourMax: dutyCycle === null ? null : dutyCycle * HOUR_MS,
    drainBytesPerS: drain === null ? null : Math.ceil(drain * bytesPerS),
    creditsPerDay: paid ? Math.ceil(kilobytes) : null,
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

/** The world of one seed. The same seed always gives the same world. */
export function deriveParameters(seed: number): WorldParameters {
  const chance = worldChance(seed);
  const topology = chance.pick(["pair", "pair", "pair", "line", "line", "star"] as const);
  const nodeCount = topology === "pair" ? 2 : chance.pick([3, 3, 3, 4, 4, 5, 6]);
  const wild = !chance.happens(0.08);
  const nodes = NAMES.slice(0, nodeCount).map((name) => drawNode(chance, name, wild));
  const edges = drawEdges(chance, topology, nodeCount);
  const media = edges.map((ends, index) => drawMedium(chance, `medium${index}`, ends, wild));
  const bytesPerHour = (slowest(media) / 8) * 3_600;
  const bodyBytesMax = Math.min(30_000, Math.max(800, Math.floor(bytesPerHour / 60)));
  return bounded({
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
  });
}

function worldChance(seed: number): Chance {
  return createChance(`world ${seed}`);
}

/** The parameters as lines for a person. */
export function describeParameters(world: WorldParameters): string[] {
  const lines = [
    `seed ${world.seed}: ${world.topology} of ${world.nodes.length}, ${world.submissions} submissions up to ` +
      `${world.bodyBytesMax} bytes, exit ${world.exit === null ? "none" : world.nodes[world.exit]?.name}, ` +
      `${world.strangers ? "strangers between, " : ""}receipts ${world.receipts ? "by default" : "on demand"}`,
    `  outside: ${percent(world.deferred)} put off, hand-over up to ${world.handOverMsMax} ms; retry ${world.retryS.join(", ")} s`,
  ];
  for (const node of world.nodes) {
    lines.push(
      `  ${node.name}: clock ${years(node.wallErrorMs)} ${node.trust}, disk up to ${node.diskMsMax} ms, ` +
        `cut at ${percent(node.cutAtPoint)} of points and every ${minutes(node.cutEveryMs)}, ` +
        `restart every ${minutes(node.restartEveryMs)}, dark up to ${minutes(node.darkMsMax)}, ` +
        `clock steps every ${minutes(node.wallStepEveryMs)}`,
    );
  }
  for (const medium of world.media) {
    const [a, b] = medium.ends;
    lines.push(
      `  ${medium.name}: ${medium.kind} ${world.nodes[a]?.name}–${world.nodes[b]?.name}, ${medium.bitsPerSecond} bit/s, ` +
        `${medium.parcelBytesMax} B parcels, loss ${percent(medium.loss)}, twice ${percent(medium.duplication)}, ` +
        `out of order ${percent(medium.reordering)}, out every ${minutes(medium.outageEveryMs)} for up to ` +
        `${minutes(medium.outageMsMax)}, ${percent(medium.asymmetric)} one-sided${boundsText(medium.bounds)}`,
    );
  }
  return lines;
}

function boundsText(bounds: MediumParameters["bounds"]): string {
  const { airtimeMsPerHourMax: airtimeMs, drainBytesPerS: drain, creditsPerDay: credits } = bounds;
  return [
    airtimeMs === null ? "" : `, duty cycle ${percent(airtimeMs / HOUR_MS)}`,
    drain === null ? "" : `, drains at ${drain} B/s`,
    credits === null ? "" : `, ${credits} kB a day`,
  ].join("");
}

function percent(rate: number): string {
  return `${Math.round(rate * 1_000) / 10} %`;
}

function minutes(ms: number): string {
  return ms === 0 ? "never" : `${Math.round(ms / 600) / 100} min`;
}

function years(ms: number): string {
  return `${ms >= 0 ? "+" : ""}${Math.round((ms / YEAR_MS) * 100) / 100} years`;
}
