import { type Chance, createChance } from "./chance.js";
import {
  CALM,
  type MediumKind,
  type MediumParameters,
  type NodeParameters,
  UNBOUNDED,
  type WorldParameters,
} from "./world-parameters.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A store buffer answers in hours; every other way is quick enough to have several of them in a row. */
const KINDS_OF_TWO: readonly MediumKind[] = ["parcels", "parcels", "modem", "buffer", "buffer", "broker"];
const KINDS_OF_MANY: readonly MediumKind[] = ["parcels", "parcels", "modem", "broker"];

/** Share of worlds whose media may not be used at will, and of those with windows or prices. */
const BOUNDED_SHARE = 0.75;
const WINDOWED_SHARE = 0.2;
const PAID_SHARE = 0.35;

/** Bytes a submission costs on the channel beside its body: head, receipt, handshakes after restarts. Measured. */
const OVERHEAD_BYTES = 1_200;

/**
 * The same world over links of many kinds, each with budgets about as large as what wants to pass. Drawn apart: people,
 * faults and nodes stay as the seed has them.
 */
export function mixed(plain: WorldParameters): WorldParameters {
  const chance = createChance(`links ${plain.seed}`);
  const wild = plain.media.some((medium) => medium.loss > 0 || medium.outageEveryMs > 0);
  const media = plain.media.map((medium) => {
    const own = chance.fork(medium.name);
    return own.happens(0.4) ? ofTwoRates(own, medium) : drawLink(own, plain, medium, wild);
  });
  const world = { ...plain, media, bodyBytesMax: bodyBytesMaxOf(plain, media) };
  return bounded({ ...world, healMs: Math.max(...media.map(patienceMs)) }, chance.fork("bounds"));
}

function ofTwoRates(chance: Chance, medium: MediumParameters): MediumParameters {
  if (!chance.happens(0.3)) return medium;
  return { ...medium, backBitsPerSecond: medium.bitsPerSecond / chance.pick([2, 4]) };
}

function drawLink(
  chance: Chance,
  world: WorldParameters,
  { name, ends, outageEveryMs, outageMsMax }: MediumParameters,
  wild: boolean,
): MediumParameters {
  const place = { ...CALM, name, ends, outageEveryMs, outageMsMax };
  const kind = chance.pick(world.topology === "pair" ? KINDS_OF_TWO : KINDS_OF_MANY);
  const twice = wild && chance.happens(0.5) ? chance.between(1, 15) / 100 : 0;
  if (kind === "parcels") {
    return ofTwoRates(chance, {
      ...{ ...place, kind, ...bothWays(chance.pick([600, 1_100, 5_470])) },
      ...{ parcelBytesMax: chance.pick([219, 231]), turnaroundMs: chance.pick([20, 100]), delayMs: 0 },
      ...{ lateMs: 1_500, reordering: 1, duplication: twice, asymmetric: chance.happens(0.5) ? 0.5 : 0 },
      loss: wild ? chance.between(0, 40) / 100 : 0,
    });
  }
  if (kind === "modem") {
    const dialMs = chance.pick([5_000, 20_000]);
    const sessionMsMax = chance.pick([2, 10]) * MINUTE_MS;
    return ofTwoRates(chance, {
      ...{
        ...place,
        kind,
        ...bothWays(chance.pick([300, 1_200, 4_800])),
        parcelBytesMax: chance.pick([256, 1_024]),
      },
      ...{ turnaroundMs: 500, delayMs: chance.pick([0, 1_000]) },
      dialled: { dialMs, failure: wild ? chance.pick([0, 0.2, 0.5]) : 0, sessionMsMax },
    });
  }
  const sleeps = wild && chance.happens(0.6);
  const asleep = { outageEveryMs: sleeps ? 40 * MINUTE_MS : 0, outageMsMax: 3 * HOUR_MS, asymmetric: 1 };
  if (kind === "buffer") {
    const failure = wild ? chance.pick([0, 0.2]) : 0;
    return {
      ...{ ...place, ...asleep, kind, ...bothWays(2_400), parcelBytesMax: chance.pick([270, 340, 1_960]) },
      ...{
        delayMs: 5_000,
        ...overtaking(chance, 20_000),
        duplication: twice,
        roomParcels: chance.pick([4, 12, 50]),
      },
      dialled: { dialMs: 10_000, failure, sessionMsMax: 90_000 },
    };
  }
  const lateMs = chance.pick([200, 5_000, 10 * MINUTE_MS]);
  return {
    ...{ ...place, ...asleep, kind, ...bothWays(chance.pick([20_000, 200_000])) },
    ...{ parcelBytesMax: chance.pick([1_000, 65_535]), roomParcels: chance.pick([10, 1_000]) },
    ...{ delayMs: 5, ...overtaking(chance, lateMs), duplication: twice },
  };
}

function bothWays(bitsPerSecond: number): Pick<MediumParameters, "bitsPerSecond" | "backBitsPerSecond"> {
  return { bitsPerSecond, backBitsPerSecond: bitsPerSecond };
}

