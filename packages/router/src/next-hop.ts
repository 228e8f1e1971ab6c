/*
 *  envelope (destination, relay list, where it came from) + neighbours ──► the next hop, or why there is none
 *
 * One hop at a time: a node decides only where it goes next (requirement E5). Pure.
 */

import { type Choice, type LinkOffer, type Load, rankLinks } from "./choose-link.js";
import { type ClassRank, type Deadlines, deadlineMsOf, type ParcelShape } from "./eta.js";
import type { Goodput } from "./goodput.js";
import { LIMITS } from "./limits.js";

/** A configured node that may be a direct neighbour on some links. */
export interface PeerView {
  /** 16 bytes as 32 hex digits: map key. */
  readonly address: string;
  readonly links: readonly string[];
}

/** What planning needs to know about a link now. */
export interface LinkView {
  readonly name: string;
  /** An authenticated conversation with this peer is open now (addresses as hex). */
  readonly established: ReadonlySet<string>;
  /** These peers can probably be talked to when wanted: the link is up and they did not stay silent lately. */
  readonly reachable?: ReadonlySet<string>;
  /** Sealed content may never be put on it. */
  readonly clearSignedOnly: boolean;
  /** Money per byte, and for each contact, in the link's own unit; 0 is free. */
  readonly costPerByte: number;
  readonly costPerContact?: number;
  /** null: so fast that it does not matter. */
  readonly bitsPerSecond: number | null;
  /** How its parcels are filled; absent: not known. */
  readonly parcels?: ParcelShape;
  /** What was learnt of transfers to each peer (addresses as hex). */
  readonly goodput?: ReadonlyMap<string, Goodput>;
  /** Bytes that wait for this link already, by class. */
  readonly backlogBytes?: readonly [number, number, number, number];
  /** Milliseconds until its next contact window, where it may not be used before; null or absent: none is known. */
  readonly opensInMs?: number | null;
  /** Turning round and the typical answer, in milliseconds. */
  readonly answerMs?: number;
  /** Channel time allowed per sliding hour, in milliseconds; null: all. */
  readonly airtimeMsPerHourMax?: number | null;
}

/** A configured way that is not written in the envelope: for this destination ("*": any), next hop `via`. */
export interface RouteView {
  readonly destination: string;
  readonly via: string;
}

export interface PlanInput {
  readonly self: string;
  readonly destination: string;
  /** Explicit relay list of the envelope; empty: none. */
  readonly relays: readonly string[];
  /** Relays already passed. */
  readonly relayIndex: number;
  readonly sealed: boolean;
  /** Neighbour it came from, never sent back to; null: our own. */
  readonly from: string | null;
  /** The list has waited longer than its schedule for its next relay: other ways may be used. */
  readonly listStalled: boolean;
  /** Of the envelope; default 1 000. */
  readonly bytes?: number;
  /** It joins others that go in the same envelope anyway; default: it goes alone. */
  readonly joined?: boolean;
  /** Bytes on the channel of beginning a conversation with the neighbour; default 0. */
  readonly meetingBytes?: number;
  /** Default 2, normal. */
  readonly rank?: ClassRank;
  /** Milliseconds since it was accepted, and it may live altogether; default 0, and no end. */
  readonly ageMs?: number;
  readonly lifetimeMs?: number;
  /** Default: what the words of the classes promise. */
  readonly deadlinesMs?: Deadlines;
  /** Only compared with the times of what was learnt; default 0. */
  readonly nowMs?: number;
  readonly peers: readonly PeerView[];
  readonly links: readonly LinkView[];
  readonly routes: readonly RouteView[];
}

/** One way that was looked at. */
export interface Candidate extends Choice {
  readonly neighbour: string;
  /** Why this neighbour: `destination`, `relay list`, `relay list stalled`, `route`. */
  readonly target: Target["why"];
}

export type Plan =
  | {
      readonly plan: "hop";
      readonly neighbour: string;
      readonly link: string;
      readonly relayIndex: number;
      /** In words, for people. */
      readonly why: string;
      readonly chosen: Candidate;
      /** All that were looked at, in the order in which they would be taken. */
      readonly candidates: readonly Candidate[];
      /** Links that lead there as well, and may carry nothing sealed; said in `why`. */
      readonly forbidden: readonly string[];
    }
  | { readonly plan: "never"; readonly why: "no-route" }
  | { readonly plan: "never"; readonly why: "policy"; readonly forbidden: readonly string[] };

interface Target {
  readonly neighbour: string;
  readonly why: "destination" | "relay list" | "relay list stalled" | "route";
}

/** Chooses the next hop. `never`/`policy`: only links that may not carry sealed content lead there. A forbidden link is
 *  never a candidate, however fast or open it is: what is sealed goes another way, or waits for one. */
export function planNextHop(input: PlanInput): Plan {
  const relayIndex = passedSelf(input);
  const load = loadOf(input);
  const groups: (readonly Candidate[])[] = [];
  const forbidden = new Set<string>();
  for (const target of targetsOf(input, relayIndex)) {
    const peer = input.peers.find((p) => p.address === target.neighbour);
    if (!peer || target.neighbour === input.self || target.neighbour === input.from) continue;
    const configured = input.links.filter((l) => peer.links.includes(l.name));
    const allowed = configured.filter((l) => !(input.sealed && l.clearSignedOnly));
    for (const link of configured) if (!allowed.includes(link)) forbidden.add(link.name);
    if (allowed.length > 0) groups.push(ranked(target, allowed, load, input));
  }
  // The first target that has a link is the way; once a list has stalled, the first that is met now is.
  const met = input.listStalled ? groups.findIndex((group) => group[0]?.established) : -1;
  const [first = []] = met > 0 ? groups.splice(met, 1) : groups.splice(0, 1);
  const [chosen] = first;
  const names = [...forbidden];
  if (!chosen)
    return names.length > 0
      ? { plan: "never", why: "policy", forbidden: names }
      : { plan: "never", why: "no-route" };
  const candidates = [...first, ...groups.flat()];
  const { neighbour, link } = chosen;
  const why = sentenceOf(chosen, first) + forbiddenText(names);
  return { plan: "hop", neighbour, link, relayIndex, why, chosen, candidates, forbidden: names };
}

