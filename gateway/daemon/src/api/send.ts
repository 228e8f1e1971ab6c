import type { Account, Clock, MessageClass, Rng, Submission } from "@estafette/contract";
import { parseAddress } from "@estafette/mail";
import type { Estimate, Relay } from "@estafette/relay";
import { composeMail, type TypedMail } from "./compose.js";
import { ApiProblem, problemOfRefusal } from "./problem.js";

export const CLASSES: readonly MessageClass[] = ["flash", "priority", "normal", "bulk"];
/** Bounds of `Submission` (contract): recipients, and lifetime in seconds. */
const RECIPIENTS_MAX = 50;
const LIFETIME_S = { min: 3_600, max: 2_592_000 };
/** Our choice: a subject longer than this is a mistake. */
const SUBJECT_CHARACTERS_MAX = 900;

export interface SendContext {
  readonly relay: Relay;
  readonly accounts: readonly Account[];
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What `POST /v1/send` brought as fields. Throws ApiProblem. */
export function submissionOf(request: unknown, context: SendContext): Submission {
  const fields = objectOf(request);
  const from = senderOf(fields.from, context.accounts);
  const account = ownerOf(from, context.accounts);
  const to = recipientsOf(fields.to);
  const subject = textOf(fields.subject ?? "", "subject", SUBJECT_CHARACTERS_MAX);
  if (/[\p{Cc}\u2028\u2029]/u.test(subject))
    throw bad("subject", "must not contain line breaks or control characters");
  const text = textOf(fields.text, "text", Number.POSITIVE_INFINITY);
  if (text.includes("\0")) throw bad("text", "must not contain NUL");
  const content = contentOf(fields.kind ?? "mail", { from, to, subject, text }, context);
  return { account: account.name, from, to, content, ...optionsOf(fields) };
}

/** A mail; or a short text as a radio would hand it in: no header fields travel, so that it costs the fewest bytes. */
function contentOf(kind: unknown, mail: TypedMail, context: SendContext): Submission["content"] {
  if (kind === "mail") return { kind, rfc5322: composeMail(mail, context) };
  if (kind !== "text") throw bad("kind", "is mail or text");
  if (mail.subject !== "") throw bad("subject", "is for mails; a short text has none");
  if (mail.text === "") throw bad("text", "is empty");
  return { kind, text: mail.text };
}

/** A complete mail; envelope and options come from the query. Throws ApiProblem. */
export function submissionOfMail(
  rfc5322: Uint8Array,
  query: URLSearchParams,
  context: SendContext,
): Submission {
  const from = senderOf(query.get("from") ?? undefined, context.accounts);
  const account = ownerOf(from, context.accounts);
  const to = recipientsOf(query.getAll("to"));
  const fields: Record<string, unknown> = {};
  const lifetime = query.get("lifetime_s");
  if (query.has("clear")) fields.clear = query.get("clear") === "true";
  if (query.has("class")) fields.class = query.get("class");
  if (lifetime !== null) fields.lifetime_s = Number(lifetime);
  return { account: account.name, from, to, content: { kind: "mail", rfc5322 }, ...optionsOf(fields) };
}

/** What it would cost; nothing is submitted. Throws ApiProblem. */
export async function weigh(submission: Submission, { relay }: SendContext): Promise<Estimate> {
  const result = await relay.estimate(submission);
  if ("outcome" in result) throw problemOfRefusal(result);
  return result;
}

/** Answers after the commit. Throws ApiProblem. */
export async function submit(
  submission: Submission,
  { relay }: SendContext,
): Promise<{ readonly id: string }> {
  const result = await relay.submit(submission);
  if (result.outcome === "refused") throw problemOfRefusal(result);
  return { id: result.id };
}

function optionsOf(
  fields: Readonly<Record<string, unknown>>,
): Pick<Submission, "class" | "lifetimeS" | "receipt" | "clear"> {
  const { class: given = "normal", lifetime_s: lifetime = null, receipt = false, clear = false } = fields;
  const messageClass = CLASSES.find((c) => c === given);
  if (messageClass === undefined) throw bad("class", `is one of ${CLASSES.join(", ")}`);
  const goodLifetime =
    lifetime === null ||
    (typeof lifetime === "number" &&
      Number.isInteger(lifetime) &&
      lifetime >= LIFETIME_S.min &&
      lifetime <= LIFETIME_S.max);
  if (!goodLifetime)
    throw bad("lifetime_s", `is a whole number of seconds, ${LIFETIME_S.min} to ${LIFETIME_S.max}`);
  if (typeof receipt !== "boolean") throw bad("receipt", "is true or false");
  if (typeof clear !== "boolean") throw bad("clear", "is true or false");
  return { class: messageClass, lifetimeS: lifetime as number | null, receipt, clear };
}

function senderOf(given: unknown, accounts: readonly Account[]): string {
  if (given !== undefined && given !== null) return addressOf(given, "from");
  const first = accounts.flatMap((account) => account.addresses).find((address) => !address.startsWith("*"));
  if (first !== undefined) return first;
  throw new ApiProblem(422, "malformed", "from: no user of this gateway has an address; say who writes");
}

function ownerOf(from: string, accounts: readonly Account[]): Account {
  const lower = from.toLowerCase();
  const wildcard = `*@${lower.slice(lower.lastIndexOf("@") + 1)}`;
  const owner =
    accounts.find((account) => account.addresses.includes(lower)) ??
    accounts.find((account) => account.addresses.includes(wildcard));
  if (owner) return owner;
  throw new ApiProblem(403, "sender-not-owned", `no user of this gateway may write as ${from}`);
}

function recipientsOf(given: unknown): string[] {
  if (!Array.isArray(given) || given.length === 0) throw bad("to", "is a list of one or more addresses");
  if (given.length > RECIPIENTS_MAX)
    throw new ApiProblem(413, "too-many-recipients", `at most ${RECIPIENTS_MAX}`);
  return given.map((address) => addressOf(address, "to"));
}

function addressOf(given: unknown, key: string): string {
  const address = typeof given === "string" ? parseAddress(given) : null;
  if (address === null) throw bad(key, `${JSON.stringify(given).slice(0, 80)} is not a mail address`);
  return address.text;
}

function textOf(given: unknown, key: string, charactersMax: number): string {
  if (typeof given !== "string") throw bad(key, "is text");
  if (given.length > charactersMax) throw bad(key, `has at most ${charactersMax} characters`);
  return given;
}

export function objectOf(given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given === "object" && given !== null && !Array.isArray(given))
    return given as Record<string, unknown>;
  throw new ApiProblem(422, "malformed", "the body is a JSON object");
}

function bad(key: string, rule: string): ApiProblem {
  return new ApiProblem(422, "malformed", `${key}: ${rule}`);
}
