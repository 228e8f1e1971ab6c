import { ImapFlow } from "imapflow";

/** One mail as IMAP serves it. */
export interface StoredMail {
  /** The whole message, CRLF line ends, as stored. */
  readonly source: Buffer;
}

/** Where to read: a user of {@link startDovecot}. */
export interface MailboxLogin {
  readonly imapPort: number;
  readonly address: string;
  readonly password: string;
}

/** Mails of one INBOX, oldest first. At most 10 000; a test never needs more. */
export async function readMailbox(login: MailboxLogin): Promise<readonly StoredMail[]> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: login.imapPort,
    secure: false,
    auth: { user: login.address, pass: login.password },
    logger: false,
  });
  await client.connect();
  try {
    const mailbox = await client.mailboxOpen("INBOX", { readOnly: true });
    if (mailbox.exists === 0) return [];
    const mails: StoredMail[] = [];
    for await (const message of client.fetch(`1:${Math.min(mailbox.exists, 10_000)}`, { source: true })) {
      if (message.source) mails.push({ source: message.source });
    }
    return mails;
  } finally {
    await client.logout();
  }
}

/** Reads the INBOX until it holds `count` mails or `withinMs` have passed; returns what is there then. */
export async function awaitMails(
  login: MailboxLogin,
  count: number,
  withinMs: number,
): Promise<readonly StoredMail[]> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const mails = await readMailbox(login);
    if (mails.length >= count || performance.now() > deadline) return mails;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
