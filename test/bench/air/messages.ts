import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Delivery, Submission } from "@estafette/contract";
import { fieldKey, keepsField, readMail } from "@estafette/mail";

/** One message of a folder. */
export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly kind: "mail" | "text";
}

/** The three folders of a set of messages; one that is not there is empty. */
export interface Folders {
  /** `W-small`: short texts. */
  readonly small: readonly Sample[];
  /** `W-mail`: mails. */
  readonly mail: readonly Sample[];
  /** `W`: both, some of them long. */
  readonly mixed: readonly Sample[];
}

export function readFolders(folder: string): Folders {
  return {
    small: readSamples(join(folder, "W-small")),
    mail: readSamples(join(folder, "W-mail")),
    mixed: readSamples(join(folder, "W")),
  };
}

/** Says what the folder is, and is not one of its messages. */
const ABOUT_THE_FOLDER = /^\.|^(readme|licen[cs]e)|\.(jsonl?|md)$/i;

/** Messages in the order of their names. */
function readSamples(folder: string): readonly Sample[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !ABOUT_THE_FOLDER.test(entry.name))
    .map((entry) => entry.name)
    .sort()
    .map((name) => sampleOf(name, readFileSync(join(folder, name))));
}

/** A mail begins with header fields, a From among them; everything else is a short text, whatever its name. */
function sampleOf(name: string, bytes: Buffer): Sample {
  const text = bytes.toString("latin1");
  const head = text.slice(0, Math.max(0, text.search(/\r?\n\r?\n/)));
  const isMail = /^[!-9;-~]+:/.test(head) && /^from:/im.test(head);
  if (!isMail) return { name, bytes, kind: "text" };
  return { name, bytes: text.includes("\r\n") ? bytes : withCrlf(text), kind: "mail" };
}

/** As every mail program does it that hands in a file with the line ends of this system. */
function withCrlf(text: string): Buffer {
  return Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");
}

const crew = "crew@ship.example";
const office = "office@shore.example";

/** `outsider`: an address that has no account here, another one for each message. */
export function submissionOf(
  sample: Sample,
  more: { readonly class?: Submission["class"]; readonly outsider?: string } = {},
): Submission {
  const text = new TextDecoder().decode(sample.bytes);
  return {
    account: more.outsider ? null : "crew",
    from: more.outsider ?? crew,
    to: [office],
    content: sample.kind === "mail" ? { kind: "mail", rfc5322: sample.bytes } : { kind: "text", text },
    class: more.class ?? "normal",
    lifetimeS: null,
    receipt: false,
  };
}

/** Whether a delivery is what was sent: kept header fields and every byte of the body. */
function matches(sample: Sample, delivery: Delivery): boolean {
  if (sample.kind === "text") return Buffer.from(sample.bytes).equals(textOf(delivery));
  return keptOf(sample.bytes) === keptOf(delivery.rfc5322);
}

function textOf(delivery: Delivery): Buffer {
  const mail = Buffer.from(delivery.rfc5322).toString("latin1");
  return Buffer.from(mail.slice(mail.indexOf("\r\n\r\n") + 4), "base64");
}

function keptOf(rfc5322: Uint8Array): string {
  const mail = readMail(rfc5322);
  const fields = mail.fields.filter((f) => keepsField(f.name) && !fieldKey(f).startsWith("x-estafette"));
  const lines = fields.map((f) => JSON.stringify(f));
  return [...lines, Buffer.from(mail.body ?? []).toString("latin1")].join("\n");
}

/** How many samples arrived as they were sent, each once. */
export function countIntact(samples: readonly Sample[], deliveries: readonly Delivery[]): number {
  const open = [...deliveries];
  let intact = 0;
  for (const sample of samples) {
    const at = open.findIndex((d) => matches(sample, d));
    if (at < 0) continue;
    open.splice(at, 1);
    intact++;
  }
  return intact;
}
