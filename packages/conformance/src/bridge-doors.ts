import type { SubmissionRefusal } from "@estafette/contract";
import { expect, it } from "vitest";
import type { Running, Start } from "./bridge.js";
import { oddAddresses, relayRecipes, terminators } from "./bridge-attacks.js";
import { cast, refusal } from "./bridge-core.js";
import { Talk } from "./bridge-talk.js";

const mail = `From: Anna <${cast.addresses[0]}>\r\nTo: <${cast.far}>\r\nSubject: hi\r\n\r\nHello.\r\n`;

/** Every situation of the refusal table, and how SMTP says it at the end of a mail. */
const codes: readonly (readonly [SubmissionRefusal["why"], boolean, RegExp])[] = [
  ["no-route", false, /^550 5\.1\.2 /],
  ["no-route", true, /^451 4\.4\.4 /],
  ["unknown-user", false, /^550 5\.1\.1 /],
  ["relay-denied", false, /^554 5\.7\.1 /],
  ["sender-not-owned", false, /^553 5\.7\.1 /],
  ["too-large", false, /^552 5\.3\.4 /],
  ["never-carried", false, /^554 5\.3\.4 /],
  ["over-share", true, /^452 4\.3\.1 /],
  ["full", true, /^452 4\.3\.1 /],
  ["fault", true, /^451 4\.3\.0 /],
  ["malformed", false, /^554 5\.6\.0 /],
  ["loop", false, /^554 5\.4\.6 /],
  ["stopping", true, /^421 4\.3\.2 /],
];

/** What comes in by SMTP or LMTP. Bridges without such a listener pass by having none. */
export function describeDoors(start: Start): void {
  describeKeeping(start);
  describeRefusals(start);
  describeIdentity(start);
  describeSmuggling(start);
  describeRelaying(start);
}

/** Logged in, greeted, ready for MAIL; `null` when the bridge has no submission. */
async function login(running: Running): Promise<Talk | null> {
  if (running.submission === undefined) return null;
  const talk = await Talk.open(running.addresses[running.submission] ?? "");
  await talk.ask("EHLO laptop");
  const token = Buffer.from(`\0${cast.user}\0${cast.password}`).toString("base64");
  expect(await talk.ask(`AUTH PLAIN ${token}`)).toMatch(/^235 /);
  return talk;
}

async function arrive(running: Running): Promise<Talk | null> {
  const { inbound } = running;
  if (inbound === undefined) return null;
  const talk = await Talk.open(running.addresses[inbound.name] ?? "");
  expect(await talk.ask(`${inbound.protocol === "lmtp" ? "LHLO" : "EHLO"} relay.example`)).toMatch(/^250/);
  return talk;
}

async function address(talk: Talk, from: string, to: readonly string[]): Promise<void> {
  expect(await talk.ask(`MAIL FROM:<${from}>`)).toMatch(/^250 /);
  for (const each of to) expect(await talk.ask(`RCPT TO:<${each}>`)).toMatch(/^250 /);
  expect(await talk.ask("DATA")).toMatch(/^354 /);
}

function describeKeeping(start: Start): void {
  it("confirms a mail only after the core kept it", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    await address(talk, cast.addresses[0], [cast.far]);
    running.core.hold();
    const asked = running.core.nextSubmit();
    talk.send(`${mail}.\r\n`);
    await asked;
    // Anything the bridge had said of its own would be here before the answer to a second connection.
    const other = await login(running);
    other?.drop();
    expect(talk.pending).toBe("");
    running.core.commit();
    expect(await talk.reply()).toBe("250 2.0.0 Queued as TEST-0001");
    expect(running.core.submissions).toMatchObject([
      { account: cast.user, from: cast.addresses[0], to: [cast.far], class: "normal" },
    ]);
  });

  it("keeps nothing of a mail that was cut off", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    await address(talk, cast.addresses[0], [cast.far]);
    talk.send(mail);
    talk.drop();
    const next = await login(running);
    expect(await next?.ask("QUIT")).toMatch(/^221 /);
    expect(running.core.submissions).toEqual([]);
  });

  it("takes a mail from a mail server as nobody's", async () => {
    const running = await start();
    const talk = await arrive(running);
    if (talk === null) return;
    await address(talk, "ben@shore.example", [cast.addresses[0], cast.addresses[1]]);
    talk.send(`${mail}.\r\n`);
    expect(await talk.reply()).toMatch(/^250 2\.0\.0 Queued as TEST-0001/);
    // RFC 2033 §4.2: one answer per recipient.
    if (running.inbound?.protocol === "lmtp") expect(await talk.reply()).toMatch(/^250 /);
    expect(running.core.submissions).toMatchObject([
      { account: null, from: "ben@shore.example", to: cast.addresses },
    ]);
  });
}