/**
 * The hops of a message that may travel in several copies: the planned one, then the next best ways over other links
 * that are known to work now. A copy may go to another neighbour only where that is a way to the destination.
 */
export function planHops(input: PlanInput, copies: number): readonly (Plan & { readonly plan: "hop" })[] {
  const plan = planNextHop(input);
  if (plan.plan === "never") return [];
  const hops = [plan];
  const used = new Set([plan.link]);
  const most = Math.min(copies, LIMITS.copiesMax);
  for (const other of plan.candidates) {
    if (hops.length >= most) break;
    const strays = other.target !== plan.chosen.target && other.target !== "route";
    if (used.has(other.link) || other.eta.ms === null || strays) continue;
    used.add(other.link);
    const { neighbour, link } = other;
    hops.push({ ...plan, neighbour, link, chosen: other, why: `${other.target}, another copy` });
  }
  return hops;
}

function targetsOf(input: PlanInput, relayIndex: number): readonly Target[] {
  const isListed = relayIndex < input.relays.length;
  const listed = input.relays[relayIndex] ?? input.destination;
  const targets: Target[] = [{ neighbour: listed, why: isListed ? "relay list" : "destination" }];
  if (isListed && input.listStalled)
    targets.push({ neighbour: input.destination, why: "relay list stalled" });
  if (isListed && !input.listStalled) return targets;
  for (const route of input.routes) {
    if (route.destination === input.destination || route.destination === "*")
      targets.push({ neighbour: route.via, why: "route" });
  }
  return targets;
}

/** Where we stand in the relay list: past our own entry. */
function passedSelf(input: PlanInput): number {
  let index = input.relayIndex;
  while (index < input.relays.length && input.relays[index] === input.self) index++;
  return index;
}

function loadOf(input: PlanInput): Load {
  const rank = input.rank ?? 2;
  const { ageMs = 0, lifetimeMs = Number.POSITIVE_INFINITY, deadlinesMs } = input;
  const deadlineMs = deadlineMsOf(rank, { ageMs, lifetimeMs }, deadlinesMs);
  return { bytes: input.bytes ?? LIMITS.planBytes, rank, deadlineMs, joined: input.joined ?? false };
}

function ranked(
  target: Target,
  links: readonly LinkView[],
  load: Load,
  input: PlanInput,
): readonly Candidate[] {
  const meetingBytes = input.meetingBytes ?? 0;
  const offers = links.map((link) => ({ ...offerOf(link, target.neighbour, load.rank), meetingBytes }));
  const choices = rankLinks(offers, load, input.nowMs ?? 0);
  return choices.map((choice) => ({ ...choice, neighbour: target.neighbour, target: target.why }));
}

function offerOf(link: LinkView, neighbour: string, rank: ClassRank): Omit<LinkOffer, "meetingBytes"> {
  const established = link.established.has(neighbour);
  // A slow link begins to talk only when something waits for it: one that is up comes before one that is down.
  const isUp = established || link.reachable?.has(neighbour) === true;
  const scheduledMs = link.opensInMs ?? null;
  const ahead = (link.backlogBytes ?? []).slice(0, rank + 1);
  return {
    name: link.name,
    established,
    parcels: link.parcels ?? null,
    costPerContact: link.costPerContact ?? 0,
    costPerByte: link.costPerByte,
    bitsPerSecond: link.bitsPerSecond,
    goodput: link.goodput?.get(neighbour) ?? null,
    backlogBytes: ahead.reduce((sum, bytes) => sum + bytes, 0),
    opensInMs: isUp && !scheduledMs ? 0 : scheduledMs,
    answerMs: link.answerMs ?? 0,
    airtimeMsPerHourMax: link.airtimeMsPerHourMax ?? null,
  };
}

function sentenceOf(chosen: Candidate, others: readonly Candidate[]): string {
  const now = chosen.established
    ? "open now"
    : chosen.eta.ms === null
      ? "waits for this link"
      : "can be used";
  return `${chosen.target}, ${now}, ${reasonOf(chosen, others)}`;
}

function forbiddenText(names: readonly string[]): string {
  return names.length === 0 ? "" : `; ${names.join(" and ")} may carry nothing sealed`;
}

function reasonOf(chosen: Candidate, others: readonly Candidate[]): string {
  if (others.length === 1) return "the only link there";
  const late = chosen.eta.ms === null ? "nobody knows when a link opens" : "no link meets the deadline";
  const isCheapest = others.every((other) => chosen.cost <= other.cost);
  if (!chosen.meetsDeadline) return `${late}: ${isCheapest ? "the cheapest" : "the earliest"}`;
  const rivals = others.filter((other) => other.meetsDeadline);
  if (rivals.length === 1) return "the only one that meets the deadline";
  const equals = rivals.filter((other) => other.cost === chosen.cost);
  return equals.length > 1
    ? "as cheap as any that meets the deadline"
    : "the cheapest that meets the deadline";
}
