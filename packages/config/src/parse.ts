import type { ConfigError } from "@estafette/contract";
import { checkReferences, ownDomains } from "./check.js";
import type { Config, LinkBudgetConfig, LinkConfig, MailConfig, PeerConfig } from "./config.js";
import { readDocument, type SecretLookup } from "./document.js";
import { ConfigErrors } from "./errors.js";
import { Secret } from "./fields.js";
import { configErrorsOf } from "./issues.js";
import { knownKeysAt } from "./json-schema.js";
import { CONFIG_LIMITS as LIMITS } from "./limits.js";
import { configSchema, type RawConfig } from "./schema.js";

/**
 * Reads a configuration file. Throws {@link ConfigErrors} with every error that can be found in one pass, each
 * with file, line, column, key, what is wrong and the fix; after a syntax error only that one.
 *
 * @param file Name for messages; nothing is read here.
 * @param secrets Where `!secret name` gets its value.
 */
export function parseConfig(text: string, file: string, { secrets }: { secrets: SecretLookup }): Config {
  const document = wrapped(() => readDocument(text, file, secrets));
  const result = configSchema.safeParse(document.value);
  const errors: ConfigError[] = [...document.errors];
  if (!result.success) {
    const places = new Set(errors.map(placeOf));
    const found = configErrorsOf(result.error.issues, document, knownKeysAt);
    errors.push(...found.filter((error) => !places.has(placeOf(error))));
  } else {
    errors.push(...checkReferences(result.data, document));
  }
  const [first, ...rest] = errors.sort(byPlace).slice(0, LIMITS.errorsMax);
  if (first !== undefined) throw new ConfigErrors([first, ...rest]);
  const config = build(result.data as RawConfig, file);
  return {
    ...config,
    errorAt: (path, { problem, fix, key }) =>
      document.error("EST_CONFIG_VALUE", key === undefined ? path : [...path, key], problem, fix),
  };
}

/** Secrets beside the configuration: one map of names and text. Throws {@link ConfigErrors}. */
export function parseSecrets(text: string, file: string): ReadonlyMap<string, string> {
  const document = wrapped(() => readDocument(text, file, () => null));
  const errors: ConfigError[] = [...document.errors];
  const values = new Map<string, string>();
  const { value } = document;
  if (value !== null && (typeof value !== "object" || Array.isArray(value))) {
    errors.push(document.error("EST_CONFIG_VALUE", [], "this is not a map", 'write lines like "anna: …"'));
  } else {
    for (const [name, held] of Object.entries(value ?? {})) {
      if (typeof held === "string") values.set(name, held);
      else
        errors.push(
          document.error("EST_CONFIG_VALUE", [name], "a secret must be text", "put it into quotes"),
        );
    }
  }
  const [first, ...rest] = errors.slice(0, LIMITS.errorsMax);
  if (first !== undefined) throw new ConfigErrors([first, ...rest]);
  return values;
}

function wrapped<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "place" in error && !(error instanceof ConfigErrors)) {
      throw new ConfigErrors([error as ConfigError]);
    }
    throw error;
  }
}

const placeOf = ({ place }: ConfigError): string => `${place.line}:${place.column}`;

function byPlace(a: ConfigError, b: ConfigError): number {
  return (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0);
}

function build(raw: RawConfig, file: string): Omit<Config, "errorAt"> {
  const domains = ownDomains(raw);
  return {
    file,
    node: { name: raw.node.name, domains },
    clockTrust: raw.clock.trust ?? null,
    state: { directory: raw.state.directory, quotaBytes: raw.state.quota },
    peers: Object.entries(raw.peers).map(([name, peer]) => buildPeer(name, peer, raw)),
    exit: raw.exit ?? null,
    links: Object.entries(raw.links).map(([name, link]) => buildLink(name, link)),
    routes: raw.routing,
    mail: buildMail(raw.mail),
    users: Object.entries(raw.users).map(([name, user]) => ({
      name,
      password: user.password ?? null,
      addresses: user.addresses ?? [`${name}@${domains[0]}`],
    })),
    lifetimeS: Math.round(raw.lifetime / 1_000),
    retryS: raw.retry.map((ms) => Math.max(1, Math.round(ms / 1_000))),
    deadlinesMs: deadlinesOf(raw),
    hopMax: raw.hop_limit,
    flashCopies: raw.flash_copies,
    receipts: raw.receipts,
    apiSocket: raw.api.socket ?? null,
  };
}

