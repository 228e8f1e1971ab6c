import type { ConfigError } from "@estafette/contract";
import type { Path, SourceDocument } from "./document.js";
import { isName } from "./fields.js";
import { CONFIG_LIMITS as LIMITS } from "./limits.js";
import type { RawConfig } from "./schema.js";
import { nearest } from "./suggest.js";
import { quote } from "./units.js";

/** What no single key shows: names that must exist, things said twice, parts that need each other. */
export function checkReferences(raw: RawConfig, document: SourceDocument): ConfigError[] {
  const errors: ConfigError[] = [];
  const bad = (path: Path, problem: string, fix: string): void => {
    errors.push(document.error("EST_CONFIG_VALUE", path, problem, fix));
  };
  checkNames(raw, bad);
  checkPeers(raw, bad);
  checkLinks(raw, bad);
  checkRoutes(raw, bad);
  checkUsers(raw, bad);
  checkMail(raw, bad);
  checkDeadlines(raw, bad);
  return errors;
}

type Bad = (path: Path, problem: string, fix: string) => void;

/** A class that may take longer than a lesser one would be the lesser one. */
function checkDeadlines({ deadlines }: RawConfig, bad: Bad): void {
  const classes = ["flash", "priority", "normal", "bulk"] as const;
  for (const [i, name] of classes.entries()) {
    const before = classes[i - 1];
    if (before === undefined || deadlines[name] >= deadlines[before]) continue;
    bad(
      ["deadlines", name],
      `shorter than that of ${before}`,
      `the more urgent class comes first: raise ${name}`,
    );
  }
}

function mustExist(bad: Bad, path: Path, kind: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  const fix =
    near !== null
      ? `did you mean "${near}"?`
      : known.length > 0
        ? `there are: ${known.slice(0, 8).join(", ")}`
        : `there is no ${kind} in this file yet`;
  bad(path, `there is no ${kind} ${quote(name)}`, fix);
}

function checkNames(raw: RawConfig, bad: Bad): void {
  const tables = { peers: LIMITS.peersMax, links: LIMITS.linksMax, users: LIMITS.usersMax } as const;
  for (const [table, max] of Object.entries(tables) as [keyof typeof tables, number][]) {
    const names = Object.keys(raw[table]);
    if (names.length > max) bad([table], `more than ${max} entries`, "use several gateways");
    for (const name of names) {
      if (isName(name) || (table === "users" && /^[a-z0-9][a-z0-9._-]{0,62}$/.test(name))) continue;
      bad([table, name], `${quote(name)} is not a name`, "use 1 to 32 of a-z, 0-9 and inner hyphens");
    }
  }
}

function checkPeers(raw: RawConfig, bad: Bad): void {
  const links = Object.keys(raw.links);
  const domainsSeen = new Map<string, string>(ownDomains(raw).map((domain) => [domain, "this gateway"]));
  const keysSeen = new Map<string, string>();
  for (const [name, peer] of Object.entries(raw.peers)) {
    const path = ["peers", name];
    if (name === raw.node.name)
      bad(path, "a peer has the name of this gateway", "choose another name for it");
    for (const [i, link] of (peer.links ?? []).entries())
      mustExist(bad, [...path, "links", i], "link", link, links);
    for (const [i, domain] of peer.domains.entries()) {
      const other = domainsSeen.get(domain);
      if (other !== undefined)
        bad([...path, "domains", i], `${domain} already belongs to ${other}`, "name it once");
      domainsSeen.set(domain, `peer ${name}`);
    }
    if (peer.key === undefined) continue;
    const key = peer.key.join(",");
    const other = keysSeen.get(key);
    if (other !== undefined)
      bad([...path, "key"], `this is the key of peer ${other}`, "each gateway has its own");
    keysSeen.set(key, name);
  }
  if (raw.exit !== undefined) mustExist(bad, ["exit"], "peer", raw.exit, Object.keys(raw.peers));
}

