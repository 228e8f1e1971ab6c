import type { MessageClass, Submission, SubmissionResult } from "@estafette/contract";
import type { Chance } from "./chance.js";
import type { WorldParameters } from "./world-parameters.js";

/** Every message carries one of these in its subject and body; nothing sealed may ever show it. */
export const MARKER_PREFIX = "Zq7Xk9Wv";
/** Begins an incompressible body: a compressor leaves such bytes as they are, so leaks show through it. */
export const DENSE_PREFIX = Uint8Array.from([0x9d, 0xe7, 0x8a, 0xd4, 0x06, 0xb1, 0x1f, 0xf3]);

/** What must happen to one recipient's copy. */
export type Expectation =
  | "delivered" // there is a mailbox and a way
  | "refused" // the far end knows no such mailbox
  | "expired"; // the way never opens

export interface ExpectedRecipient {
  readonly address: string;
  readonly expect: Expectation;
  readonly bcc: boolean;
}

/** One message a user (or the world outside) hands to a gateway, and what became of handing it in. */
export interface Sent {
  readonly index: number;
  readonly atMs: number;
  readonly node: number;
  readonly marker: string;
  readonly submission: Submission;
  readonly recipients: readonly ExpectedRecipient[];
  /** null: no answer was ever heard, because the power went. */
  answer: SubmissionResult | null;
  answeredAtMs: number;
  tries: number;
}

export const ABSENT_DOMAIN = "absent.test";
export const INTERNET_USER = "carol@world.example";
const INTERNET_STRANGER = "nobody@world.example";

export function domainOfNode(name: string): string {
  return `${name}.test`;
}

export function usersOfNode(name: string): readonly string[] {
  return [`alice@${domainOfNode(name)}`, `bob@${domainOfNode(name)}`];
}

const CLASS_CHOICES: readonly MessageClass[] = ["flash", "priority", "normal", "normal", "normal", "bulk"];
/** Worlds that end within this time have no way that takes hours. */
const QUICK_HEAL_MS = 12 * 3_600_000;
const WORDS = [
  "wind",
  "north",
  "swell",
  "two",
  "metres",
  "engine",
  "hours",
  "fuel",
  "position",
  "noon",
  "crew",
  "well",
];

/** All submissions of a world, in order of time. */
export function drawWorkload(world: WorldParameters, chance: Chance): Sent[] {
  const sent: Sent[] = [];
  for (let index = 0; index < world.submissions; index++) sent.push(drawSent(world, chance, index));
  return sent.sort((a, b) => a.atMs - b.atMs);
}

function hasUsers(world: WorldParameters, node: number): boolean {
  return !world.strangers || node === 0 || node === world.nodes.length - 1;
}

function drawSent(world: WorldParameters, chance: Chance, index: number): Sent {
  const marker = `${MARKER_PREFIX}${Buffer.from(chance.bytes(6)).toString("hex")}`;
  const choices = world.nodes.map((_, node) => node).filter((node) => hasUsers(world, node));
  const inbound = world.exit !== null && chance.happens(0.15);
  const node = inbound ? (world.exit ?? 0) : chance.pick(choices);
  const name = world.nodes[node]?.name ?? "";
  const from = inbound ? INTERNET_USER : chance.pick(usersOfNode(name));
  const recipients = apart(world, drawRecipients(world, chance, node, from, choices));
  const expires = recipients.some((recipient) => recipient.expect === "expired");
  const text = !inbound && chance.happens(0.2);
  const receipt = world.receipts || chance.happens(0.3);
  return {
    index,
    atMs: chance.between(0, Math.floor(world.faultsUntilMs * 0.9)),
    node,
    marker,
    submission: {
      account: inbound ? null : from,
      from,
      to: recipients.map((recipient) => recipient.address),
      content: text
        ? { kind: "text", text: `${marker} ${prose(chance, chance.between(10, 300))}` }
        : { kind: "mail", rfc5322: mailOf(world, chance, marker, from, recipients) },
      class: chance.pick(CLASS_CHOICES),
      lifetimeS: expires ? 3_600 : longEnough(world, chance.pick([null, 172_800, 604_800])),
      receipt,
    },
    recipients,
    answer: null,
    answeredAtMs: 0,
    tries: 0,
  };
}