function describeRefusals(start: Start): void {
  it.each(codes)("says %s (temporary: %s) with its own code", async (why, temporary, expected) => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    running.core.refuseRecipient = refusal(why, temporary);
    await talk.ask(`MAIL FROM:<${cast.addresses[0]}>`);
    expect(await talk.ask(`RCPT TO:<${cast.far}>`)).toMatch(expected);
    if (why === "stopping") return;
    running.core.refuseRecipient = null;
    await talk.ask("RSET");
    await address(talk, cast.addresses[0], [cast.far]);
    running.core.refuseSubmit = refusal(why, temporary);
    talk.send(`${mail}.\r\n`);
    expect(await talk.reply()).toMatch(expected);
    expect(running.core.submissions).toEqual([]);
  });

  it("takes 50 recipients and refuses the 51st", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    await talk.ask(`MAIL FROM:<${cast.addresses[0]}>`);
    for (let i = 0; i < 50; i++) expect(await talk.ask(`RCPT TO:<u${i}@shore.example>`)).toMatch(/^250 /);
    expect(await talk.ask("RCPT TO:<u50@shore.example>")).toMatch(/^452 4\.5\.3 /);
  });

  it("refuses a mail above the limit when announced and when sent", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    const tooMany = running.sizeBytesMax + 1;
    expect(await talk.ask(`MAIL FROM:<${cast.addresses[0]}> SIZE=${tooMany}`)).toMatch(/^552 5\.3\.4 /);
    await address(talk, cast.addresses[0], [cast.far]);
    talk.send(mail);
    for (let sent = 0; sent < tooMany; sent += 64_000) talk.send(`${"x".repeat(998)}\r\n`.repeat(64));
    talk.send(".\r\n");
    expect(await talk.reply()).toMatch(/^552 5\.3\.4 /);
    expect(running.core.submissions).toEqual([]);
  });

  it.each([
    "no From\r\n\r\nx\r\n",
    "Subject: nothing else\r\n\r\nx\r\n",
    `${"X: y\r\n".repeat(1_100)}\r\nx\r\n`,
  ])("refuses a malformed mail", async (text) => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    await address(talk, cast.addresses[0], [cast.far]);
    talk.send(`${text}.\r\n`);
    expect(await talk.reply()).toMatch(/^554 5\.6\.0 /);
  });
}

function describeIdentity(start: Start): void {
  it("asks for a login and refuses a wrong one", async () => {
    const running = await start();
    if (running.submission === undefined) return;
    const talk = await Talk.open(running.addresses[running.submission] ?? "");
    await talk.ask("EHLO laptop");
    expect(await talk.ask(`MAIL FROM:<${cast.addresses[0]}>`)).toMatch(/^530 5\.7\.0 /);
    const token = Buffer.from(`\0${cast.user}\0wrong`).toString("base64");
    expect(await talk.ask(`AUTH PLAIN ${token}`)).toMatch(/^535 5\.7\.8 /);
    expect(await talk.ask(`RCPT TO:<${cast.far}>`)).toMatch(/^530 5\.7\.0 /);
  });

  it("lets a login write only as itself", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    expect(await talk.ask("MAIL FROM:<captain@ship.example>")).toMatch(/^553 5\.7\.1 /);
    const forged = [
      "From: captain@ship.example\r\n",
      `From: ${cast.addresses[0]}, captain@ship.example\r\n`,
      `From: "${cast.addresses[0]}" <captain@ship.example>\r\n`,
      `From: ${cast.addresses[0]} <captain@ship.example>\r\n`,
      `From: <${cast.addresses[0]}> <captain@ship.example>\r\n`,
      `From: crew: ${cast.addresses[0]};\r\n`,
      `From: ${cast.addresses[0]}\r\nSender: captain@ship.example\r\n`,
      ...oddAddresses.filter((odd) => /^[\x20-\x7e]*$/.test(odd)).map((odd) => `From: <${odd}>\r\n`),
    ];
    for (const header of forged) {
      await address(talk, cast.addresses[0], [cast.far]);
      talk.send(`${header}Subject: x\r\n\r\nx\r\n.\r\n`);
      expect(await talk.reply(), header).toMatch(/^553 5\.7\.1 /);
    }
    await address(talk, cast.addresses[0], [cast.far]);
    talk.send(`From: ${cast.addresses[0]}\r\nFrom: captain@ship.example\r\n\r\nx\r\n.\r\n`);
    expect(await talk.reply()).toMatch(/^55[34] 5\./);
    expect(running.core.submissions).toEqual([]);
  });

  it("completes a mail and hides Bcc", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    await address(talk, cast.addresses[1], [cast.far]);
    talk.send(
      `From: ${cast.addresses[1]}\r\nbcc: x@shore.example,\r\n y@shore.example\r\nSubject: [flash] x\r\n\r\nx\r\n.\r\n`,
    );
    expect(await talk.reply()).toMatch(/^250 /);
    const [submission] = running.core.submissions;
    const text =
      submission?.content.kind === "mail" ? Buffer.from(submission.content.rfc5322).toString("latin1") : "";
    expect(text).toMatch(/^Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} \+0000\r$/m);
    expect(text).toMatch(/^Message-ID: <[^<>@\s]+@ship\.example>\r$/m);
    expect(text).not.toContain("shore.example");
    expect(submission?.class).toBe("flash");
  });
}

