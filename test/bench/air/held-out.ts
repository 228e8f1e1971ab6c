import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Folders, Sample } from "./messages.js";

/** Languages there is prose of; see held-out/README.md. */
export const HELD_OUT = ["en", "de", "nl"] as const;
export type Language = (typeof HELD_OUT)[number];

const TEXTS = 100;
const MAILS = 40;
/** A short text of people who write on a small radio. */
const TEXT_BYTES = { min: 40, max: 160 };
/** Bodies grow in turn through these lengths; their median is what the mails of the bench have. */
const BODY_BYTES = [500, 900, 1_400, 1_800, 2_600] as const;
const LINE_CHARACTERS_MAX = 72;

const PEOPLE: Readonly<Record<Language, readonly string[]>> = {
  en: ["Dick Hammond <dick@guesthouse.example>", "Ellen Thames <ellen@upriver.example>"],
  de: ["Grete Samsa <grete@wohnung.example>", "Prokurist Blau <blau@geschaeft.example>"],
  nl: ["Jan van der Aa <jan@gracht.example>", "Mejuffrouw Bol <bol@buiten.example>"],
};

/** A folder of messages made of prose nobody trained with: the same at each call. */
export function heldOutFolders(language: Language): Folders {
  const prose = readFileSync(sourceOf(language), "utf8");
  const sentences = prose.split(/(?<=[.!?]["»”']?)\s+/).filter((sentence) => sentence.length > 0);
  const isText = (one: string) => isWithin(Buffer.byteLength(one), TEXT_BYTES);
  const short = sentences.filter(isText).slice(0, TEXTS);
  const taken = new Set(short);
  const rest = sentences.filter((sentence) => !taken.has(sentence));
  const small = short.map((text, i) => sample("text", `text-${i}`, text));
  return { small, mail: mailsOf(language, rest), mixed: [] };
}

function sourceOf(language: Language): string {
  // Compiled, this file lies in test/dist/bench/air; the prose stays where it is.
  const here = fileURLToPath(import.meta.url).replace("/test/dist/", "/test/");
  return `${here.slice(0, here.lastIndexOf("/"))}/held-out/${language}.txt`;
}

function isWithin(value: number, { min, max }: { readonly min: number; readonly max: number }): boolean {
  return value >= min && value <= max;
}

function sample(kind: Sample["kind"], name: string, text: string): Sample {
  return { name, kind, bytes: new TextEncoder().encode(text) };
}

function mailsOf(language: Language, sentences: readonly string[]): Sample[] {
  const mails: Sample[] = [];
  let body: string[] = [];
  for (const sentence of sentences) {
    body.push(sentence);
    const wantedBytes = BODY_BYTES[mails.length % BODY_BYTES.length] ?? 0;
    if (Buffer.byteLength(body.join(" ")) < wantedBytes) continue;
    mails.push(mail(language, mails.length, body));
    body = [];
    if (mails.length === MAILS) break;
  }
  return mails;
}

function mail(language: Language, index: number, sentences: readonly string[]): Sample {
  const [a, b] = PEOPLE[language] as readonly [string, string];
  const [from, to] = index % 3 === 0 ? [b, a] : [a, b];
  const first = sentences[0] ?? "";
  const date = new Date(Date.UTC(2025, 2, 3, 8, 12) + index * 17_432_000);
  const stamp = `${date.toUTCString().slice(0, 25)} +0000`;
  const lines = [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${encodedWord(first.split(" ").slice(0, 5).join(" "))}`,
    `Date: ${stamp}`,
    `Message-ID: ${messageId(language, index)}`,
    ...(index % 4 === 3 ? [`In-Reply-To: ${messageId(language, index - 1)}`] : []),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    ...wrapped(sentences.join(" ")),
    "",
  ];
  return sample("mail", `mail-${index}`, lines.join("\r\n"));
}

/** RFC 2047, where there is something to encode. */
function encodedWord(text: string): string {
  const isAscii = /^[\x20-\x7e]*$/.test(text);
  return isAscii ? text : `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
}

function messageId(language: Language, index: number): string {
  const id = createHash("sha256").update(`${language} ${index}`).digest("hex").slice(0, 24);
  return `<${id}@mail.example>`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > LINE_CHARACTERS_MAX) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
