/**
 * The words of the payload's header coding. Part of the wire format: entries are appended, never moved.
 * Names and lines are from RFC 5322, 2045, 2046, 2183, 2369, 2919, 3282, 3834, 4021, 8098 and from mails seen.
 */

/** Code 0x80 + index: a field of this name, spelled so, its value after one space. */
export const namedFields = [
  "From",
  "To",
  "Cc",
  "Subject",
  "Date",
  "Message-ID",
  "In-Reply-To",
  "References",
  "Reply-To",
  "Content-Type",
  "Content-Transfer-Encoding",
  "Content-Disposition",
  "Content-ID",
  "Content-Description",
  "Content-Language",
  "MIME-Version",
  "Sender",
  "Auto-Submitted",
  "Importance",
  "X-Priority",
  "Priority",
  "Disposition-Notification-To",
  "List-Id",
  "List-Unsubscribe",
  "List-Post",
  "Precedence",
  "Message-Id",
  "Comments",
  "Keywords",
  "Content-Location",
  "Content-Id",
  "CC",
  "X-Estafette-Trace",
] as const;

/** Code 0xc0 + index: this whole line. */
export const wholeLines = [
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=UTF-8",
  "Content-Transfer-Encoding: 7bit",
  "Content-Language: en-US",
  "Content-Type: text/plain; charset=utf-8",
  'Content-Type: text/plain; charset="utf-8"',
  'Content-Type: text/plain; charset="UTF-8"',
  "Content-Type: text/plain; charset=UTF-8; format=flowed",
  "Content-Transfer-Encoding: 8bit",
  "Content-Transfer-Encoding: base64",
  "Content-Transfer-Encoding: quoted-printable",
  "Content-Type: text/html; charset=UTF-8",
  "Content-Type: text/html; charset=utf-8",
  'Content-Type: text/html; charset="utf-8"',
  'Content-Type: text/html; charset="UTF-8"',
  "Content-Language: en-GB",
  "Content-Type: text/plain; charset=us-ascii",
  'Content-Type: text/plain; charset="us-ascii"',
  "Content-Disposition: inline",
  "Content-Disposition: attachment",
  "Mime-Version: 1.0",
  "MIME-version: 1.0",
  "Auto-Submitted: auto-generated",
  "Auto-Submitted: auto-replied",
  "Importance: high",
  "Importance: normal",
  "Importance: low",
  "X-Priority: 1",
  "X-Priority: 3",
  "Content-Type: message/rfc822",
] as const;

/** Codes of the fields that have a form of their own. */
export const special = {
  /** Dates: seconds, then zone and style where the name says so. */
  date: 0xf0,
  dateZone: 0xf1,
  dateZoneStyle: 0xf2,
  dateStyle: 0xf3,
  messageId: 0xf4,
  inReplyTo: 0xf5,
  references: 0xf6,
  /** In-Reply-To that equals the last of References. */
  inReplyToLast: 0xf7,
} as const;

const kept = new Set<string>([
  ...namedFields.map((name) => name.toLowerCase()),
  "list-help",
  "list-subscribe",
]);
for (const name of [
  "list-owner",
  "list-archive",
  "list-unsubscribe-post",
  "x-msmail-priority",
  "sensitivity",
]) {
  kept.add(name);
}
for (const name of [
  "supersedes",
  "expires",
  "accept-language",
  "autocrypt",
  "followup-to",
  "mail-followup-to",
]) {
  kept.add(name);
}

/**
 * Whether the payload carries this field (any case). Transport, client and `X-` fields say nothing to the reader
 * and cost airtime; `Bcc` would tell what its writer wants hidden. Fields of RFC 5322, MIME, lists, priority,
 * automatic answers and the gateway's own trace are kept.
 */
export function keepsField(name: string): boolean {
  const key = name.trimEnd().toLowerCase();
  return kept.has(key) || key.startsWith("content-");
}
