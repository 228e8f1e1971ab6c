import { type Account, type MessageClass, ProtocolError, type Rng } from "@estafette/contract";
import {
  countHops,
  type Entity,
  fieldKey,
  formatDate,
  headerValues,
  parseAddress,
  parseHeaderMailboxes,
  readMail,
  shrinkMail,
} from "@estafette/mail";
import type { Reply } from "./codes.js";

/** A mail ready for the core, or why not. */
export type Prepared =
  | { readonly outcome: "ready"; readonly rfc5322: Uint8Array; readonly class: MessageClass }
  | { readonly outcome: "refused"; readonly reply: Reply };

/** What a submitted mail may lack (RFC 6409 §8). */
export interface Additions {
  readonly domain: string;
  readonly rng: Rng;
  /** Unix milliseconds, or `null` while the clock is not to be believed: then no Date is invented. */
  readonly nowMs: number | null;
}

const malformed = (text: string): Prepared => {
  return { outcome: "refused", reply: { code: 554, status: "5.6.0", text } };
};
const notOwned = (text: string): Prepared => {
  return { outcome: "refused", reply: { code: 553, status: "5.7.1", text } };
};

/** Fields that RFC 5322 §3.6 allows once; two of them are how one parser is shown what another does not see. */
const single = [
  "From",
  "Sender",
  "Reply-To",
  "To",
  "Cc",
  "Message-ID",
  "In-Reply-To",
  "References",
  "Subject",
  "Date",
];

/** Whether an account may write as this address: one of its own, or any of a domain it has as `*@domain`. */
export function owns(account: Account, address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === null) return false;
  const text = parsed.text.toLowerCase();
  return account.addresses.some((own) => own === text || own === `*@${parsed.domain}`);
}

/** A mail from a mail program: checks who it claims to be from, completes it and takes Bcc out. */
export function prepareSubmitted(rfc5322: Uint8Array, account: Account | null, add: Additions): Prepared {
  const mail = read(rfc5322);
  if (typeof mail === "string") return malformed(mail);
  const twice = single.find((name) => headerValues(mail, name).length > 1);
  if (twice !== undefined) return malformed(`More than one ${twice} field`);
  const [from] = headerValues(mail, "From");
  if (from === undefined) return malformed("No From field");
  const mailboxes = parseHeaderMailboxes(from);
  const [author] = mailboxes ?? [];
  if (mailboxes?.length !== 1 || author === undefined)
    return notOwned("From must name exactly one plain address");
  if (account !== null && !owns(account, author.address.text)) {
    return notOwned(`${author.address.text} is not an address of this login`);
  }
  const [sender] = headerValues(mail, "Sender");
  const senders = sender === undefined ? [] : parseHeaderMailboxes(sender);
  if (account !== null && senders?.every((box) => owns(account, box.address.text)) !== true) {
    return notOwned("Sender is not an address of this login");
  }
  if (loops(mail, add.domain)) return loop;
  return { outcome: "ready", rfc5322: complete(mail, rfc5322, add), class: classOf(mail, true) };
}

/** A mail from a mail server ashore: taken as it is, never above normal, Bcc taken out. */
export function prepareInbound(rfc5322: Uint8Array, domain: string): Prepared {
  const mail = read(rfc5322);
  if (typeof mail === "string") return malformed(mail);
  if (headerValues(mail, "From").length !== 1) return malformed("Not exactly one From field");
  if (loops(mail, domain)) return loop;
  return { outcome: "ready", rfc5322: withoutBcc(mail, rfc5322), class: classOf(mail, false) };
}

const loop: Prepared = {
  outcome: "refused",
  reply: { code: 554, status: "5.4.6", text: "This mail has been here before" },
};

function loops(mail: Entity, domain: string): boolean {
  return countHops(mail, domain).loops;
}

/** Reads the header and proves that the core will be able to carry the mail; the text says why not. */
function read(rfc5322: Uint8Array): Entity | string {
  try {
    shrinkMail(rfc5322);
    return readMail(rfc5322);
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

function complete(mail: Entity, rfc5322: Uint8Array, add: Additions): Uint8Array {
  let lines = "";
  if (headerValues(mail, "Date").length === 0 && add.nowMs !== null) {
    const unixS = Math.floor(add.nowMs / 1_000);
    lines += `Date: ${formatDate({ unixS, zoneQuarters: 0, style: 0 })}\r\n`;
  }
  if (headerValues(mail, "Message-ID").length === 0) {
    lines += `Message-ID: <${Buffer.from(add.rng.bytes(16)).toString("hex")}@${add.domain}>\r\n`;
  }
  const plain = withoutBcc(mail, rfc5322);
  return lines === "" ? plain : new Uint8Array(Buffer.concat([Buffer.from(lines, "latin1"), plain]));
}

function withoutBcc(mail: Entity, rfc5322: Uint8Array): Uint8Array {
  const kept = mail.fields.filter((field) => fieldKey(field) !== "bcc");
  if (kept.length === mail.fields.length) return rfc5322;
  const header = kept.map((field) => `${field.name}:${field.raw}\r\n`).join("");
  const body = mail.body === null ? [] : [Buffer.from("\r\n"), mail.body];
  return new Uint8Array(Buffer.concat([Buffer.from(header, "latin1"), ...body]));
}

/**
 * The class a mail asks for: a tag `[flash]`, `[priority]`, `[bulk]` before the subject, else Importance
 * (RFC 4021 §2.1.51), X-Priority, Precedence. Outsiders can only lower themselves: the link is not theirs.
 */
function classOf(mail: Entity, trusted: boolean): MessageClass {
  const value = (name: string): string => (headerValues(mail, name)[0] ?? "").toLowerCase();
  const tag = /^\[(flash|priority|bulk)\]/.exec(value("Subject"))?.[1];
  const wish =
    tag === "flash" || tag === "priority" || tag === "bulk"
      ? tag
      : value("Importance") === "high" || /^[12]\b/.test(value("X-Priority"))
        ? "priority"
        : value("Importance") === "low" || /^[45]\b/.test(value("X-Priority"))
          ? "bulk"
          : /^(?:bulk|list|junk)$/.test(value("Precedence"))
            ? "bulk"
            : "normal";
  return trusted || wish === "bulk" ? wish : "normal";
}
