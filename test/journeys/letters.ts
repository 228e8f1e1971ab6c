import { createTransport, type SendMailOptions } from "nodemailer";

/** One mail of the journey: the bytes its author's program sends, and where they must arrive. */
export interface Letter {
  readonly by: "nodemailer" | "swaks";
  readonly from: string;
  readonly to: readonly string[];
  /** With angle brackets. */
  readonly messageId: string;
  /** A word that nobody else writes, in the subject and in the body. */
  readonly marker: string;
  readonly raw: Buffer;
}

export interface Correspondents {
  /** Aboard. */
  readonly crew: readonly [string, string];
  /** In the shore gateway's own domain. */
  readonly office: readonly [string, string];
  /** On the wide internet. */
  readonly elsewhere: readonly [string, string];
}

/** Twenty mails of the crew, of every form a mail program writes; seven go to the wide internet, four by swaks. */
export async function lettersFromSea(who: Correspondents): Promise<readonly Letter[]> {
  const letters: Letter[] = [];
  for (let i = 0; i < 20; i++) {
    const abroad = i % 3 === 2;
    const [first, second] = abroad ? who.elsewhere : who.office;
    const from = who.crew[i % 2] ?? "";
    const to = i % 5 === 0 ? [first, second] : [i % 2 === 0 ? first : second];
    letters.push(await letterOf({ number: i, prefix: "sea", from, to, answered: letters[i - 5] ?? null }));
  }
  return letters;
}

/** Eight answers from the shore, each to the author of an earlier mail. */
export async function lettersFromShore(received: readonly Letter[]): Promise<readonly Letter[]> {
  const letters: Letter[] = [];
  for (const [number, answered] of received.slice(0, 8).entries()) {
    const plan = { number, prefix: "land", from: answered.to[0] ?? "", to: [answered.from] };
    letters.push(await letterOf({ ...plan, answered, by: "nodemailer" }));
  }
  return letters;
}

interface Plan {
  readonly number: number;
  readonly prefix: string;
  readonly from: string;
  readonly to: readonly string[];
  /** The mail it is a reply to, when its form is a reply. */
  readonly answered: Letter | null;
  readonly by?: Letter["by"];
}

const FORMS = ["plain", "attachment", "utf-8", "8-bit", "long lines", "by hand"] as const;

async function letterOf(plan: Plan): Promise<Letter> {
  const { number, prefix, from, to, answered } = plan;
  const form = FORMS[number % FORMS.length] ?? "plain";
  const marker = `zyx${prefix}${number}qvw`;
  const messageId = `<${prefix}.${number}.${marker}@${from.slice(from.indexOf("@") + 1)}>`;
  const by = plan.by ?? (number % 5 === 4 ? "swaks" : "nodemailer");
  const common = { number, from, to, messageId, marker, answered };
  const raw =
    form === "8-bit" || form === "long lines" ? rawMail(common, form) : await composed(common, form);
  return { by, from, to, messageId, marker, raw };
}

interface Common {
  readonly number: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly messageId: string;
  readonly marker: string;
  readonly answered: Letter | null;
}

const dateOf = (number: number): Date => new Date(Date.UTC(2026, 10, 21, 9, number, 17));

/** As nodemailer writes it for its users. */
async function composed(mail: Common, form: (typeof FORMS)[number]): Promise<Buffer> {
  const { number, from, to, messageId, marker, answered } = mail;
  const [first = "", ...others] = to;
  const accents = form === "utf-8" ? "Überfahrt bei Windstärke 7, alles wohlauf – 船" : "Noon report";
  const options: SendMailOptions = {
    from: { name: form === "utf-8" ? "Ænne Größe" : "Crew", address: from },
    to: first,
    ...(others.length > 0 ? { cc: others } : {}),
    subject: `${accents} ${marker}`,
    date: dateOf(number),
    messageId,
    text: `${marker}: position 54 32 N 007 10 E, wind SW 7, sea 5.\n\n.a line that begins with a dot\n${accents}\n`,
    ...(answered ? { inReplyTo: answered.messageId, references: referencesTo(answered) } : {}),
    ...(form === "attachment" ? attachments(marker) : {}),
    xMailer: false,
  };
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  const { message } = await transport.sendMail(options);
  if (!Buffer.isBuffer(message)) throw new Error("nodemailer was asked for a buffer");
  return message;
}

