import type { Config, LinkConfig } from "@estafette/config";
import type { Account, ConfigError } from "@estafette/contract";
import type { LinkSettings, PeerSettings, RelaySettings } from "@estafette/relay";
import { besideConfig } from "./state.js";

/** What the core is told of the configuration. */
export function relaySettings(config: Config, peers: readonly PeerSettings[]): RelaySettings {
  return {
    name: config.node.name,
    domains: config.node.domains,
    accounts: config.users.map((user) => ({
      ...accountOf(user),
      logsIn: config.mail.submission !== null && user.password !== null,
    })),
    peers,
    exit: config.exit,
    routes: config.routes,
    lifetimeS: config.lifetimeS,
    hopMax: config.hopMax,
    flashCopies: config.flashCopies,
    deadlinesMs: config.deadlinesMs,
    messageBytesMax: config.mail.messageBytesMax,
    receipts: config.receipts,
    retryS: config.retryS,
  };
}

export function linkSettings(link: LinkConfig): LinkSettings {
  const { name, peers, chain, neighbours, policy } = link;
  const { content, attended } = policy;
  const budget = { ...link.budget, attended };
  // Names that are configured are all there are; none configured means that they are learnt.
  return {
    name,
    peers,
    chain,
    content,
    budget,
    ...(Object.keys(neighbours).length > 0 ? { neighbours } : {}),
  };
}

export function accountOf(user: Config["users"][number]): Account {
  return { name: user.name, addresses: user.addresses };
}

/** Raw options of the SMTP bridge, or null when no part of it is configured. */
export function smtpOptions(config: Config): Record<string, unknown> | null {
  const { mail } = config;
  const parts = [mail.submission, mail.lmtpIn, mail.smtpIn, mail.mailbox, mail.smarthost];
  if (parts.every((part) => part === null)) return null;
  const path = (name: string): string => besideConfig(config.file, name);
  const options: Record<string, unknown> = {
    domains: config.node.domains.length > 0 ? config.node.domains : [config.node.name],
    sizeBytesMax: mail.messageBytesMax,
  };
  if (mail.submission) {
    const { listen, tls } = mail.submission;
    options.submission = {
      listen,
      tls: tls === null ? "none" : { key: path(tls.key), cert: path(tls.cert) },
      ...(tls === null ? { allowInsecureAuth: true } : {}),
    };
  }
  if (mail.lmtpIn !== null) options.lmtp = { listen: mail.lmtpIn };
  if (mail.smtpIn !== null) options.smtp = { listen: mail.smtpIn };
  if (mail.mailbox) {
    options.mailbox = "lmtp" in mail.mailbox ? mail.mailbox : { maildir: path(mail.mailbox.maildir) };
  }
  if (mail.smarthost) {
    const { host, port, tls, login } = mail.smarthost;
    options.internet = {
      smtp: `${host.includes(":") ? `[${host}]` : host}:${port}`,
      tls,
      ...(login ? { auth: login } : {}),
    };
  }
  return options;
}

/** Where each part of the bridge's options stands in the configuration. */
const SMTP_PLACES: Readonly<Record<string, string>> = {
  submission: "submission",
  lmtp: "lmtp_in",
  smtp: "smtp_in",
  mailbox: "mailbox",
  internet: "smarthost",
  sizeBytesMax: "size_max",
};

/** Gives what the SMTP bridge refused its line. */
export function placedMail(config: Config, error: ConfigError): ConfigError {
  const [part = "", ...inner] = (error.place.key ?? "").split(".");
  const place = SMTP_PLACES[part];
  const path = place === undefined ? ["mail"] : ["mail", place, ...inner];
  return config.errorAt(path, { problem: error.message });
}
