import { limits } from "./limits.js";

/** An address as every security decision sees it. */
export interface Address {
  /** Before the at sign, spelling kept. */
  readonly local: string;
  /** After the at sign, lower case. */
  readonly domain: string;
  /** `local@domain`. */
  readonly text: string;
}

/** A mailbox of an address header. */
export interface HeaderMailbox {
  /** Display name, quotes removed, encoded words still encoded; "" when there is none. */
  readonly name: string;
  readonly address: Address;
}

// `%` and `!` are atom characters of RFC 5322 §3.2.3, but relays of old read them as routes: our choice to refuse.
const atoms = /^[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*$/;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The strict addr-spec: ASCII dot-atoms, at most 64 octets `@` a host name of at most 253. No quotes, comments,
 * literals, routes, groups, spaces, `%` or `!`. Stricter than RFC 5321 §4.1.2, so that no second parser can read
 * it differently. `null` for everything else.
 */
export function parseAddress(text: string): Address | null {
  if (text.length > limits.localOctetsMax + 1 + limits.domainOctetsMax) return null;
  const at = text.indexOf("@");
  if (at < 1 || at > limits.localOctetsMax || text.length - at - 1 > limits.domainOctetsMax) return null;
  const local = text.slice(0, at);
  const domain = text.slice(at + 1).toLowerCase();
  if (!atoms.test(local) || !/^[\x21-\x7e]+$/.test(text)) return null;
  const labels = domain.split(".");
  if (!labels.every((part) => label.test(part)) || /^[0-9]+$/.test(labels.at(-1) ?? "")) return null;
  return { local, domain, text: `${local}@${domain}` };
}

type Token = { readonly kind: "word" | "quoted" | "angle" | "comma"; readonly text: string };

/**
 * The mailboxes of a From, To or Cc value, or `null` unless every parser must agree on them: display names may be
 * atoms, quoted strings, encoded words or UTF-8; groups, routes, quoted local parts, nested comments and stray
 * text are ambiguous. Empty values give an empty list. Linear time.
 */
export function parseHeaderMailboxes(value: string): readonly HeaderMailbox[] | null {
  const tokens = tokenize(value.replace(/\r\n(?=[ \t])/g, ""));
  if (tokens === null) return null;
  const mailboxes: HeaderMailbox[] = [];
  let part: Token[] = [];
  for (const token of [...tokens, { kind: "comma", text: "," } as const]) {
    if (token.kind !== "comma") {
      part.push(token);
      continue;
    }
    if (part.length > 0) {
      const mailbox = mailboxOf(part);
      if (mailbox === null || mailboxes.length === limits.mailboxesMax) return null;
      mailboxes.push(mailbox);
    } else if (tokens.length > 0) return null;
    part = [];
  }
  return mailboxes;
}

function mailboxOf(part: readonly Token[]): HeaderMailbox | null {
  const last = part.at(-1);
  if (last === undefined) return null;
  if (last.kind === "angle") {
    const names = part.slice(0, -1);
    if (names.some((t) => t.kind === "angle" || (t.kind === "word" && t.text.includes("@")))) return null;
    const address = parseAddress(last.text);
    return address === null ? null : { name: names.map((t) => t.text).join(" "), address };
  }
  if (part.length !== 1 || last.kind !== "word") return null;
  const address = parseAddress(last.text);
  return address === null ? null : { name: "", address };
}

function tokenize(value: string): Token[] | null {
  const tokens: Token[] = [];
  // Sticky alternatives that start with different characters: each character is looked at once.
  const lexer =
    /[ \t]+|"((?:[^"\\\r\n]|\\[\x20-\x7e])*)"|<([^<>\r\n]*)>|(,)|\([^()@<>,;:"\\\r\n]*\)|([^\s"<>,()[\]\\;:]+)/y;
  while (lexer.lastIndex < value.length) {
    const found = lexer.exec(value);
    if (found === null) return null;
    const [, quoted, angle, comma, word] = found;
    const previous = tokens.at(-1);
    const touches = value[found.index - 1];
    if (quoted !== undefined) {
      if (touches !== undefined && !/[\s,)]/.test(touches)) return null;
      tokens.push({ kind: "quoted", text: quoted.replace(/\\(.)/g, "$1") });
    } else if (angle !== undefined) tokens.push({ kind: "angle", text: angle });
    else if (comma !== undefined) tokens.push({ kind: "comma", text: comma });
    else if (word !== undefined) {
      // A word that touches a quoted string is a quoted local part or a trick of that kind.
      if (previous?.kind === "quoted" && touches === '"') return null;
      tokens.push({ kind: "word", text: word });
    }
  }
  return tokens;
}
