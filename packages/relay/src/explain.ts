import type { SubmissionRefusal } from "@estafette/contract";
import { formatAddress, fromHex } from "@estafette/protocol";
import { type Candidate, deadlineMsOf, type Plan } from "@estafette/router";
import { CLASS_RANK, type Leg } from "@estafette/spool";
import type { RouteExplanation, RouteRequest, Way } from "./api.js";
import type { Core, PlanRequest } from "./core.js";
import type { Peer, Served } from "./directory.js";
import { planOf, requestOf } from "./planning.js";
import { refusal } from "./submit.js";

type Somebody = Exclude<Served, { readonly by: "nobody" }>;

/** Which ways lead to an address, for people. Nothing is kept or sent. */
export function explainRoute(core: Core, request: RouteRequest): RouteExplanation | SubmissionRefusal {
  const served = whoServes(core, request.to);
  if (served.by === "nobody") return refusal(served.why, served.text);
  const lifetimeMs = core.settings.lifetimeS * 1000;
  return explainWay(core, served, { ...request, lifetimeMs, sealed: true });
}

/** The same when it is known who serves the address. */
export function explainWay(
  core: Core,
  served: Somebody,
  {
    bytes,
    class: ofClass,
    lifetimeMs,
    ...more
  }: Omit<RouteRequest, "to"> &
    Pick<PlanRequest, "joined" | "meetingBytes"> & { readonly lifetimeMs: number; readonly sealed: boolean },
): RouteExplanation | SubmissionRefusal {
  const deadlineMs = deadlineMsOf(CLASS_RANK[ofClass], { ageMs: 0, lifetimeMs }, core.settings.deadlinesMs);
  const known = { bytes, class: ofClass, deadlineMs };
  if (served.by === "here") {
    return {
      by: "here",
      destination: core.settings.name,
      ...known,
      ways: [],
      why: "a mailbox of this gateway",
    };
  }
  const { peer } = served;
  const plan = planOf(core, { ...requestTo(core, peer), bytes, class: ofClass, lifetimeMs, ...more });
  if (plan.plan === "never") return noWay(peer, plan.why);
  const ways = plan.candidates.map((candidate) => wayOf(core, candidate, candidate === plan.chosen));
  return { by: served.by, destination: peer.name, ...known, ways, why: plan.why };
}

/** Why a leg is where it is, as things are now: links change, and what was chosen once may no longer be the reason. */
export async function reasonOf(core: Core, leg: Leg): Promise<string> {
  const request = await requestOf(core, leg);
  const plan = request && planOf(core, request);
  if (!plan) return "no way leads there now";
  if (plan.plan === "never") return neverText(plan);
  const here = plan.candidates.find(
    (c) => c.link === leg.hop.link && Buffer.compare(fromHex(c.neighbour), leg.hop.neighbour) === 0,
  );
  if (here === plan.chosen) return `${plan.why}; ${etaText(here)}`;
  const better = `${core.directory.nameOf(fromHex(plan.neighbour))} over ${plan.link}`;
  return here
    ? `planned earlier, now ${better} looks better; ${etaText(here)}`
    : `now ${better} looks better`;
}

function neverText(plan: Plan & { readonly plan: "never" }): string {
  if (plan.why === "no-route") return "no way leads there now";
  return `waits: ${plan.forbidden.join(" and ")} may carry nothing sealed, and no other way leads there`;
}

function etaText({ eta }: Candidate): string {
  if (eta.ms === null) return "nobody knows when";
  return `about ${durationText(eta.ms)} to the next gateway (${eta.basis})`;
}

function durationText(ms: number): string {
  if (ms < 120_000) return `${Math.ceil(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${Math.ceil(ms / 60_000)} min` : `${Math.ceil(ms / 3_600_000)} h`;
}

function whoServes(core: Core, to: string): Served {
  const peer = core.directory.peers.find((p) => p.name === to || formatAddress(p.address) === to);
  if (peer) return { by: "peer", peer };
  if (to.includes("@")) return core.directory.serves(to);
  return {
    by: "nobody",
    why: "no-route",
    text: `${to.slice(0, 80)} is no configured gateway and no mail address`,
  };
}

export function requestTo(core: Core, peer: Peer): PlanRequest {
  const relays = core.directory.relayListFor(peer);
  return { destination: peer.address, relays, relayIndex: 0, sealed: true, from: null, listStalled: false };
}

export function noWay(peer: Peer, why: "no-route" | "policy"): SubmissionRefusal {
  return why === "policy"
    ? refusal("never-carried", `every link towards ${peer.name} forbids sealed mail`)
    : refusal("no-route", `no link leads to ${peer.name}`);
}

function wayOf(core: Core, candidate: Candidate, chosen: boolean): Way {
  return {
    neighbour: core.directory.nameOf(fromHex(candidate.neighbour)),
    link: candidate.link,
    target: candidate.target,
    inConversation: candidate.established,
    airBytes: candidate.airBytes,
    cost: candidate.cost,
    etaMs: candidate.eta.ms,
    basis: candidate.eta.basis,
    meetsDeadline: candidate.meetsDeadline,
    chosen,
  };
}
