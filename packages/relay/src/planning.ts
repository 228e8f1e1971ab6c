import { fromHex } from "@estafette/protocol";
import { stallAfterMs } from "@estafette/router";
import type { Hop, Leg } from "@estafette/spool";
import type { Core, PlanRequest } from "./core.js";
import { headOf } from "./outgoing.js";

export type HopPlan = { readonly hop: Hop } | "no-route" | "policy";

/** The router's plan in the spool's words. A relay list that cannot be followed from here counts as stalled. */
export function planHop(core: Core, request: PlanRequest): HopPlan {
  let plan = core.plan(request);
  if (plan.plan === "never" && request.relays.length > 0 && !request.listStalled)
    plan = core.plan({ ...request, listStalled: true });
  if (plan.plan === "never") return plan.why;
  return { hop: { link: plan.link, neighbour: fromHex(plan.neighbour) } };
}

/** Plans a leg again, for example because another link opened. Null: it stays where it is. */
export async function replanLeg(core: Core, leg: Leg): Promise<Hop | null> {
  const request = await requestOf(core, leg);
  if (!request) return null;
  const plan = planHop(core, request);
  if (typeof plan === "string" || sameHop(plan.hop, leg.hop)) return null;
  await core.spool.replan(leg.legId, plan.hop);
  return plan.hop;
}

async function requestOf(core: Core, leg: Leg): Promise<PlanRequest | null> {
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
  };
}

function sameHop(a: Hop, b: Hop): boolean {
  return a.link === b.link && Buffer.compare(a.neighbour, b.neighbour) === 0;
}
