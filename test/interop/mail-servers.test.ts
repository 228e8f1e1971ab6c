import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../report/require.js";
import { type Dovecot, startDovecot } from "./dovecot.js";
import { awaitMails, readMailbox } from "./mailbox.js";
import { freePorts } from "./ports.js";
import { type Postfix, startPostfix } from "./postfix.js";

const ada = { address: "ada@shore.example", password: "correct horse" };
const bob = { address: "bob@shore.example", password: "battery" };
const eve = { address: "eve@shore.example", password: "staple" };

/** A mail with every byte under our control; nodemailer sends `raw` as it is. */
function mailTo(to: string, subject: string, extra: readonly string[] = []): Buffer {
  const lines = [
    "From: Skipper <skipper@ship.example>",
    `To: <${to}>`,
    `Subject: ${subject}`,
    "Message-ID: <1@ship.example>",
    ...extra,
    "",
    "Salut à bord: 8-bit, and",
    "..a line that begins with dots.",
    "",
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** Hands a raw mail to a loopback server; resolves with what the server answered to each recipient's copy. */
async function send(port: number, to: string, raw: Buffer, lmtp = false): Promise<string> {
  const transport = createTransport({ host: "127.0.0.1", port, lmtp, secure: false, ignoreTLS: true });
  try {
    const info = await transport.sendMail({ envelope: { from: "skipper@elsewhere.example", to: [to] }, raw });
    return info.response;
  } finally {
    transport.close();
  }
}

/** The least LMTP server (RFC 2033): takes every mail, and tells the first recipient of each. */
function lmtpSink(port: number, onMail: (recipient: string) => void): Server {
  const server = createServer((socket) => {
    let rest = "";
    let recipient = "";
    let inData = false;
    const answer = (line: string): string => {
      if (inData && line !== ".") return "";
      if (inData) onMail(recipient);
      const command = inData ? "." : line.slice(0, 4).toUpperCase();
      inData = command === "DATA";
      if (command === "RCPT") recipient = /<(.*)>/.exec(line)?.[1] ?? "";
      if (command === "QUIT") return "221 bye\r\n";
      return command === "DATA" ? "354 go on\r\n" : "250 yes\r\n";
    };
    socket.write("220 sink LMTP\r\n");
    socket.on("data", (chunk) => {
      const lines = (rest + chunk.toString("latin1")).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) socket.write(answer(line));
    });
    socket.on("error", () => socket.destroy());
  });
  return server.listen(port, "127.0.0.1");
}

describe.skipIf(needs("dovecot").skip)("Dovecot ashore", () => {
  let dovecot: Dovecot;
  beforeAll(async () => {
    dovecot = await startDovecot({ users: [ada, bob] });
  });
  afterAll(() => dovecot?.stop());

  it("takes mail by LMTP and serves the same bytes by IMAP", async () => {
    const raw = mailTo(ada.address, "bytes");
    expect(await send(dovecot.lmtpPort, ada.address, raw, true)).toMatch(/^250 /);
    const [mail, ...others] = await readMailbox({ ...ada, imapPort: dovecot.imapPort });
    expect(others).toHaveLength(0);
    // Dovecot puts Return-Path, Delivered-To and Received before the message and leaves the rest alone.
    const source = mail?.source ?? Buffer.alloc(0);
    expect(source.subarray(source.length - raw.length).equals(raw)).toBe(true);
  });

  it("drops what repeats an X-Estafette-Id in the same mailbox, and nothing else", async () => {
    const login = { ...bob, imapPort: dovecot.imapPort };
    const first = ["X-Estafette-Id: 4F2K-M2QX"];
    await send(dovecot.lmtpPort, bob.address, mailTo(bob.address, "first", first), true);
    await send(dovecot.lmtpPort, bob.address, mailTo(bob.address, "first again", first), true);
    expect(await readMailbox(login)).toHaveLength(1);
    await send(
      dovecot.lmtpPort,
      bob.address,
      mailTo(bob.address, "second", ["X-Estafette-Id: 4F2K-M2QY"]),
      true,
    );
    await send(dovecot.lmtpPort, ada.address, mailTo(ada.address, "first for Ada", first), true);
    await send(dovecot.lmtpPort, bob.address, mailTo(bob.address, "no id"), true);
    await send(dovecot.lmtpPort, bob.address, mailTo(bob.address, "no id"), true);
    expect(await readMailbox(login)).toHaveLength(4);
    expect(await readMailbox({ ...ada, imapPort: dovecot.imapPort })).toHaveLength(2);
  });

  it("refuses unknown mailboxes and wrong passwords", async () => {
    await expect(send(dovecot.lmtpPort, eve.address, mailTo(eve.address, "none"), true)).rejects.toThrow(
      /550/,
    );
    await expect(readMailbox({ ...ada, password: "wrong", imapPort: dovecot.imapPort })).rejects.toThrow();
  });
});

describe.skipIf(needs("dovecot", "postfix").skip)("Postfix next door", () => {
  let dovecot: Dovecot;
  let postfix: Postfix;
  let lateGateway: Server | undefined;
  let gatewayPort = 0;
  beforeAll(async () => {
    dovecot = await startDovecot({ users: [ada, bob] });
    [gatewayPort = 0] = await freePorts(1);
    postfix = await startPostfix({
      routes: [
        { domain: "shore.example", protocol: "lmtp", port: dovecot.lmtpPort },
        { domain: "ship.example", protocol: "lmtp", port: gatewayPort },
      ],
    });
  });
  afterAll(async () => {
    lateGateway?.close();
    await postfix?.stop();
    await dovecot?.stop();
  });

  it("takes mail by SMTP and hands it to Dovecot", async () => {
    expect(await send(postfix.smtpPort, ada.address, mailTo(ada.address, "through"))).toMatch(
      /^250 .*queued as/,
    );
    const mails = await awaitMails({ ...ada, imapPort: dovecot.imapPort }, 1, 10_000);
    expect(mails.map((mail) => mail.source.includes("Subject: through\r\n"))).toEqual([true]);
  });

  it("keeps mail for a gateway that is away and hands it over when it comes", async () => {
    const crew = "crew@ship.example";
    await send(postfix.smtpPort, crew, mailTo(crew, "to sea"));
    await expect.poll(() => postfix.log(), { timeout: 10_000 }).toContain("status=deferred");
    const heard = new Promise<string>((resolve) => {
      lateGateway = lmtpSink(gatewayPort, resolve);
    });
    expect(await heard).toBe(crew);
    await expect.poll(() => postfix.log(), { timeout: 10_000 }).toMatch(/ship\.example.*status=sent/);
  });

  it.skipIf(needs("swaks").skip)("takes mail from swaks", async () => {
    const args = [
      "--server",
      `127.0.0.1:${postfix.smtpPort}`,
      "--from",
      "skipper@ship.example",
      "--to",
      bob.address,
    ];
    const talk = execFileSync("swaks", [...args, "--header", "Subject: swaks", "--body", "hello"], {
      encoding: "utf8",
    });
    expect(talk).toContain("queued as");
    const mails = await awaitMails({ ...bob, imapPort: dovecot.imapPort }, 1, 10_000);
    expect(mails.map((mail) => mail.source.includes("Subject: swaks\r\n"))).toEqual([true]);
  });

  it("refuses mail it has no route for", async () => {
    const refused = send(postfix.smtpPort, "who@nowhere.example", mailTo("who@nowhere.example", "lost"));
    await expect(refused).rejects.toThrow(/no route in this test/);
  });
});
