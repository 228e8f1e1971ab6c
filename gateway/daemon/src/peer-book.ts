import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Config, formatKey, type PeerConfig, parseKey } from "@estafette/config";
import { ConfigError } from "@estafette/contract";
import type { PeerSettings } from "@estafette/relay";
import { writeFileDurably } from "@estafette/runtime";
import type { Invitation } from "./invitation.js";
import { DAEMON_LIMITS as LIMITS } from "./limits.js";
import { reason } from "./state.js";

/** A peer that `peer accept` introduced. */
export interface AcceptedPeer {
  readonly name: string;
  readonly root: Uint8Array;
  readonly domains: readonly string[];
  readonly links: readonly string[];
  /** Its mail may go to the internet through us, written by anybody of its domains. */
  readonly exit: boolean;
}

export interface Acceptance {
  readonly invitation: Invitation;
  /** Our name for it; null: its own. */
  readonly name: string | null;
  /** Links on which it is a direct neighbour; null: those that admit anybody. */
  readonly links: readonly string[] | null;
  readonly exit: boolean;
}

/**
 * The peers of this gateway: those of the configuration, completed by those accepted by invitation, which are kept
 * in `peers.json` of the state directory. Where both speak of one name, the configuration is right and the
 * invitation fills what it leaves open: the key and the domains.
 */
export class PeerBook {
  readonly #path: string;
  #accepted: readonly AcceptedPeer[];

  private constructor(
    readonly config: Config,
    path: string,
    accepted: readonly AcceptedPeer[],
  ) {
    this.#path = path;
    this.#accepted = accepted;
  }

  /** @throws ConfigError EST_CONFIG_VALUE when the file is damaged: losing peers silently would strand mail. */
  static async open(config: Config, directory: string): Promise<PeerBook> {
    const path = join(directory, "peers.json");
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new PeerBook(config, path, []);
      throw broken(path, reason(error));
    }
    return new PeerBook(config, path, parseBook(text, path));
  }

  /** Everybody whose key is known. */
  peers(): readonly PeerSettings[] {
    const configured = this.config.peers.flatMap((peer) => complete(peer, this.#named(peer.name)));
    const names = new Set(this.config.peers.map((peer) => peer.name));
    const added = this.#accepted
      .filter((peer) => !names.has(peer.name))
      .map(({ exit, ...peer }) => ({
        ...peer,
        exitFrom: exit ? peer.domains.map((d) => `@${d}`) : [],
        transit: true,
      }));
    return [...configured, ...added];
  }

  /** Configured peers whose invitation has not come yet. */
  awaited(): readonly string[] {
    return this.config.peers.filter((p) => p.root === null && !this.#named(p.name)).map((p) => p.name);
  }

  /**
   * Keeps an accepted peer durably; accepting the same again changes nothing but its domains and links.
   * @throws ConfigError EST_CONFIG_VALUE when it contradicts who is known already.
   */
  async accept(acceptance: Acceptance, ownRoot: Uint8Array): Promise<AcceptedPeer> {
    const { invitation, exit } = acceptance;
    const name = acceptance.name ?? this.#nameOf(invitation);
    const links =
      acceptance.links ?? this.config.links.filter((l) => l.peers.length === 0).map((l) => l.name);
    this.#refuse(name, links, invitation, ownRoot);
    const peer = { name, root: invitation.root, domains: invitation.domains, links, exit };
    const accepted = [...this.#accepted.filter((p) => p.name !== name && !same(p.root, peer.root)), peer];
    if (accepted.length > LIMITS.acceptedPeersMax)
      throw refused("too many peers", "remove some from peers.json");
    await writeFileDurably(this.#path, formatBook(accepted), 0o600);
    this.#accepted = accepted;
    return peer;
  }

  /** A gateway that is known under another name keeps that name. */
  #nameOf(invitation: Invitation): string {
    return this.peers().find((p) => same(p.root, invitation.root))?.name ?? invitation.name;
  }

  #refuse(name: string, links: readonly string[], invitation: Invitation, ownRoot: Uint8Array): void {
    if (same(invitation.root, ownRoot)) {
      throw refused("this is the invitation of this very gateway", "paste it at the other one");
    }
    if (name === this.config.node.name)
      throw refused("it has the name of this gateway", "give it another with --name");
    const known = this.peers().find((p) => p.name === name);
    if (known && !same(known.root, invitation.root)) {
      throw refused(
        `"${name}" is known with another key`,
        "choose another --name, or remove the old one first",
      );
    }
    const other = this.peers().find(
      (p) => p.name !== name && p.domains.some((d) => invitation.domains.includes(d)),
    );
    if (other)
      throw refused(`a domain of "${name}" already belongs to "${other.name}"`, "ask which of them is right");
    if (invitation.domains.some((d) => this.config.node.domains.includes(d))) {
      throw refused("it claims a mail domain of this gateway", "give each gateway a domain of its own");
    }
    const missing = links.find((link) => !this.config.links.some((l) => l.name === link));
    if (missing !== undefined)
      throw refused(`there is no link "${missing}"`, "add it to the configuration first");
  }

  #named(name: string): AcceptedPeer | undefined {
    return this.#accepted.find((peer) => peer.name === name);
  }
}

function complete(peer: PeerConfig, accepted: AcceptedPeer | undefined): PeerSettings[] {
  const root = peer.root ?? accepted?.root;
  if (root === undefined) return [];
  const domains =
    peer.domains.length > 0 ? peer.domains : accepted && same(accepted.root, root) ? accepted.domains : [];
  const links = [...new Set([...peer.links, ...(accepted?.links ?? [])])];
  const exitFrom = peer.exitFrom.length > 0 || !accepted?.exit ? peer.exitFrom : domains.map((d) => `@${d}`);
  return [{ name: peer.name, root, domains, links, exitFrom, transit: peer.transit }];
}

function formatBook(peers: readonly AcceptedPeer[]): string {
  const entries = peers.map(({ root, ...peer }) => ({ ...peer, key: formatKey(root) }));
  return `${JSON.stringify({ version: 1, peers: entries }, null, 2)}\n`;
}

function parseBook(text: string, path: string): readonly AcceptedPeer[] {
  if (text.length > LIMITS.peersFileBytesMax) throw broken(path, "too large");
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw broken(path, reason(error));
  }
  const list = (raw as { peers?: unknown } | null)?.peers;
  if (!Array.isArray(list) || list.length > LIMITS.acceptedPeersMax) throw broken(path, "no list of peers");
  return list.map((entry: unknown) => parseEntry(entry, path));
}

function parseEntry(entry: unknown, path: string): AcceptedPeer {
  const { name, key, domains, links, exit } = (entry ?? {}) as Record<string, unknown>;
  const root = typeof key === "string" ? parseKey(key) : null;
  const texts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((v) => typeof v === "string");
  if (
    typeof name !== "string" ||
    root === null ||
    !texts(domains) ||
    !texts(links) ||
    typeof exit !== "boolean"
  ) {
    throw broken(path, "an entry is incomplete");
  }
  return { name, root, domains, links, exit };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function refused(problem: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", problem, { fix });
}

function broken(path: string, why: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `the list of accepted peers is damaged: ${why}`, {
    file: path,
    fix: "restore it from a backup, or move it away and accept the peers again",
  });
}