/** Where a receipt may take longer than an hour, what expires in an hour goes to nobody else. */
function apart(
  world: WorldParameters,
  recipients: readonly ExpectedRecipient[],
): readonly ExpectedRecipient[] {
  const expiring = recipients.filter(({ expect }) => expect === "expired");
  if (expiring.length === 0 || world.healMs <= QUICK_HEAL_MS) return recipients;
  return expiring.map((recipient) => ({ ...recipient, bcc: false }));
}

/** Where a way may take days a message lives as long as by default. */
function longEnough({ healMs }: WorldParameters, lifetimeS: number | null): number | null {
  return lifetimeS !== null && lifetimeS * 1_000 < 1.5 * healMs ? null : lifetimeS;
}

function drawRecipients(
  world: WorldParameters,
  chance: Chance,
  node: number,
  from: string,
  choices: readonly number[],
): ExpectedRecipient[] {
  const count = chance.pick([1, 1, 1, 2, 3]);
  const recipients = new Map<string, ExpectedRecipient>();
  while (recipients.size < count) {
    const one = drawRecipient(world, chance, node, choices, from === INTERNET_USER);
    if (one.address !== from || recipients.size > 0) recipients.set(one.address, { ...one, bcc: false });
    else recipients.set(one.address, { ...one, bcc: false });
  }
  const list = [...recipients.values()];
  const last = list[list.length - 1];
  if (list.length > 1 && last !== undefined && chance.happens(0.4))
    list[list.length - 1] = { ...last, bcc: true };
  return list;
}

function drawRecipient(
  world: WorldParameters,
  chance: Chance,
  node: number,
  choices: readonly number[],
  outsider: boolean,
): { readonly address: string; readonly expect: Expectation } {
  const kind = chance.between(0, 99);
  if (kind < 3 && !outsider) return { address: `harbour@${ABSENT_DOMAIN}`, expect: "expired" };
  const others = choices.filter((other) => other !== node);
  const far = world.nodes[chance.pick(others)]?.name ?? "";
  if (kind < 12) return { address: `ghost@${domainOfNode(far)}`, expect: "refused" };
  if (kind < 30 && world.exit !== null && world.exit !== node) {
    return chance.happens(0.8)
      ? { address: INTERNET_USER, expect: "delivered" }
      : { address: INTERNET_STRANGER, expect: "refused" };
  }
  if (kind < 40)
    return { address: chance.pick(usersOfNode(world.nodes[node]?.name ?? "")), expect: "delivered" };
  return { address: chance.pick(usersOfNode(far)), expect: "delivered" };
}

function prose(chance: Chance, wordCount: number): string {
  return Array.from({ length: wordCount }, () => chance.pick(WORDS)).join(" ");
}

/** A mail as a mail program writes it: CRLF, one text part, 8-bit body either of words or of dense bytes. */
function mailOf(
  world: WorldParameters,
  chance: Chance,
  marker: string,
  from: string,
  recipients: readonly ExpectedRecipient[],
): Uint8Array {
  const shown = recipients.filter((recipient) => !recipient.bcc).map((recipient) => recipient.address);
  const head = [
    `From: Somebody <${from}>`,
    `To: ${shown.join(",\r\n ")}`,
    `Subject: Report ${marker}`,
    "Date: Thu, 01 Jan 2026 00:00:00 +0000",
    `Message-ID: <${marker}@mail.test>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Transfer-Encoding: 8bit",
    "",
    "",
  ].join("\r\n");
  const bodyBytes = chance.happens(0.3) ? chance.between(0, 200) : chance.between(100, world.bodyBytesMax);
  const body = chance.happens(0.4) ? denseBody(chance, bodyBytes) : proseBody(chance, marker, bodyBytes);
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

function proseBody(chance: Chance, marker: string, bodyBytes: number): Buffer {
  let text = `${marker}\r\n`;
  while (text.length < bodyBytes) text += `${prose(chance, 10)}\r\n`;
  return Buffer.from(text, "latin1");
}

/** Random bytes without NUL, CR and LF, in lines of 70. */
function denseBody(chance: Chance, bodyBytes: number): Buffer {
  const lines: Buffer[] = [Buffer.from(DENSE_PREFIX), Buffer.from("\r\n")];
  for (let length = 10; length < bodyBytes; length += 72) {
    const line = Buffer.from(chance.bytes(70)).map((byte) =>
      byte === 0 || byte === 10 || byte === 13 ? 0xa5 : byte,
    );
    lines.push(Buffer.from(line), Buffer.from("\r\n"));
  }
  return Buffer.concat(lines);
}
