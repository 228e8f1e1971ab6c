import { addressOf, formatAddress, type PublicKeys, publicKeysOf, toHex } from "@estafette/protocol";
import type { LocalAccount, PeerSettings, RelaySettings, RouteSettings } from "./api.js";

/** A configured peer with what follows from its root key. */
export interface Peer extends PeerSettings {
  readonly keys: PublicKeys;
  readonly address: Uint8Array;
  readonly addressHex: string;
}

/** Who serves a recipient. */
export type Served =
  | { readonly by: "here"; readonly account: LocalAccount }
  | { readonly by: "peer"; readonly peer: Peer }
  | { readonly by: "exit"; readonly peer: Peer }
  | { readonly by: "nobody"; readonly why: "unknown-user" | "no-route"; readonly text: string };

/** Names, addresses and keys of everybody configured: the answer to "who is that, and where". */
export class Directory {
  readonly selfHex: string;
  /** Grows when the peers change, so that whoever remembers one looks again. */
  version = 0;
  #peers: readonly Peer[] = [];
  #byHex = new Map<string, Peer>();
  readonly #settings: RelaySettings;

  constructor(
    readonly selfAddress: Uint8Array,
    settings: RelaySettings,
  ) {
    this.selfHex = toHex(selfAddress);
    this.#settings = settings;
    this.setPeers(settings.peers);
  }

  /** @throws ProtocolError EST_PROTOCOL_KEY for a root key the gate refuses. */
  setPeers(peers: readonly PeerSettings[]): void {
    this.#peers = peers.map((p) => {
      const address = addressOf(p.root);
      return { ...p, keys: publicKeysOf(p.root), address, addressHex: toHex(address) };
    });
    this.#byHex = new Map(this.#peers.map((p) => [p.addressHex, p]));
    this.version += 1;
  }

  get peers(): readonly Peer[] {
    return this.#peers;
  }

  peer(address: Uint8Array): Peer | null {
    return this.#byHex.get(toHex(address)) ?? null;
  }

  peerNamed(name: string): Peer | null {
    return this.#peers.find((p) => p.name === name) ?? null;
  }

  /** The configured name of a node, its own name for this one, else its address. */
  nameOf(address: Uint8Array): string {
    if (toHex(address) === this.selfHex) return this.#settings.name;
    return this.peer(address)?.name ?? formatAddress(address);
  }

  /** The local account whose mailbox an address is; exact addresses before `*@domain`. */
  accountOf(address: string): LocalAccount | null {
    const wanted = address.toLowerCase();
    const wildcard = `*@${domainOf(wanted)}`;
    const exact = this.#settings.accounts.find((a) => a.addresses.includes(wanted));
    return exact ?? this.#settings.accounts.find((a) => a.addresses.includes(wildcard)) ?? null;
  }

  isLocalDomain(domain: string): boolean {
    return this.#settings.domains.includes(domain);
  }

  serves(recipient: string): Served {
    const domain = domainOf(recipient);
    if (this.isLocalDomain(domain)) {
      const account = this.accountOf(recipient);
      return account
        ? { by: "here", account }
        : { by: "nobody", why: "unknown-user", text: `no mailbox ${recipient} here` };
    }
    const peer = this.#peerForDomain(domain);
    if (peer) return { by: "peer", peer };
    const exit = this.#settings.exit === null ? null : this.peerNamed(this.#settings.exit);
    if (exit) return { by: "exit", peer: exit };
    return {
      by: "nobody",
      why: "no-route",
      text: `no peer serves ${domain} and no exit gateway is configured`,
    };
  }

  /** The peer with the longest domain that `domain` equals or lies below. */
  #peerForDomain(domain: string): Peer | null {
    let best: { peer: Peer; length: number } | null = null;
    for (const peer of this.#peers) {
      for (const served of peer.domains) {
        const matches = domain === served || domain.endsWith(`.${served}`);
        if (matches && served.length > (best?.length ?? 0)) best = { peer, length: served.length };
      }
    }
    return best?.peer ?? null;
  }

  /** The relay list configured for a destination, as addresses; empty: none. Names that are unknown are left out. */
  relayListFor(destination: Peer): readonly Uint8Array[] {
    const route = this.#settings.routes.find((r) => routeMatches(r, destination));
    const list = (route?.via ?? [])
      .map((name) => this.peerNamed(name)?.address)
      .filter((a) => a !== undefined);
    return list.filter((a) => toHex(a) !== destination.addressHex);
  }

  /** Next hops for what other nodes sent without a relay list, as hex. */
  transitRoutes(): readonly { destination: string; via: string }[] {
    const routes: { destination: string; via: string }[] = [];
    for (const route of this.#settings.routes) {
      const via = this.peerNamed(route.via[0] ?? "")?.addressHex;
      if (!via) continue;
      if (route.match === "*") routes.push({ destination: "*", via });
      else
        for (const peer of this.#peers)
          if (routeMatches(route, peer)) routes.push({ destination: peer.addressHex, via });
    }
    return routes;
  }

  /** May this origin put mail on the internet through us, written by `from`? */
  exitAllows(origin: Uint8Array, from: string): boolean {
    const peer = this.peer(origin);
    const wanted = from.toLowerCase();
    return (
      peer?.exitFrom.some((rule) => (rule.startsWith("@") ? wanted.endsWith(rule) : wanted === rule)) ?? false
    );
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}

function routeMatches(route: RouteSettings, peer: Peer): boolean {
  if (route.match === "*" || route.match === peer.name || route.match === formatAddress(peer.address))
    return true;
  return route.match.startsWith(".") && peer.domains.some((d) => `.${d}`.endsWith(route.match));
}
