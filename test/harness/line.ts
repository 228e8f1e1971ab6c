import type { MemoryProfile } from "@estafette/bearer-memory";
import type { PeerSettings, RelaySettings } from "@estafette/relay";
import { identityOf } from "./node.js";
import type { VirtualWorld } from "./world.js";

export const root = (name: string): Uint8Array => identityOf(name).keys.root;

/** Settings of a peer; mailboxes of `shore` are at `shore.example`, those of a relay nowhere. */
export function peer(name: string, links: string[]): PeerSettings {
  const domains = name.startsWith("relay") ? [] : [`${name}.example`];
  return { name, root: root(name), domains, links, exitFrom: [], transit: true };
}

interface LineOptions {
  readonly west?: MemoryProfile;
  readonly east?: MemoryProfile;
  readonly aurora?: Partial<RelaySettings>;
  readonly relayQuotaBytes?: number;
}

/** aurora ── relay ── shore; the relay is named in a relay list. */
export async function line(world: VirtualWorld, more: LineOptions = {}) {
  const [west, east] = [world.medium(more.west), world.medium(more.east)];
  const aurora = await world.node({
    name: "aurora",
    domain: "aurora.example",
    peers: [
      { name: "shore", root: root("shore"), domains: ["shore.example"] },
      { name: "relay", root: root("relay"), links: ["west"] },
    ],
    links: [{ bearer: () => west.bearer("a"), settings: { name: "west", peers: ["relay"] } }],
    settings: { routes: [{ match: "shore", via: ["relay"] }], ...more.aurora },
  });
  const relay = await world.node({
    name: "relay",
    peers: [
      { name: "aurora", root: root("aurora"), links: ["west"] },
      { name: "shore", root: root("shore"), links: ["east"] },
    ],
    links: [
      { bearer: () => west.bearer("r"), settings: { name: "west", peers: ["aurora"] } },
      { bearer: () => east.bearer("r"), settings: { name: "east", peers: ["shore"] } },
    ],
    ...(more.relayQuotaBytes === undefined ? {} : { quotaBytes: more.relayQuotaBytes }),
  });
  const shore = await world.node({
    name: "shore",
    domain: "shore.example",
    peers: [
      { name: "aurora", root: root("aurora"), domains: ["aurora.example"] },
      { name: "relay", root: root("relay"), links: ["east"], transit: true },
    ],
    links: [{ bearer: () => east.bearer("s"), settings: { name: "east", peers: ["relay"] } }],
    settings: { routes: [{ match: "aurora", via: ["relay"] }] },
  });
  return { aurora, relay, shore, west, east };
}
