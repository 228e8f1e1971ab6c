import { ConfigError } from "@estafette/contract";
import { limits } from "./limits.js";

/** A place in the network. */
export interface Endpoint {
  readonly host: string;
  /** [0…65 535]; 0 lets the system choose, for listeners only. */
  readonly port: number;
}

/** Certificate and key: PEM text, or the path of a PEM file. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
  /** `true`: TLS from the first byte (RFC 8314, port 465). Default false: STARTTLS. */
  readonly implicit: boolean;
}

export interface SubmissionConfig {
  readonly listen: Endpoint;
  readonly tls: TlsFiles | "none";
  /** Default true. `false` only on a loopback address. */
  readonly requireAuth: boolean;
  /** Passwords without TLS. Default: on a loopback address only. */
  readonly allowInsecureAuth: boolean;
  readonly perAddressMax: number;
}

export type OutTls = "none" | "starttls" | "implicit";

export interface OutConfig {
  readonly server: Endpoint;
  readonly tls: OutTls;
  readonly auth: { readonly user: string; readonly password: string } | null;
}

export type MailboxConfig =
  | ({ readonly by: "lmtp" | "smtp" } & OutConfig)
  | { readonly by: "maildir"; readonly folder: string };

export interface SmtpConfig {
  /** Mail domains of this gateway, lower case; the first one names it in greetings and traces. */
  readonly domains: readonly string[];
  /** Bytes [1 000…32 000 000], default 10 000 000. */
  readonly sizeBytesMax: number;
  /** Per listener [1…1 000], default 20. */
  readonly connectionsMax: number;
  readonly submission: SubmissionConfig | null;
  readonly lmtp: Endpoint | null;
  readonly smtp: Endpoint | null;
  readonly mailbox: MailboxConfig | null;
  readonly internet: OutConfig | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** Turns untrusted options into {@link SmtpConfig} or throws a {@link ConfigError} that names the key and the fix. */
export function parseConfig(raw: unknown): SmtpConfig {
  const top = fields(raw, "", [
    ...["domains", "domain", "sizeBytesMax", "connectionsMax"],
    ...["submission", "lmtp", "smtp", "mailbox", "internet"],
  ]);
  const part = <T>(key: string, parse: (value: unknown) => T): T | null => {
    return top[key] === undefined || top[key] === null ? null : parse(top[key]);
  };
  return {
    domains: parseDomains(top),
    sizeBytesMax: whole(top, "sizeBytesMax", { min: 1_000, max: 32_000_000, usual: limits.sizeBytesDefault }),
    connectionsMax: whole(top, "connectionsMax", { min: 1, max: 1_000, usual: limits.connectionsDefault }),
    submission: part("submission", parseSubmission),
    lmtp: part("lmtp", (value) => listenOf(value, "lmtp")),
    smtp: part("smtp", (value) => listenOf(value, "smtp")),
    mailbox: part("mailbox", parseMailbox),
    internet: part("internet", (value) =>
      parseOut(fields(value, "internet", outKeys("smtp")), "internet", "smtp"),
    ),
  };
}

function parseDomains(top: Fields): readonly string[] {
  const given = top.domains ?? top.domain;
  const list = typeof given === "string" ? [given] : given;
  if (!Array.isArray(list) || list.length === 0)
    wrong("domains", "is missing", "Write a list of mail domains.");
  return list.map((domain: unknown) => {
    const text = typeof domain === "string" ? domain.toLowerCase() : "";
    if (
      text.length > 253 ||
      !/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.|$))+$/.test(text) ||
      text.endsWith(".")
    ) {
      wrong("domains", `has ${JSON.stringify(domain)}`, "Write host names, for example aurora.ship.example.");
    }
    return text;
  });
}

function parseSubmission(value: unknown): SubmissionConfig {
  const key = "submission";
  const options = fields(value, key, ["listen", "tls", "requireAuth", "allowInsecureAuth", "perAddressMax"]);
  const listen = endpoint(options.listen, `${key}.listen`);
  const local = isLoopback(listen.host);
  const tls = options.tls === undefined || options.tls === "none" ? "none" : parseTls(options.tls);
  const requireAuth = flag(options, "requireAuth", key, true);
  const allowInsecureAuth = flag(options, "allowInsecureAuth", key, local);
  if (!requireAuth && !local) {
    wrong(`${key}.requireAuth`, "is false on a public address", "Listen on 127.0.0.1, or require a login.");
  }
  if (tls === "none" && requireAuth && !allowInsecureAuth) {
    wrong(`${key}.tls`, "is none on a public address", "Name key and cert, or set allowInsecureAuth: true.");
  }
  const bounds = { min: 1, max: 1_000, usual: local ? 1_000 : limits.perAddressDefault };
  return {
    listen,
    tls,
    requireAuth,
    allowInsecureAuth,
    perAddressMax: whole(options, "perAddressMax", bounds),
  };
}

