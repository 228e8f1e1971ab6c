import { formatKey } from "@estafette/config";
import type { Clock } from "@estafette/contract";
import { formatAddress, publicIdOf, toHex } from "@estafette/protocol";
import type { BudgetStatus, PeerSettings, QueueView, RelayStatus, TraceEntry } from "@estafette/relay";
import type { DeliveryRecord, EnvelopeRecord, Leg, MessageRecord, Spool } from "@estafette/spool";

/** Spool time as people know it: RFC 3339, or null while the wall clock cannot be believed. */
export type ToTime = (spoolMs: number) => string | null;

/** Spool time runs on from start to start; the wall clock gives it a date, if it may be believed. */
export function timeOf(clock: Clock, spool: Pick<Spool, "nowMs">): ToTime {
  return (spoolMs) => {
    if (clock.trust() === "untrusted") return null;
    const unixMs = clock.unixMs() - (spool.nowMs() - spoolMs);
    return Number.isFinite(unixMs) ? new Date(unixMs).toISOString() : null;
  };
}

export function renderStatus(status: RelayStatus): unknown {
  const { spool } = status;
  const [flash, priority, normal, bulk] = spool.waitingCount;
  return {
    name: status.name,
    address: status.address,
    domains: status.domains,
    clock: status.clockTrust,
    queue: {
      waiting: { flash, priority, normal, bulk },
      waiting_bytes: spool.waitingBytes,
      partial_bytes: spool.partialBytes,
      deliveries: spool.deliveriesPending,
      fill: Math.round(spool.fill * 1_000) / 1_000,
      ended: spool.ended,
    },
    links: status.links.map((link) => ({
      name: link.name,
      state: link.state,
      detail: link.detail,
      bytes_sent: link.bytesSent,
      bytes_heard: link.bytesHeard,
      parcels_sent: link.parcelsSent,
      parcels_heard: link.parcelsHeard,
      parcels_refused: link.parcelsRefused,
      segments_repeated: link.segmentsRepeated,
      budget: renderBudget(link.budget),
      neighbours: link.neighbours.map((n) => ({
        neighbour: n.neighbour,
        peer: n.peer,
        state: n.state,
        outgoing: n.outgoingCount,
        incoming: n.incomingCount,
      })),
    })),
  };
}

function renderBudget(budget: BudgetStatus): unknown {
  return {
    drain_bytes_per_s: budget.drainBytesPerS,
    urgent_share: budget.urgentShare,
    window: budget.window,
    limits: budget.limits.map(({ resource, windowMs, max, used }) => ({
      resource,
      hours: windowMs / 3_600_000,
      max,
      used: Math.round(used * 1_000) / 1_000,
      left: Math.max(0, Math.round((max - used) * 1_000) / 1_000),
    })),
    pause: budget.pause && { why: budget.pause.why, wait_s: Math.ceil(budget.pause.waitMs / 1_000) },
  };
}

export function renderQueue(view: QueueView, toTime: ToTime): unknown {
  return {
    messages: view.messages.map((m) => ({
      ...renderMessage(m, toTime),
      way: view.ways.get(keyOf(m)) ?? null,
    })),
    envelopes: view.envelopes.map((e) => ({
      ...renderEnvelope(e, toTime),
      way: view.ways.get(toHex(e.id)) ?? null,
    })),
    deliveries: view.deliveries.map((d) => renderDelivery(d, toTime)),
  };
}

export function renderTrace(id: string, entries: readonly TraceEntry[], toTime: ToTime): unknown {
  return {
    id,
    entries: entries.map((entry) => ({
      what: entry.what,
      text: entry.text,
      ...(entry.path === undefined ? {} : { path: entry.path }),
      ...(entry.message ? { message: renderMessage(entry.message, toTime) } : {}),
      ...(entry.envelope ? { envelope: renderEnvelope(entry.envelope, toTime) } : {}),
      ...(entry.delivery ? { delivery: renderDelivery(entry.delivery, toTime) } : {}),
      ...(entry.leg ? { leg: renderLeg(entry.leg, toTime) } : {}),
    })),
  };
}

/** One line per mail that is still here: waiting to leave, or waiting for its mailbox. */
export function renderMailList(view: QueueView, toTime: ToTime): unknown {
  const outgoing = view.messages.map((m) => ({
    id: m.submissionId,
    direction: "out",
    from: m.from,
    to: m.to,
    class: m.class,
    bytes: m.bodyBytes,
    state: m.end ?? (m.envelopeId === null ? "queued" : "on its way"),
    at: toTime(m.acceptedAtMs),
    detail: m.detail,
  }));
  const incoming = view.deliveries.map((d) => ({
    id: deliveryIdOf(d),
    direction: "in",
    from: d.from,
    to: d.pending,
    state: d.end ?? "waiting for its mailbox",
    at: toTime(d.arrivedAtMs),
    detail: d.detail,
  }));
  return { mail: [...outgoing, ...incoming] };
}

export function renderPeers(peers: readonly PeerSettings[], awaited: readonly string[]): unknown {
  const known = peers.map((peer) => ({
    name: peer.name,
    key: formatKey(peer.root),
    domains: peer.domains,
    links: peer.links,
    exit_from: peer.exitFrom,
    transit: peer.transit,
    state: "known",
  }));
  return { peers: [...known, ...awaited.map((name) => ({ name, state: "awaiting its invitation" }))] };
}

/** As the relay names a message. */
function keyOf({ key }: MessageRecord): string {
  return `${toHex(key.origin)}/${key.epoch}/${key.sequence}`;
}

function renderMessage(m: MessageRecord, toTime: ToTime): object {
  return {
    id: m.submissionId,
    account: m.account,
    from: m.from,
    to: m.to,
    destination: formatAddress(m.destination),
    mode: m.mode,
    class: m.class,
    kind: m.bodyKind,
    bytes: m.bodyBytes,
    accepted_at: toTime(m.acceptedAtMs),
    deadline: toTime(m.deadlineMs),
    envelope: m.envelopeId === null ? null : toHex(m.envelopeId),
    end: m.end,
    ended_at: m.endedAtMs === null ? null : toTime(m.endedAtMs),
    detail: m.detail,
  };
}

function renderEnvelope(e: EnvelopeRecord, toTime: ToTime): object {
  return {
    id: toHex(e.id),
    destination: formatAddress(e.destination),
    from: e.from === null ? null : formatAddress(e.from),
    class: e.class,
    bytes: e.payloadBytes,
    kept_at: toTime(e.keptAtMs),
    deadline: toTime(e.deadlineMs),
  };
}

function renderDelivery(d: DeliveryRecord, toTime: ToTime): unknown {
  return {
    id: deliveryIdOf(d),
    kind: d.kind,
    from: d.from,
    to: d.to,
    pending: d.pending,
    envelope: d.envelopeId === null ? null : toHex(d.envelopeId),
    arrived_at: toTime(d.arrivedAtMs),
    deadline: toTime(d.deadlineMs),
    attempts: d.attempts,
    uncertain: d.uncertain,
    end: d.end,
    detail: d.detail,
  };
}

/** The id its sender was told: the same at both ends. */
function deliveryIdOf({ key }: DeliveryRecord): string {
  return publicIdOf(key.origin, key.epoch, key.sequence);
}

function renderLeg(leg: Leg, toTime: ToTime): unknown {
  return {
    id: leg.legId,
    link: leg.hop.link,
    neighbour: formatAddress(leg.hop.neighbour),
    class: leg.class,
    attempts: leg.attempts,
    deadline: toTime(leg.deadlineMs),
  };
}
