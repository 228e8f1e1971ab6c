import { fromHex } from "@estafette/protocol";
import { type Plan, planHops, planNextHop, stallAfterMs } from "@estafette/router";
import type { Hop, Leg } from "@estafette/spool";
import type { Core, PlanRequest } from "./core.js";
import { headOf } from "./outgoing.js";

export type HopPlan = { readonly hop: Hop } | "no-route" | "policy";

/** The router's plan. A relay list that cannot be followed from here counts as stalled. */
export function planOf(core: Core, request: PlanRequest): Plan {
  const input = core.planInput(request);
  const plan = planNextHop(input);
  const isStuck = plan.plan === "never" && request.relays.length > 0 && !request.listStalled;
  return isStuck ? planNextHop({ ...input, listStalled: true }) : plan;
}

/** The same in the spool's words. */
export function planHop(core: Core, request: PlanRequest): HopPlan {
  const plan = planOf(core, request);
  if (plan.plan === "never") return plan.why;
  return { hop: { link: plan.link, neighbour: fromHex(plan.neighbour) } };
}

/**
 * The hops of an envelope that is about to be kept: `first`, and for a flash message further copies over other links,
 * as many as are configured. The spool takes back those that still wait when the destination has it.
 */
export function hopsOf(core: Core, first: Hop, request: PlanRequest): readonly Hop[] {
  const copies = request.class === "flash" ? (core.settings.flashCopies ?? 1) : 1;
  if (copies <= 1) return [first];
  const planned = planHops(core.planInput(request), copies);
  const others = planned.map(({ link, neighbour }) => ({ link, neighbour: fromHex(neighbour) }));
  return [first, ...others.filter((hop) => hop.link !== first.link)].slice(0, copies);
}

/** Plans a leg again, for example because another link opened. Null: it stays where it is. */
export async function replanLeg(core: Core, leg: Leg): Promise<Hop | null> {
  const request = await requestOf(core, leg);
  if (!request) return null;
  const plan = planHop(core, request);
  if (typeof plan === "string" || sameHop(plan.hop, leg.hop)) return null;
  if (await isTaken(core, leg, plan.hop)) return null;
  await core.spool.replan(leg.legId, plan.hop);
  return plan.hop;
}

/** Whether another copy goes that way already: then this one stays on its own. */
async function isTaken(core: Core, leg: Leg, hop: Hop): Promise<boolean> {
  if (leg.what.kind !== "envelope") return false;
  const legs = await core.spool.legsOf({ id: leg.what.id });
  return legs.some((other) => other.legId !== leg.legId && sameHop(other.hop, hop));
}

/** What is to be planned for a leg; null when what it carries is gone. */
export async function requestOf(core: Core, leg: Leg): Promise<PlanRequest | null> {
  const stalled = (sinceMs: number): boolean =>
    core.spool.nowMs() - sinceMs > stallAfterMs(core.settings.retryS);
  if (leg.what.kind === "message") {
    const record = await core.spool.message(leg.what.key);
    const peer = record && core.directory.peer(record.destination);
    if (!record || !peer) return null;
    const relays = core.directory.relayListFor(peer);
    return {
      destination: record.destination,
      relays,
      relayIndex: 0,
      sealed: record.mode !== "clear-signed",
      from: null,
      listStalled: stalled(record.acceptedAtMs),
      bytes: record.bodyBytes,
      class: record.class,
      ageMs: core.spool.nowMs() - record.acceptedAtMs,
      lifetimeMs: record.lifetimeMs,
    };
  }
  if (leg.what.kind === "note") {
    return {
      destination: leg.hop.neighbour,
      relays: [],
      relayIndex: 0,
      sealed: false,
      from: null,
      listStalled: false,
    };
  }
  const record = await core.spool.envelope(leg.what.id);
  if (!record) return null;
  const { signed, transit } = headOf(record);
  const { header } = signed;
  return {
    destination: header.destination,
    relays: header.relays,
    relayIndex: transit.relayIndex,
    sealed: header.mode !== "clear-signed",
    from: record.from,
    listStalled: stalled(record.keptAtMs),
    bytes: record.head.length + record.payloadBytes,
    class: record.class,
    ageMs: record.ageMs + core.spool.nowMs() - record.keptAtMs,
    lifetimeMs: header.lifetimeS * 1000,
  };
}

function sameHop(a: Hop, b: Hop): boolean {
  return a.link === b.link && Buffer.compare(a.neighbour, b.neighbour) === 0;
}
