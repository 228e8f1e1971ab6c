import { formatAddress, publicIdOf } from "@estafette/protocol";
import type { DeliveryRecord } from "@estafette/spool";
import type { DeliveryContext } from "./deliveries.js";
import { stableId } from "./deliveries.js";

/** A short text as a mail for its recipient's mailbox. Same input, same bytes. */
export function renderText(
  body: Uint8Array,
  about: { readonly record: DeliveryRecord; readonly context: DeliveryContext; readonly gateway: string },
): Uint8Array {
  const { record, context } = about;
  const text = new TextDecoder().decode(body);
  const { origin, epoch, sequence } = record.key;
  const lines = [
    `From: <${record.from}>`,
    `To: ${record.to.map((a) => `<${a}>`).join(", ")}`,
    `Subject: ${encodeWord(firstLine(text))}`,
    ...(context.createdUnixS === null ? [] : [`Date: ${mailDate(context.createdUnixS)}`]),
    `Message-ID: <${publicIdOf(origin, epoch, sequence)}.${epoch}.${sequence}@${formatAddress(origin)}>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    `X-Estafette-Id: ${stableId(record.key)}`,
    ...(context.path
      ? [`X-Estafette-Path: ${context.verified ? "verified" : "unverified"}; ${context.path}`]
      : []),
    "",
    ...(Buffer.from(body)
      .toString("base64")
      .match(/.{1,76}/g) ?? []),
    "",
  ];
  return new TextEncoder().encode(lines.join("\r\n"));
}

/** The first words of a text as its subject, at most 60 characters. */
function firstLine(text: string): string {
  const line = (text.split(/[\r\n]/, 1)[0] ?? "").trim();
  return line.length > 60 ? `${line.slice(0, 57)}...` : line || "(no subject)";
}

/** RFC 2047 when the text is not plain ASCII. */
function encodeWord(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;
}

/** RFC 5322 §3.3 in UTC. */
export function mailDate(unixS: number): string {
  return new Date(unixS * 1000).toUTCString().replace("GMT", "+0000");
}
