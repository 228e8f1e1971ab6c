import { invariant } from "@estafette/contract";
import { parseAddress } from "./address.js";
import { limits } from "./limits.js";

/** What a notice tells: RFC 3464 §2.3.3. `relayed`: handed to mail that promises nothing more. */
export type NoticeAction = "failed" | "delayed" | "relayed" | "delivered" | "expanded";

export interface NoticeRecipient {
  readonly address: string;
  readonly action: NoticeAction;
  /** RFC 3463, for example `5.4.7`. */
  readonly status: string;
  /** One plain sentence: what happened. */
  readonly reason: string;
  /** SMTP reply of the far server, when there was one. */
  readonly diagnostic?: string;
}

export interface NoticeInput {
  /** Domain of the gateway that reports; the notice comes from `mailer-daemon@` it. */
  readonly reportingDomain: string;
  /** Sender of the mail in question; the notice goes there with an empty return path. */
  readonly to: string;
  /** 1…50. */
  readonly recipients: readonly NoticeRecipient[];
  /** What the sender can do, one or two plain sentences. */
  readonly advice: string;
  /** Of the mail in question; "" when unknown. */
  readonly subject: string;
  readonly originalMessageId: string;
  /** Identifier the sender was given at submission; "" when none. */
  readonly queueId: string;
  /** Unique text for Message-ID and boundary: letters, digits, dots, dashes [1…60]. */
  readonly noticeId: string;
  /** Now, and when a delayed mail is given up; RFC 5322 dates. */
  readonly date: string;
  readonly retryUntil?: string;
}

const titles: Record<NoticeAction, string> = {
  failed: "Not delivered",
  delayed: "Still waiting",
  relayed: "Handed on to the internet",
  delivered: "Delivered",
  expanded: "Delivered to a list",
};

/**
 * A delivery status notification (RFC 3464 in a multipart/report, RFC 6522): plain sentences first, then the
 * machine part, then three fields of the original. Send it with an empty return path; it carries
 * Auto-Submitted (RFC 3834) so that nothing answers it. At most `limits.noticeBytesMax` bytes.
 */
export function buildNotice(input: NoticeInput): Uint8Array {
  invariant(/^[A-Za-z0-9.-]{1,60}$/.test(input.noticeId), "a notice id is a short token");
  invariant(input.recipients.length > 0, "a notice is about somebody");
  const to = parseAddress(input.to);
  const from = parseAddress(`mailer-daemon@${input.reportingDomain}`);
  invariant(to !== null && from !== null, "a notice has strict addresses at both ends");
  for (let count = input.recipients.length, textChars = 400; ; ) {
    const bytes = new TextEncoder().encode(write(input, { from: from.text, to: to.text, count, textChars }));
    if (bytes.length <= limits.noticeBytesMax) return bytes;
    // Shorter sentences first, then fewer recipients in detail; one of each always fits.
    if (textChars > 60) textChars = Math.max(60, Math.floor(textChars / 2));
    else count = Math.max(1, Math.floor(count / 2));
    invariant(count > 1 || textChars >= 60, "a notice fits its bound");
  }
}

interface Plan {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly textChars: number;
}

function write(input: NoticeInput, plan: Plan): string {
  const { recipients } = input;
  const shown = recipients.slice(0, plan.count);
  const action = recipients[0]?.action ?? "failed";
  const clean = (text: string): string => oneLine(text, plan.textChars);
  const subject = clean(input.subject);
  const boundary = `=_${input.noticeId}`;
  const people = shown.map((r) => `  ${oneLine(r.address, 320)}: ${clean(r.reason)}`);
  if (shown.length < recipients.length) people.push(`  and ${recipients.length - shown.length} more.`);
  const lines = [
    `From: Mail gateway <${plan.from}>`,
    `To: <${plan.to}>`,
    `Subject: ${titles[action]}: ${printable(oneLine(input.subject, Math.min(plan.textChars, 120)))}`,
    `Date: ${oneLine(input.date, 60)}`,
    `Message-ID: <${input.noticeId}@${input.reportingDomain}>`,
    ...(isId(input.originalMessageId) ? [`In-Reply-To: ${input.originalMessageId}`] : []),
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=UTF-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    `${titles[action]}: your mail "${subject}"${input.queueId === "" ? "" : ` (${oneLine(input.queueId, 40)})`}.`,
    "",
    ...people,
    "",
    // Indented when it looks like a delimiter: the only line that begins with what somebody else wrote.
    clean(input.advice).replace(/^-/, " -"),
    ...(input.retryUntil === undefined ? [] : [`We keep trying until ${oneLine(input.retryUntil, 60)}.`]),
    "",
    `--${boundary}`,
    "Content-Type: message/delivery-status",
    "",
    `Reporting-MTA: dns; ${input.reportingDomain}`,
    ...shown.flatMap((recipient) => machineLines(recipient, input, plan)),
    "",
    `--${boundary}`,
    "Content-Type: text/rfc822-headers",
    "",
    ...(isId(input.originalMessageId) ? [`Message-ID: ${input.originalMessageId}`] : []),
    `Subject: ${printable(subject)}`,
    "",
    `--${boundary}--`,
    "",
  ];
  return lines.join("\r\n");
}

function machineLines(recipient: NoticeRecipient, input: NoticeInput, plan: Plan): string[] {
  invariant(/^[245]\.\d{1,3}\.\d{1,3}$/.test(recipient.status), "a status is three numbers (RFC 3463 §2)");
  const lines = [
    "",
    `Final-Recipient: rfc822; ${printable(oneLine(recipient.address, 320))}`,
    `Action: ${recipient.action}`,
    `Status: ${recipient.status}`,
  ];
  const { diagnostic } = recipient;
  if (diagnostic !== undefined)
    lines.push(`Diagnostic-Code: smtp; ${printable(oneLine(diagnostic, plan.textChars))}`);
  if (input.retryUntil !== undefined && recipient.action === "delayed") {
    lines.push(`Will-Retry-Until: ${oneLine(input.retryUntil, 60)}`);
  }
  return lines;
}

/** Anything from outside becomes one line, so that no value can add a field or a part. */
function oneLine(text: string, charsMax: number): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length <= charsMax ? line : `${line.slice(0, charsMax - 1).trimEnd()}…`;
}

/** Header fields are ASCII; other characters become one encoded word (RFC 2047), whose 75 characters bound the text. */
function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const bytes: number[] = [];
  for (const char of text) {
    const next = new TextEncoder().encode(char);
    if (bytes.length + next.length > 45) break;
    bytes.push(...next);
  }
  return `=?UTF-8?B?${btoa(String.fromCharCode(...bytes))}?=`;
}

function isId(text: string): boolean {
  return /^<[\x21-\x3b\x3d\x3f-\x7e]{1,200}>$/.test(text);
}