function describeSmuggling(start: Start): void {
  const second = `MAIL FROM:<${cast.addresses[1]}>\r\nRCPT TO:<${cast.far}>\r\nDATA\r\n`;

  it.each(Object.entries(terminators))("ends a mail only at CRLF.CRLF: %s", async (name, terminator) => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    await address(talk, cast.addresses[0], [cast.far]);
    talk.send(`${mail.trimEnd()}${terminator}${second}`);
    const first = await talk.reply();
    if (name === "CRLF.CRLF") {
      expect(first).toMatch(/^250 2\.0\.0 Queued/);
      talk.drop();
      expect(running.core.submissions).toHaveLength(1);
      return;
    }
    expect(first).toMatch(/^550 5\.5\.2 /);
    expect(await talk.rest()).toBe("");
    expect(running.core.submissions).toEqual([]);
  });

  it.each(Object.entries(terminators).slice(1))("and so for a mail server: %s", async (_, terminator) => {
    const running = await start();
    const talk = await arrive(running);
    if (talk === null) return;
    await address(talk, "ben@shore.example", [cast.addresses[0]]);
    talk.send(`${mail.trimEnd()}${terminator}x`);
    expect(await talk.reply()).toMatch(/^550 5\.5\.2 /);
    expect(await talk.rest()).toBe("");
    expect(running.core.submissions).toEqual([]);
  });

  it.each(["NOOP\n", "NOOP\rNOOP\r\n", "NO\0OP\r\n"])("refuses such bytes in commands: %j", async (line) => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    talk.send(line);
    expect(await talk.rest()).toMatch(/^550 5\.5\.2 [^\r\n]*\r\n$/);
  });

  it("refuses data sent before it was asked for, and forgives a refused DATA", async () => {
    const running = await start();
    const early = await login(running);
    if (early === null) return;
    early.send(`MAIL FROM:<${cast.addresses[0]}>\r\nRCPT TO:<${cast.far}>\r\nDATA\r\n${mail}.\r\n`);
    expect(await early.rest()).toContain("550 5.5.2 ");
    expect(running.core.submissions).toEqual([]);
    const polite = await login(running);
    running.core.refuseRecipient = refusal("unknown-user");
    polite?.send(`MAIL FROM:<${cast.addresses[0]}>\r\nRCPT TO:<${cast.far}>\r\nDATA\r\n`);
    for (const expected of [/^250 /, /^550 5\.1\.1 /, /^503 /])
      expect(await polite?.reply()).toMatch(expected);
    expect(await polite?.ask("RSET")).toMatch(/^250 /);
  });
}

function describeRelaying(start: Start): void {
  it("is no open relay", async () => {
    const running = await start();
    const talk = await arrive(running);
    if (talk === null) return;
    for (const recipe of relayRecipes) {
      await talk.ask("RSET");
      await talk.ask("MAIL FROM:<eve@evil.example>");
      expect(await talk.ask(`RCPT TO:${recipe}`), recipe).toMatch(/^5(?:54 5\.7\.1|53 5\.1\.3|01 5\.1\.3) /);
    }
    expect(await talk.ask("DATA")).toMatch(/^503 /);
    expect(running.core.submissions).toEqual([]);
  });

  it("accepts no address that two parsers could read differently", async () => {
    const running = await start();
    const talk = await login(running);
    if (talk === null) return;
    for (const odd of oddAddresses) {
      await talk.ask("RSET");
      await talk.ask(`MAIL FROM:<${cast.addresses[0]}>`);
      expect(await talk.ask(`RCPT TO:<${odd}>`), odd).toMatch(/^5(?:53|54|01) 5\./);
    }
    expect(await talk.ask("DATA")).toMatch(/^503 /);
  });

  it.each(["", "x".repeat(400), "a b c", "\x01\x02", "<script>", "%s%s%n"])(
    "survives EHLO %j",
    async (name) => {
      const running = await start();
      const talk = await login(running);
      if (talk === null) return;
      expect(await talk.ask(`EHLO ${name}`)).toMatch(/^(?:250|501)[- ]/);
      expect(await talk.ask("NOOP")).toMatch(/^250 /);
    },
  );
}