function deadlinesOf({ deadlines }: RawConfig): Config["deadlinesMs"] {
  return [deadlines.flash, deadlines.priority, deadlines.normal, deadlines.bulk];
}

function buildPeer(name: string, peer: RawConfig["peers"][string], raw: RawConfig): PeerConfig {
  const naming = Object.entries(raw.links).filter(
    ([, link]) =>
      link.peer === name || link.peers?.includes(name) || Object.values(link.neighbours ?? {}).includes(name),
  );
  return {
    name,
    root: peer.key ?? null,
    domains: peer.domains,
    links: peer.links ?? naming.map(([link]) => link),
    exitFrom: peer.exit_from,
    transit: peer.transit,
  };
}

/** Keys with units that all drivers share, and what the bearer plugins call them. */
const SHARED_OPTIONS = {
  id_interval: "idIntervalMs",
  rate: "bitsPerSecond",
  turnaround: "turnaroundMs",
  answer: "answerMs",
  parcel_max: "parcelBytesMax",
  airtime_per_hour: "airtimeMsPerHourMax",
} as const;

function buildLink(name: string, link: RawConfig["links"][string]): LinkConfig {
  const { driver, peer, peers, chain, neighbours, ...rest } = link;
  const { drain_rate, airtime_per_day, credits, urgent_share, windows, ...limited } = rest;
  const { service, content, automatic, ...others } = limited;
  const isAmateur = service === "amateur";
  if (isAmateur) others.id_interval ??= AMATEUR_ID_INTERVAL_MS;
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(others)) {
    if (value === undefined) continue;
    const option = Object.hasOwn(SHARED_OPTIONS, key)
      ? SHARED_OPTIONS[key as keyof typeof SHARED_OPTIONS]
      : camelCase(key);
    options[option] = value instanceof Secret ? value.value : value;
  }
  return {
    name,
    driver,
    peers: peer !== undefined ? [peer] : (peers ?? []),
    chain,
    neighbours: neighbours ?? {},
    policy: {
      service: service ?? null,
      content: isAmateur || content === "clear_signed_only" ? "clear-signed" : "any",
      attended: isAmateur && !automatic,
    },
    budget: {
      drainBytesPerS: drain_rate ?? null,
      airtimeMsPerDayMax: airtime_per_day ?? null,
      credits: credits === undefined ? null : buildCredits(credits),
      urgentShare: urgent_share,
      windows,
    },
    options,
  };
}

/** Ten minutes, as in the United States (47 CFR 97.119(a)); elsewhere it is often fifteen. */
const AMATEUR_ID_INTERVAL_MS = 600_000;

function buildCredits(raw: NonNullable<RawConfig["links"][string]["credits"]>): LinkBudgetConfig["credits"] {
  const { per_contact: perContact, per_kilobyte: perKilobyte, per_day, per_month } = raw;
  return { perContact, perKilobyte, perDay: per_day ?? null, perMonth: per_month ?? null };
}

/** Name of a driver's option in the file. Inverse of what {@link parseConfig} does to the keys of a link. */
export function optionKey(option: string): string {
  const shared = Object.entries(SHARED_OPTIONS).find(([, name]) => name === option);
  return shared?.[0] ?? option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(key: string): string {
  return key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function buildMail(mail: RawConfig["mail"]): MailConfig {
  const { submission, smarthost } = mail;
  return {
    submission: submission
      ? { listen: submission.listen, tls: submission.tls === "none" ? null : submission.tls }
      : null,
    lmtpIn: mail.lmtp_in?.listen ?? null,
    smtpIn: mail.smtp_in?.listen ?? null,
    mailbox: mail.mailbox ?? null,
    smarthost: smarthost
      ? {
          host: smarthost.host,
          port: smarthost.port,
          tls: smarthost.tls,
          login:
            smarthost.user !== undefined && smarthost.password !== undefined
              ? { user: smarthost.user, password: smarthost.password }
              : null,
        }
      : null,
    messageBytesMax: mail.size_max,
  };
}
