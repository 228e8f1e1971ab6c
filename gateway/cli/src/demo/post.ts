import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Party } from "./world.js";

export interface Letter {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly inReplyTo?: string;
}

/** Hands a mail in as a mail program does: SMTP with a login. Resolves with what the gateway answered. */
export async function post(
  from: Party,
  letter: Letter,
): Promise<{ readonly response: string; readonly bytes: number }> {
  const { host, port } = from.submission;
  const transport = createTransport({
    host,
    port,
    secure: false,
    ignoreTLS: true,
    auth: { user: from.user, pass: from.password },
  });
  try {
    const sent = await transport.sendMail({
      from: from.address,
      to: letter.to,
      subject: letter.subject,
      text: letter.text,
      ...(letter.inReplyTo === undefined
        ? {}
        : { inReplyTo: letter.inReplyTo, references: letter.inReplyTo }),
    });
    return { response: sent.response, bytes: sent.messageSize ?? 0 };
  } finally {
    transport.close();
  }
}

/** Files of a maildir's `new`, with what is in them; none while the mailbox does not exist. */
export async function mailsIn(
  mailbox: string,
): Promise<readonly { readonly file: string; readonly mail: Buffer }[]> {
  const folder = join(mailbox, "new");
  let files: string[];
  try {
    files = (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return Promise.all(
    files.map(async (file) => ({ file: join(folder, file), mail: await readFile(join(folder, file)) })),
  );
}