function parseTls(value: unknown): TlsFiles {
  const options = fields(value, "submission.tls", ["key", "cert", "implicit"]);
  return {
    key: text(options.key, "submission.tls.key"),
    cert: text(options.cert, "submission.tls.cert"),
    implicit: flag(options, "implicit", "submission.tls", false),
  };
}

function listenOf(value: unknown, key: string): Endpoint {
  return endpoint(fields(value, key, ["listen"]).listen, `${key}.listen`);
}

function outKeys(by: string): string[] {
  return [by, "tls", "auth"];
}

function parseMailbox(value: unknown): MailboxConfig {
  const options = fields(value, "mailbox", ["lmtp", "smtp", "maildir", "tls", "auth"]);
  const ways = (["lmtp", "smtp", "maildir"] as const).filter((way) => options[way] !== undefined);
  const [by] = ways;
  if (by === undefined || ways.length > 1)
    wrong("mailbox", "needs one way", "Write one of lmtp, smtp, maildir.");
  if (by !== "maildir") return { by, ...parseOut(options, "mailbox", by) };
  const given = text(options.maildir, "mailbox.maildir");
  if (!given.startsWith("/")) wrong("mailbox.maildir", "is not absolute", "Write a path that begins with /.");
  return { by, folder: given.includes("{user}") ? given : `${given}/{domain}/{user}` };
}

function parseOut(options: Fields, key: string, by: string): OutConfig {
  const server = endpoint(options[by], `${key}.${by}`);
  if (server.port === 0) wrong(`${key}.${by}`, "has port 0", "Write the port of the server.");
  const usual = isLoopback(server.host) ? "none" : "starttls";
  const tls = options.tls ?? usual;
  if (tls !== "none" && tls !== "starttls" && tls !== "implicit") {
    wrong(`${key}.tls`, "is not known", "Write none, starttls or implicit.");
  }
  const auth = options.auth === undefined || options.auth === null ? null : parseAuth(options.auth, key);
  if (auth !== null && tls === "none" && !isLoopback(server.host)) {
    wrong(`${key}.tls`, "is none, yet there is a password", "Write starttls or implicit.");
  }
  return { server, tls, auth };
}

function parseAuth(value: unknown, key: string): { user: string; password: string } {
  const options = fields(value, `${key}.auth`, ["user", "password"]);
  return {
    user: text(options.user, `${key}.auth.user`),
    password: text(options.password, `${key}.auth.password`),
  };
}

function fields(value: unknown, key: string, known: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrong(key || "smtp", "is not a map", `Write a map with ${known.join(", ")}.`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name))
      wrong(key ? `${key}.${name}` : name, "is not known", `Known: ${known.join(", ")}.`);
  }
  return value as Fields;
}

function endpoint(value: unknown, key: string): Endpoint {
  const found =
    typeof value === "string" ? /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(value) : null;
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (host === undefined || port > 65_535) {
    wrong(key, `is ${JSON.stringify(value)}`, "Write host:port, for example 127.0.0.1:2525 or [::1]:2525.");
  }
  return { host, port };
}

function whole(
  options: Fields,
  key: string,
  bounds: { readonly min: number; readonly max: number; readonly usual: number },
): number {
  const value = options[key] ?? bounds.usual;
  if (typeof value !== "number" || !Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    wrong(key, `is ${JSON.stringify(value)}`, `Write a whole number from ${bounds.min} to ${bounds.max}.`);
  }
  return value;
}

function flag(options: Fields, name: string, key: string, usual: boolean): boolean {
  const value = options[name] ?? usual;
  if (typeof value !== "boolean") wrong(`${key}.${name}`, "is not true or false", "Write true or false.");
  return value;
}

function text(value: unknown, key: string): string {
  if (typeof value !== "string" || value === "") wrong(key, "is missing", "Write some text.");
  return value;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function wrong(key: string, what: string, fix: string): never {
  throw new ConfigError("EST_CONFIG_VALUE", `${key} ${what}. ${fix}`, { key, fix });
}
