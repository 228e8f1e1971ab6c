import { toHex } from "@estafette/protocol";
import type { LinkView, PlanInput } from "@estafette/router";
import { CLASS_RANK } from "@estafette/spool";
import { isFat, parcelShapeOf } from "./channel.js";
import type { Core, PlanRequest } from "./core.js";
import type { Link } from "./link.js";

/** The router's view of the links as they are now, and of what is to be planned. */
export function planInputFor(core: Core, links: ReadonlyMap<string, Link>, request: PlanRequest): PlanInput {
  const views = [...links.values()].map((link) => viewOf(core, link));
  // Who is met on a link is a neighbour there, whatever the configuration says.
  const peers = core.directory.peers.map(({ addressHex, links: configured }) => ({
    address: addressHex,
    links: [...configured, ...views.filter((l) => l.established.has(addressHex)).map((l) => l.name)],
  }));
  const { bytes, ageMs, lifetimeMs, joined, meetingBytes } = request;
  const { deadlinesMs } = core.settings;
  return {
    self: core.directory.selfHex,
    destination: toHex(request.destination),
    relays: request.relays.map(toHex),
    relayIndex: request.relayIndex,
    sealed: request.sealed,
    from: request.from && toHex(request.from),
    listStalled: request.listStalled,
    rank: CLASS_RANK[request.class ?? "normal"],
    nowMs: core.spool.nowMs(),
    ...(bytes === undefined ? {} : { bytes }),
    ...(ageMs === undefined ? {} : { ageMs }),
    ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    ...(joined === undefined ? {} : { joined }),
    ...(meetingBytes === undefined ? {} : { meetingBytes }),
    ...(deadlinesMs === undefined ? {} : { deadlinesMs }),
    peers,
    links: views,
    routes: core.directory.transitRoutes(),
  };
}

function viewOf(core: Core, link: Link): LinkView {
  const { name } = link.settings;
  const c = link.bearer.capabilities;
  const { prices, opensInMs } = link.pacing;
  return {
    name,
    established: link.establishedPeers(),
    reachable: link.reachablePeers(),
    clearSignedOnly: c.content === "clear-signed",
    costPerByte: prices.perByte,
    costPerContact: prices.perContact,
    ...(opensInMs > 0 ? { opensInMs } : {}),
    bitsPerSecond: c.bitsPerSecond,
    parcels: parcelShapeOf(link.bearer),
    goodput: core.goodputs.of(name),
    // Where bytes hardly matter nothing waits long, and looking would cost more than it tells.
    ...(isFat(link.bearer) ? {} : { backlogBytes: core.backlogs.known(name) }),
    answerMs: c.turnaroundMs + c.answerMs,
    airtimeMsPerHourMax: c.airtimeMsPerHourMax,
  };
}
