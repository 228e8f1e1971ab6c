import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Letter } from "./letters.js";
import { runProgram } from "./program.js";

/** How a mail program got a mail rid of. */
export interface HandedIn {
  /** Ids the server promised with a 250 that was read; one, as a client stops at the first. */
  readonly ids: readonly string[];
  /**
   * Attempts that broke before an answer was read. RFC 5321 §4.2.5 and RFC 1047: the client cannot know whether the
   * server kept the mail; it tries again, and each such attempt may have become a message of its own.
   */
  readonly doubts: number;
  readonly attempts: number;
}

export interface MailServer {
  readonly port: number;
  /** Login; null: the server takes mail from this machine. */
  readonly passwords: ReadonlyMap<string, string> | null;
  /** Told when an attempt begins, so that a test can pull the plug in the middle of one. */
  readonly onAttempt?: () => void;
  /** For files that swaks reads. */
  readonly folder: string;
}

type Attempt =
  | { readonly outcome: "accepted"; readonly reply: string }
  | { readonly outcome: "away" | "broken" };

/** Tries until the server says 250. Throws when it refuses, or when `signal` ends the journey. */
export async function handIn(letter: Letter, server: MailServer, signal: AbortSignal): Promise<HandedIn> {
  let doubts = 0;
  for (let attempts = 1; ; attempts++) {
    signal.throwIfAborted();
    server.onAttempt?.();
    const attempt =
      letter.by === "swaks" ? await bySwaks(letter, server) : await byNodemailer(letter, server);
    if (attempt.outcome === "accepted") {
      const id = /[Qq]ueued as ([0-9A-Za-z-]+)/.exec(attempt.reply)?.[1];
      if (id === undefined) throw new Error(`250 without an id: ${attempt.reply}`);
      return { ids: [id], doubts, attempts };
    }
    if (attempt.outcome === "broken") doubts++;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function byNodemailer(letter: Letter, server: MailServer): Promise<Attempt> {
  const pass = server.passwords?.get(letter.from);
  const transport = createTransport({
    host: "127.0.0.1",
    port: server.port,
    secure: false,
    ignoreTLS: true,
    ...(pass === undefined ? {} : { auth: { user: userOf(letter.from), pass } }),
  });
  try {
    const envelope = { from: letter.from, to: [...letter.to] };
    const { response } = await transport.sendMail({ envelope, raw: letter.raw });
    return { outcome: "accepted", reply: response };
  } catch (error) {
    const {
      responseCode = 0,
      message,
      code,
      command,
    } = error as Error & {
      responseCode?: number;
      code?: string;
      command?: string;
    };
    // 421 and other 4yz: not taken, come again.
    if (responseCode >= 500) throw new Error(`refused: ${message}`, { cause: error });
    if (responseCode >= 400 || /ECONNREFUSED/.test(message)) return { outcome: "away" };
    if (code === undefined) throw error;
    return { outcome: command === "CONN" && /Greeting/.test(message) ? "away" : "broken" };
  } finally {
    transport.close();
  }
}

/** Exit codes as in swaks(1): 0 all went well, 2 no connection, 21 to 28 the step of SMTP that failed. */
async function bySwaks(letter: Letter, server: MailServer): Promise<Attempt> {
  const file = join(server.folder, `${letter.marker}.eml`);
  // swaks puts a line end after the data of a file.
  writeFileSync(file, letter.raw.subarray(0, letter.raw.length - 2));
  const pass = server.passwords?.get(letter.from);
  const login =
    pass === undefined
      ? []
      : ["--auth", "PLAIN", "--auth-user", userOf(letter.from), "--auth-password", pass];
  const to = letter.to.join(",");
  const where = ["--server", `127.0.0.1:${server.port}`, "--from", letter.from, "--to", to];
  const ran = await runProgram(["swaks", ...where, ...login, "--data", `@${file}`], {
    folder: server.folder,
  });
  if (ran.code === 0) {
    const reply = ran.out.split("\n").find((line) => /^<-\s+250 .*[Qq]ueued as/.test(line)) ?? "";
    return { outcome: "accepted", reply };
  }
  if (/^<\*\* +5\d\d/m.test(ran.out)) throw new Error(`swaks: refused\n${ran.out}`);
  return { outcome: ran.code === 2 ? "away" : "broken" };
}

const userOf = (address: string): string => address.slice(0, address.indexOf("@"));