function checkLinks(raw: RawConfig, bad: Bad): void {
  const peers = Object.keys(raw.peers);
  for (const [name, link] of Object.entries(raw.links)) {
    const path = ["links", name];
    if (link.peer !== undefined && link.peers !== undefined) {
      bad([...path, "peers"], "both peer and peers are given", "keep one of them");
    }
    if (link.peer !== undefined) mustExist(bad, [...path, "peer"], "peer", link.peer, peers);
    for (const [i, peer] of (link.peers ?? []).entries())
      mustExist(bad, [...path, "peers", i], "peer", peer, peers);
    for (const [key, peer] of Object.entries(link.neighbours ?? {})) {
      mustExist(bad, [...path, "neighbours", key], "peer", peer, peers);
    }
    checkService(name, link, bad);
  }
}

/** The rules of the amateur service, refused rather than bent. */
function checkService(name: string, link: RawConfig["links"][string], bad: Bad): void {
  const path = ["links", name];
  if (link.service !== "amateur") {
    if (link.automatic)
      bad([...path, "automatic"], "only amateur links need to be told", "remove it, or add service: amateur");
    return;
  }
  if (link.content === "encrypted") {
    const fix = "remove it: what is sealed waits, or goes another way";
    bad([...path, "content"], "nothing obscured may be sent on amateur bands", fix);
  }
  if (link.station_id === undefined)
    bad([...path, "station_id"], "an amateur station must identify itself", "add station_id: your call sign");
  if (!link.automatic && link.windows.length === 0) {
    const fix = "add windows: when an operator is there, or automatic: true where your licence allows it";
    bad([...path, "automatic"], "without an operator this link may not transmit", fix);
  }
}

function checkRoutes(raw: RawConfig, bad: Bad): void {
  const peers = Object.keys(raw.peers);
  for (const [i, route] of raw.routing.entries()) {
    const { match } = route;
    const special =
      match === "*" || /^\.[a-z0-9][a-z0-9.-]{0,252}$/i.test(match) || /^est1[a-z0-9]{20,60}$/i.test(match);
    if (!special) mustExist(bad, ["routing", i, "match"], "peer", match, peers);
    for (const [j, via] of route.via.entries()) mustExist(bad, ["routing", i, "via", j], "peer", via, peers);
  }
}

function checkUsers(raw: RawConfig, bad: Bad): void {
  const domains = ownDomains(raw);
  const seen = new Map<string, string>();
  for (const [name, user] of Object.entries(raw.users)) {
    if (user.addresses === undefined && domains.length === 0) {
      bad(["users", name], "this user has no address", "add addresses, or mail_domain to the node");
    }
    for (const [i, address] of (user.addresses ?? []).entries()) {
      const path = ["users", name, "addresses", i];
      const other = seen.get(address);
      if (other !== undefined)
        bad(path, `${address} already belongs to ${other}`, "each address has one owner");
      seen.set(address, name);
      const domain = address.slice(address.lastIndexOf("@") + 1);
      if (!domains.includes(domain)) {
        const fix = domains.length > 0 ? `our domains: ${domains.join(", ")}` : "add mail_domain to the node";
        bad(path, `${domain} is not a mail domain of this gateway`, fix);
      }
    }
  }
}

function checkMail(raw: RawConfig, bad: Bad): void {
  const { mail } = raw;
  if (mail.smarthost !== undefined) {
    const { user, password } = mail.smarthost;
    if ((user === undefined) !== (password === undefined)) {
      const has = user === undefined ? "password" : "user";
      bad(["mail", "smarthost", has], "user and password belong together", "give both or neither");
    }
  }
  const exitFor = Object.entries(raw.peers).find(([, peer]) => peer.exit_from.length > 0);
  if (exitFor !== undefined && mail.smarthost === undefined) {
    bad(
      ["peers", exitFor[0], "exit_from"],
      "we are to put mail on the internet, but there is no mail server for it",
      "add mail.smarthost, or remove exit_from",
    );
  }
}

/** Domains of this gateway, from either spelling. */
export function ownDomains(raw: RawConfig): string[] {
  const { mail_domain: one, mail_domains: several = [] } = raw.node;
  return [...new Set([...(one === undefined ? [] : [one]), ...several])];
}
