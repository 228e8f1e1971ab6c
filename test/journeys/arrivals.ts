import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type MailboxLogin, readMailbox } from "../interop/mailbox.js";
import type { Postfix } from "../interop/postfix.js";
import { differences, fieldValues, type Letter } from "./letters.js";
import type { HandedIn } from "./mail-program.js";

/** A letter some server promised to carry. */
export interface Promised {
  readonly letter: Letter;
  readonly handedIn: HandedIn;
}

/** What lies in all mailboxes, by address. */
export type Mailboxes = ReadonlyMap<string, readonly Buffer[]>;

export async function readAll(logins: readonly MailboxLogin[]): Promise<Mailboxes> {
  const mailboxes = new Map<string, readonly Buffer[]>();
  for (const login of logins) {
    const mails = await readMailbox(login);
    mailboxes.set(
      login.address,
      mails.map((mail) => mail.source),
    );
  }
  return mailboxes;
}

const idOf = (mail: Buffer): string => fieldValues(mail, "X-Estafette-Id")[0] ?? "";

/** Copies of a letter in one mailbox. */
function copiesOf({ messageId }: Letter, mails: readonly Buffer[]): readonly Buffer[] {
  return mails.filter((mail) => fieldValues(mail, "Message-ID").includes(messageId));
}

/** Letters and mailboxes that still lack each other. */
export function missing(promised: readonly Promised[], mailboxes: Mailboxes): readonly string[] {
  return promised.flatMap(({ letter, handedIn }) =>
    letter.to
      .filter((to) => copiesOf(letter, mailboxes.get(to) ?? []).length === 0)
      .map((to) => `${letter.marker} for ${to}, accepted as ${handedIn.ids.join(" ")}`),
  );
}

/** Whatever the promise forbids: lost, twice, in the wrong mailbox, altered, or nobody's. */
export function broken(promised: readonly Promised[], mailboxes: Mailboxes, own: boolean): readonly string[] {
  const found: string[] = [...missing(promised, mailboxes)];
  for (const [address, mails] of mailboxes) {
    const ids = mails.map(idOf);
    for (const id of new Set(ids)) {
      if (id === "") found.push(`a mail without X-Estafette-Id for ${address}`);
      else if (ids.filter((other) => other === id).length > 1) found.push(`${id} twice for ${address}`);
    }
    const known = new Set(promised.map(({ letter }) => letter.messageId));
    for (const mail of mails.filter((m) => !fieldValues(m, "Message-ID").some((id) => known.has(id))))
      found.push(`nobody wrote this to ${address}:\n${mail.toString("latin1").slice(0, 1_500)}`);
    for (const { letter, handedIn } of promised) {
      const copies = copiesOf(letter, mails);
      if (!letter.to.includes(address)) {
        if (copies.length > 0) found.push(`${letter.marker} is in the wrong mailbox ${address}`);
        continue;
      }
      // One for the 250 that was read, at most one more for each attempt whose answer was lost.
      if (copies.length > 1 + handedIn.doubts)
        found.push(`${letter.marker}: ${copies.length} copies for ${address}, ${handedIn.doubts} doubts`);
      const promisedHere = own ? handedIn.ids : [];
      for (const id of promisedHere) {
        const count = copies.filter((copy) => idOf(copy).startsWith(`${id}.`)).length;
        if (count !== 1) found.push(`${letter.marker}: accepted as ${id}, ${count} times in ${address}`);
      }
      for (const copy of copies) {
        const what = differences(letter.raw, copy);
        if (what.length > 0) found.push(`${letter.marker} for ${address} was altered: ${what.join("\n")}`);
      }
    }
  }
  return found;
}

/** Copies beyond the first of each letter: what clients sent again because a 250 was lost. */
export function countRepeats(promised: readonly Promised[], mailboxes: Mailboxes): number {
  let count = 0;
  for (const { letter } of promised)
    for (const to of letter.to) count += Math.max(0, copiesOf(letter, mailboxes.get(to) ?? []).length - 1);
  return count;
}

/**
 * How often Postfix lost the connection after the final dot and had to offer the mail again: the same doubt as a
 * client's (RFC 1047). Its log names the queue id; the line of cleanup(8) says which mail that is.
 */
export function doubtsOf(postfix: Postfix, letter: Letter): number {
  const log = postfix.log();
  const ids = new Set<string>();
  for (const [, queueId = "", messageId = ""] of log.matchAll(/ ([0-9A-F]{6,}): message-id=(\S+)/g))
    if (messageId === letter.messageId) ids.add(queueId);
  let doubts = 0;
  for (const [line, queueId = ""] of log.matchAll(/ ([0-9A-F]{6,}): [^\n]*/g))
    if (ids.has(queueId) && /(lost connection|timed out) .*end of data/.test(line)) doubts++;
  return doubts;
}

/** Files below a folder in which one of the words can be read. */
export function readableIn(folder: string, words: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    for (const word of words) if (bytes.includes(word)) found.push(`${word} in ${path}`);
  }
  return found;
}
