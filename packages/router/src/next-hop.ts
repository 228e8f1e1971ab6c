/*
 *  envelope (destination, relay list, where it came from) + neighbours ──► the next hop, or why there is none
 *
 * One hop at a time: a node decides only where it goes next (requirement E5). Pure.
 */

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
  /** Money per byte in the link's own unit; 0 is free. */
  readonly costPerByte: number;
  /** null: so fast that it does not matter. */
  readonly bitsPerSecond: number | null;
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
  readonly peers: readonly PeerView[];
  readonly links: readonly LinkView[];
  readonly routes: readonly RouteView[];
}

export type Plan =
  | {
      readonly plan: "hop";
      readonly neighbour: string;
      readonly link: string;
      readonly relayIndex: number;
      readonly why: string;
    }
  | { readonly plan: "never"; readonly why: "no-route" | "policy" };

/** Chooses the next hop. `never`/`policy`: only links that may not carry sealed content lead there. */
export function planNextHop(input: PlanInput): Plan {
  const relayIndex = passedSelf(input);
  const listed = input.relays[relayIndex] ?? input.destination;
  const targets: { readonly neighbour: string; readonly why: string }[] = [
    { neighbour: listed, why: relayIndex < input.relays.length ? "relay list" : "destination" },
  ];
  if (input.relays.length > relayIndex && input.listStalled)
    targets.push({ neighbour: input.destination, why: "relay list stalled" });
  if (relayIndex >= input.relays.length || input.listStalled) {
    for (const route of input.routes) {
      if (route.destination === input.destination || route.destination === "*")
        targets.push({ neighbour: route.via, why: "route" });
    }
  }
  let policy = false;
  let best: (Plan & { plan: "hop" }) | null = null;
  for (const target of targets) {
    if (target.neighbour === input.self || target.neighbour === input.from) continue;
    const peer = input.peers.find((p) => p.address === target.neighbour);
    if (!peer) continue;
    const link = chooseLink(input, peer);
    if (link === "policy") policy = true;
    else if (link) {
      const hop = {
        plan: "hop" as const,
        neighbour: target.neighbour,
        link: link.name,
        relayIndex,
        why: `${target.why}, ${link.why}`,
      };
      if (!input.listStalled) return hop;
      if (link.open) return hop;
      best ??= hop;
    }
  }
  return best ?? { plan: "never", why: policy ? "policy" : "no-route" };
}

/** Where we stand in the relay list: past our own entry. */
function passedSelf(input: PlanInput): number {
  let index = input.relayIndex;
  while (index < input.relays.length && input.relays[index] === input.self) index++;
  return index;
}

function chooseLink(
  input: PlanInput,
  peer: PeerView,
): { name: string; open: boolean; why: string } | "policy" | null {
  const configured = input.links.filter((l) => peer.links.includes(l.name));
  if (configured.length === 0) return null;
  const allowed = configured.filter((l) => !(input.sealed && l.clearSignedOnly));
  if (allowed.length === 0) return "policy";
  const open = allowed.filter((l) => l.established.has(peer.address));
  // A slow link begins to talk only when something waits for it: one that is up comes before one that is down.
  const likely = allowed.filter((l) => l.reachable?.has(peer.address));
  const candidates = open.length > 0 ? open : likely.length > 0 ? likely : allowed;
  const best = candidates.reduce((a, b) => (compareLinks(a, b) <= 0 ? a : b));
  return {
    name: best.name,
    open: open.length > 0,
    why: open.length > 0 ? "open now" : "waits for this link",
  };
}

/** Cheaper first, then faster; ties keep the configured order. */
function compareLinks(a: LinkView, b: LinkView): number {
  if (a.costPerByte !== b.costPerByte) return a.costPerByte - b.costPerByte;
  return (b.bitsPerSecond ?? Number.MAX_SAFE_INTEGER) - (a.bitsPerSecond ?? Number.MAX_SAFE_INTEGER);
}
