import { CLASS_RANK, type EndState, type Leg, type PartialRange, type Spool } from "@estafette/spool";
import { grouped, type SpoolModel } from "./spool-model.js";
import { sixteen } from "./spool-samples.js";

export const LINKS = ["a", "b", null] as const;
export const PARTIAL_IDS = [71, 72] as const;
export const STATE_NAMES = ["x", "y"] as const;
const ENDS: readonly EndState[] = ["delivered", "forwarded", "expired", "refused", "deleted"];

/** All that can be seen of a store, in words and numbers that a model can have too. */
export interface Sight {
  readonly waitingCount: readonly number[];
  readonly waitingBytes: number;
  readonly partialBytes: number;
  readonly deliveriesPending: number;
  readonly ended: readonly number[];
  readonly messages: readonly (readonly [sequence: number, envelope: number | null, end: string | null])[];
  readonly envelopes: readonly number[];
  readonly legs: readonly (readonly [
    what: string,
    link: string | null,
    neighbour: number,
    attempts: number,
  ])[];
  /** By link and neighbour: what may go, by class and flow. */
  readonly ready: readonly ReadonlyMap<string, readonly string[]>[];
  readonly deliveries: readonly (readonly [number, readonly string[], number, boolean, string | null])[];
  readonly due: readonly number[];
  readonly partials: readonly (readonly PartialRange[] | null)[];
  readonly state: readonly (number | null)[];
}

/** @param flowOf Whose turn a leg takes, by its name. */
export async function sightOfSpool(spool: Spool, flowOf: (what: string) => string): Promise<Sight> {
  const stats = await spool.stats();
  const messages = (await spool.listMessages({ limit: 1_000 })).toReversed();
  const deliveries = (await spool.listDeliveries({ limit: 1_000 })).toReversed();
  const ready = LINKS.filter((link) => link !== null).flatMap((link) =>
    [8, 9].map((neighbour) => spool.ready({ link, neighbour: sixteen(neighbour), limit: 1_000 })),
  );
  return {
    waitingCount: stats.waitingCount,
    waitingBytes: stats.waitingBytes,
    partialBytes: stats.partialBytes,
    deliveriesPending: stats.deliveriesPending,
    ended: ENDS.map((end) => stats.ended[end]),
    messages: messages.map((one) => [one.key.sequence, numberOf(one.envelopeId), one.end]),
    envelopes: (await spool.listEnvelopes(1_000)).toReversed().map((one) => numberOf(one.id) ?? -1),
    legs: (await allLegs(spool)).map((leg) => [
      nameOf(leg),
      leg.hop.link,
      numberOf(leg.hop.neighbour) ?? -1,
      leg.attempts,
    ]),
    ready: (await Promise.all(ready)).map((legs) =>
      grouped(legs, (leg) => `${CLASS_RANK[leg.class]} ${flowOf(nameOf(leg))}`, nameOf),
    ),
    deliveries: deliveries.map((one) => [
      one.key.sequence,
      one.pending,
      one.attempts,
      one.uncertain,
      one.end,
    ]),
    due: (await spool.dueDeliveries(1_000)).due.map((one) => one.key.sequence),
    partials: await Promise.all(
      PARTIAL_IDS.map(async (id) => (await spool.partial(sixteen(id)))?.ranges ?? null),
    ),
    state: await Promise.all(STATE_NAMES.map(async (name) => (await spool.getState(name))?.[0] ?? null)),
  };
}

/** Every leg, oldest first. */
export async function allLegs(spool: Spool): Promise<readonly Leg[]> {
  const byLink = await Promise.all(LINKS.map((link) => spool.legs({ link, afterLegId: 0, limit: 1_000 })));
  return byLink.flat().sort((a, b) => a.legId - b.legId);
}

export function sightOfModel(model: SpoolModel): Sight {
  const waiting = [
    ...model.messages.filter((one) => one.envelope === null && one.end === null),
    ...model.envelopes.map((one) => ({ className: one.className, bodyBytes: one.payloadBytes })),
    ...model.deliveries
      .filter((one) => one.end === null)
      .map(({ bodyBytes }) => ({ className: "normal" as const, bodyBytes })),
  ];
  const held = [...model.partials.values()].flat();
  return {
    waitingCount: [0, 1, 2, 3].map(
      (rank) => waiting.filter((one) => CLASS_RANK[one.className] === rank).length,
    ),
    waitingBytes: waiting.reduce((sum, one) => sum + one.bodyBytes, 0),
    partialBytes: held.filter((isHeld) => isHeld).length,
    deliveriesPending: model.deliveries.filter((one) => one.end === null).length,
    ended: ENDS.map((end) => model.messages.filter((one) => one.end === end).length),
    messages: model.messages.map((one) => [one.sequence, one.envelope, one.end]),
    envelopes: model.envelopes.map((one) => one.id),
    legs: model.legs.map((leg) => [leg.what, leg.link, leg.neighbour, leg.attempts]),
    ready: ["a", "b"].flatMap((link) => [8, 9].map((neighbour) => model.ready(link, neighbour))),
    deliveries: model.deliveries.map((one) => [
      one.sequence,
      one.pending,
      one.attempts,
      one.uncertain,
      one.end,
    ]),
    due: model.due(),
    partials: PARTIAL_IDS.map((id) => rangesOf(model.partials.get(id))),
    state: STATE_NAMES.map((name) => model.state.get(name) ?? null),
  };
}

function rangesOf(held: readonly boolean[] | undefined): readonly PartialRange[] | null {
  if (held === undefined) return null;
  const ranges: { start: number; end: number }[] = [];
  for (const [index, isHeld] of held.entries()) {
    const last = ranges.at(-1);
    if (isHeld && last?.end === index) last.end++;
    else if (isHeld) ranges.push({ start: index, end: index + 1 });
  }
  return ranges;
}

function nameOf({ what }: Leg): string {
  if (what.kind === "message") return `message ${what.key.sequence}`;
  return what.kind === "envelope" ? `envelope ${numberOf(what.id)}` : "note";
}

/** The number a sample address or id was made from. */
function numberOf(bytes: Uint8Array | null): number | null {
  return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
}