function overtaking(chance: Chance, lateMs: number): Pick<MediumParameters, "reordering" | "lateMs"> {
  return { reordering: chance.happens(0.5) ? 1 : 0, lateMs };
}

/** What the slowest way carries in a minute; through a store buffer no more than a few parcels. */
function bodyBytesMaxOf(world: WorldParameters, media: readonly MediumParameters[]): number {
  const slowest = Math.min(...media.flatMap((one) => [one.bitsPerSecond, one.backBitsPerSecond]));
  const rooms = media.flatMap((one) => (one.kind === "buffer" ? [one.roomParcels * one.parcelBytesMax] : []));
  const most = Math.min(
    Math.max(800, Math.floor((slowest / 8) * 60)),
    ...rooms.map((bytes) => Math.max(600, bytes)),
  );
  return Math.min(world.bodyBytesMax, most);
}

/** How long after the faults everything may take on such a way. A buffer's far end looks every six hours. */
function patienceMs({ kind }: MediumParameters): number {
  return (kind === "buffer" ? 120 : kind === "broker" || kind === "modem" ? 30 : 12) * HOUR_MS;
}

/** Budgets of about what a world needs, so that some of it waits for its budget. */
function bounded(world: WorldParameters, chance: Chance): WorldParameters {
  if (!chance.happens(BOUNDED_SHARE)) return world;
  const paid = world.topology === "pair" && chance.happens(PAID_SHARE);
  const windowed = chance.happens(WINDOWED_SHARE);
  const media = world.media.map((medium) => {
    const own = chance.fork(medium.name);
    const bounds = drawBounds(own, world, medium, paid || medium.kind === "buffer");
    return { ...medium, bounds: { ...bounds, window: windowed ? drawWindow(own, medium) : null } };
  });
  const healMs = Math.max(world.healMs, ...media.map(({ bounds }) => budgetPatienceMs(bounds)));
  return { ...world, media, healMs, nodes: windowed ? world.nodes.map(withClock) : world.nodes };
}

function drawBounds(
  chance: Chance,
  world: WorldParameters,
  medium: MediumParameters,
  paid: boolean,
): MediumParameters["bounds"] {
  const { kind, parcelBytesMax } = medium;
  const bytesPerS = Math.min(medium.bitsPerSecond, medium.backBitsPerSecond) / 8;
  const neededBytes = world.submissions * (0.5 * world.bodyBytesMax + OVERHEAD_BYTES);
  const parcelBytes = Math.min(parcelBytesMax, 1_000);
  const isAir = kind === "radio" || kind === "parcels" || kind === "modem";
  const hourBytes = Math.max(30 * parcelBytes, chance.pick([0.2, 0.4]) * neededBytes);
  const hourMs = Math.min(0.5 * HOUR_MS, (hourBytes / bytesPerS) * 1_000);
  const hasDutyCycle = isAir && chance.happens(0.7);
  const hasDrain = chance.happens(0.5);
  const drain = isAir ? chance.pick([0.15, 0.4]) * bytesPerS : chance.pick([100, 400]);
  return {
    ...UNBOUNDED,
    airtimeMsPerHourMax: hasDutyCycle ? Math.ceil(hourMs) : null,
    airtimeMsPerDayMax: hasDutyCycle && chance.happens(0.3) ? Math.ceil(2 * hourMs) : null,
    drainBytesPerS: hasDrain ? Math.ceil(drain) : null,
    credits: paid && kind !== "stream" ? drawCredits(chance, medium, neededBytes) : null,
  };
}

/** Part of what everything costs: the rest waits for the next day. */
function drawCredits(
  chance: Chance,
  { dialled, parcelBytesMax }: MediumParameters,
  neededBytes: number,
): MediumParameters["bounds"]["credits"] {
  const perContact = dialled === null ? 0 : chance.pick([0, 1]);
  const bytesPerDay = Math.max(20 * Math.min(parcelBytesMax, 1_000), chance.pick([0.5, 0.8]) * neededBytes);
  return { perContact, perKilobyte: 1, perDay: Math.ceil(bytesPerDay / 1_000) + 30 * perContact };
}

/** Long enough for some parcels of any link. */
function drawWindow(chance: Chance, { kind }: MediumParameters): MediumParameters["bounds"]["window"] {
  if (kind === "stream" || chance.happens(0.3)) return null;
  return chance.pick([
    { everyMinutes: 30, openMinutes: 10 },
    { everyMinutes: 180, openMinutes: 40 },
  ]);
}

/** Windows are kept by a clock that is right from the first boot, or not at all. */
function withClock(node: NodeParameters): NodeParameters {
  return { ...node, wallErrorMs: 0, trust: "trusted", wallStepEveryMs: 0 };
}

function budgetPatienceMs({
  credits,
  airtimeMsPerDayMax,
  airtimeMsPerHourMax,
  window,
}: MediumParameters["bounds"]) {
  if (credits !== null) return 120 * HOUR_MS;
  if (airtimeMsPerDayMax !== null) return 72 * HOUR_MS;
  return airtimeMsPerHourMax !== null || window !== null ? 30 * HOUR_MS : 0;
}
