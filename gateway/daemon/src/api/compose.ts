import type { Clock, Rng } from "@estafette/contract";

/** What somebody types: becomes a mail with the headers RFC 5322 §3.6 demands. */
export interface TypedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** Builds the RFC 5322 text of a typed mail: CRLF, UTF-8; base64 only where a line would be too long. */
export function composeMail(mail: TypedMail, options: { clock: Clock; rng: Rng }): Uint8Array {
  const { clock, rng } = options;
  const lines = mail.text.replaceAll(/\r\n|\r|\n/g, "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  const ascii = lines.every((line) => isAscii(line));
  const long = lines.some((line) => Buffer.byteLength(line) > LINE_BYTES_MAX);
  const domain = mail.from.slice(mail.from.lastIndexOf("@") + 1) || "localhost";
  const id = Buffer.from(rng.bytes(12)).toString("base64url");
  const body = `${lines.join("\r\n")}\r\n`;
  const encoding = long ? "base64" : ascii ? "7bit" : "8bit";
  const header = [
    `From: ${mail.from}`,
    `To: ${fold(mail.to)}`,
    ...(mail.subject === "" ? [] : [`Subject: ${encodedWords(mail.subject)}`]),
    ...(clock.trust() === "untrusted" ? [] : [`Date: ${rfc5322Date(clock.unixMs())}`]),
    `Message-ID: <${id}@${domain}>`,
    "MIME-Version: 1.0",
    `Content-Type: text/plain; charset=${ascii ? "us-ascii" : "utf-8"}`,
    `Content-Transfer-Encoding: ${encoding}`,
  ].join("\r\n");
  return new Uint8Array(Buffer.from(`${header}\r\n\r\n${long ? base64Lines(body) : body}`, "utf8"));
}

/** RFC 5322 §2.1.1: 998 characters without the CRLF. */
const LINE_BYTES_MAX = 998;

function isAscii(text: string): boolean {
  return /^[\x20-\x7e\t]*$/.test(text);
}

function fold(addresses: readonly string[]): string {
  return addresses.join(",\r\n ");
}

/** RFC 2047 §2: at most 75 characters each; 39 bytes of UTF-8 make 52 of base64 and 12 of frame. */
function encodedWords(subject: string): string {
  if (isAscii(subject) && subject.length <= 900) return subject;
  const words: string[] = [];
  let chunk = "";
  for (const character of subject) {
    if (Buffer.byteLength(chunk + character) > 39) {
      words.push(chunk);
      chunk = "";
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}

function base64Lines(body: string): string {
  const text = Buffer.from(body, "utf8").toString("base64");
  return `${text.match(/.{1,76}/g)?.join("\r\n") ?? ""}\r\n`;
}

/** RFC 5322 §3.3, in UTC. */
function rfc5322Date(unixMs: number): string {
  return new Date(unixMs).toUTCString().replace("GMT", "+0000");
}