function referencesTo(answered: Letter): string[] {
  const earlier = /^References: ([\s\S]*?)\r\n(?![ \t])/m.exec(answered.raw.toString("latin1"))?.[1] ?? "";
  return [...earlier.split(/\s+/).filter((id) => id !== ""), answered.messageId];
}

function attachments(marker: string): Pick<SendMailOptions, "html" | "attachments"> {
  const bytes = Buffer.from(Array.from({ length: 900 }, (_, i) => (i * i * 31 + marker.length * i) & 0xff));
  return {
    html: `<p>Noon report <b>${marker}</b>, chart attached.</p>`,
    attachments: [
      { filename: "Karte-Föhr.png", content: bytes, contentType: "image/png" },
      { filename: "log.csv", content: `hour,barometer\r\n06,${marker}\r\n`, contentType: "text/csv" },
    ],
  };
}

/** Byte by byte, as an old program writes it. */
function rawMail(mail: Common, form: "8-bit" | "long lines"): Buffer {
  const { number, from, to, messageId, marker, answered } = mail;
  const long = `${marker} ${"All work and no play makes a long line. ".repeat(30)}`.slice(0, 985);
  const eight = `${marker}: Grüße von Bord, café crème à 3 €.\r\n\r\n..two dots\r\n\tTab and trailing blanks   \r\n`;
  const head = [
    `From:   "O'Brien, Pat" <${from}>`,
    `To: ${to.map((one) => `<${one}>`).join(",\r\n\t")}`,
    `Subject: ${marker} as it was\r\n typed on two lines`,
    `Date: ${dateOf(number).toUTCString().replace("GMT", "+0000")}`,
    `Message-Id: ${messageId}`,
    ...(answered
      ? [`In-Reply-To: ${answered.messageId}`, `References: ${referencesTo(answered).join("\r\n ")}`]
      : []),
    "MIME-Version: 1.0",
    `Content-Type: text/plain; charset="utf-8"`,
    `Content-Transfer-Encoding: ${form === "8-bit" ? "8bit" : "7bit"}`,
  ];
  const body = form === "8-bit" ? eight : `${long}\r\n${long}\r\n\r\nend\r\n`;
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Fields that must arrive as they were written, and every field that says how to read the body. */
const KEPT = /^(from|to|cc|subject|date|message-id|in-reply-to|references|mime-version|content-[a-z-]+):/i;

/** What differs between what was sent and what a mailbox serves; empty: nothing a reader could see. */
export function differences(sent: Buffer, stored: Buffer): readonly string[] {
  const [a, b] = [split(sent), split(stored)];
  const found: string[] = [];
  if (a.fields.join("\n") !== b.fields.join("\n"))
    found.push(`fields sent:\n${a.fields.join("\n")}\nfields stored:\n${b.fields.join("\n")}`);
  if (!a.body.equals(b.body)) {
    const at = a.body.findIndex((byte, i) => byte !== b.body[i]);
    const show = (body: Buffer): string =>
      JSON.stringify(body.subarray(Math.max(0, at - 40), at + 80).toString("latin1"));
    found.push(
      `bodies differ at byte ${at} of ${a.body.length} and ${b.body.length}: ${show(a.body)} ${show(b.body)}`,
    );
  }
  return found;
}

/** Kept fields with their folds, sorted by name, and the bytes after the header. */
function split(mail: Buffer): { readonly fields: readonly string[]; readonly body: Buffer } {
  const end = mail.indexOf("\r\n\r\n");
  const header = mail.subarray(0, end).toString("latin1");
  const fields = header
    .split(/\r\n(?![ \t])/)
    .filter((field) => KEPT.test(field))
    .map((field) => {
      const colon = field.indexOf(":");
      return `${field.slice(0, colon).toLowerCase()}:${field.slice(colon + 1)}`;
    });
  return { fields: fields.sort(), body: mail.subarray(end + 4) };
}

/** Values of a header field, unfolded. */
export function fieldValues(mail: Buffer, name: string): readonly string[] {
  const header = mail.subarray(0, mail.indexOf("\r\n\r\n")).toString("latin1");
  const lead = `${name.toLowerCase()}:`;
  return header
    .split(/\r\n(?![ \t])/)
    .filter((field) => field.toLowerCase().startsWith(lead))
    .map((field) => field.slice(lead.length).replace(/\r\n/g, "").trim());
}
