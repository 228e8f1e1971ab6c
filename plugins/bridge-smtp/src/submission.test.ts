import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { cast, MemoryCore, Talk } from "@estafette/conformance";
import { ConfigError, OperatingError } from "@estafette/contract";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import plugin from "./index.js";

const login = `AUTH PLAIN ${Buffer.from(`\0${cast.user}\0${cast.password}`).toString("base64")}`;
const wrongLogin = `AUTH PLAIN ${Buffer.from(`\0${cast.user}\0no`).toString("base64")}`;
const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

async function open(options: object, extra: object = {}): Promise<{ core: MemoryCore; address: string }> {
  const core = new MemoryCore();
  const life = new AbortController();
  lives.push(life);
  const submission = { listen: "127.0.0.1:0", ...options };
  const config = plugin.parse({ domains: [cast.domain], sizeBytesMax: 100_000, submission, ...extra });
  const { submission: address = "" } = await plugin.create(config, core).start(life.signal);
  return { core, address };
}

async function ready(address: string): Promise<Talk> {
  const talk = await Talk.open(address);
  await talk.ask("EHLO laptop");
  expect(await talk.ask(login)).toMatch(/^235 /);
  return talk;
}

async function begin(talk: Talk): Promise<void> {
  await talk.ask(`MAIL FROM:<${cast.addresses[0]}>`);
  await talk.ask(`RCPT TO:<${cast.far}>`);
  expect(await talk.ask("DATA")).toMatch(/^354 /);
}

describe("bounds of the submission listener", () => {
  it("takes so many clients, and so many from one address", async () => {
    const { address } = await open({ perAddressMax: 2 }, { connectionsMax: 20 });
    const first = await Talk.open(address);
    await Talk.open(address);
    const third = Talk.over(connectPlain(Number(address.split(":")[1]), "127.0.0.1"));
    expect(await third.rest()).toBe("421 4.7.0 Too many connections, try again in a moment\r\n");
    expect(await first.ask("QUIT")).toMatch(/^221 /);
    await first.rest();
    expect(await (await Talk.open(address)).ask("NOOP")).toMatch(/^250 /);
    const few = await open({ perAddressMax: 20 }, { connectionsMax: 1 });
    await Talk.open(few.address);
    const second = Talk.over(connectPlain(Number(few.address.split(":")[1]), "127.0.0.1"));
    expect(await second.rest()).toMatch(/^421 4\.7\.0 /);
  });

  it("makes a guesser wait, by address and not for ever", async () => {
    const { core, address } = await open({});
    for (let i = 0; i < 5; i++) {
      const talk = await Talk.open(address);
      await talk.ask("EHLO x");
      expect(await talk.ask(wrongLogin)).toMatch(/^535 5\.7\.8 /);
      talk.drop();
    }
    const blocked = await Talk.open(address);
    await blocked.ask("EHLO x");
    expect(await blocked.ask(login)).toMatch(/^454 4\.7\.0 /);
    await core.clock.advance(30_000);
    expect(await blocked.ask(login)).toMatch(/^235 /);
  });

  it("does not let one login act as another", async () => {
    const { address } = await open({});
    const talk = await Talk.open(address);
    await talk.ask("EHLO x");
    const token = Buffer.from(`captain\0${cast.user}\0${cast.password}`).toString("base64");
    expect(await talk.ask(`AUTH PLAIN ${token}`)).toMatch(/^535 5\.7\.8 /);
  });

  it("holds only so much mail at a time", async () => {
    const { core, address } = await open({});
    const line = `${"x".repeat(998)}\r\n`;
    const talks: Talk[] = [];
    core.hold();
    for (let i = 0; i < 4; i++) {
      const talk = await ready(address);
      await begin(talk);
      const asked = core.nextSubmit();
      talk.send(`From: ${cast.addresses[0]}\r\n\r\n${line.repeat(95)}.\r\n`);
      talks.push(talk);
      if (i < 3) await asked;
      else expect(await talk.reply()).toMatch(/^452 4\.3\.1 /);
    }
    core.commit();
    for (const talk of talks.slice(0, 3)) expect(await talk.reply()).toMatch(/^250 /);
    const [, , , last] = talks;
    await begin(last ?? talks[0]!);
    last?.send(`From: ${cast.addresses[0]}\r\n\r\n${line.repeat(95)}.\r\n`);
    expect(await last?.reply()).toMatch(/^250 /);
  });

  it("cuts off a mail that does not end, by bytes and by time", async () => {
    const { core, address } = await open({});
    const endless = await ready(address);
    await begin(endless);
    const block = `${"x".repeat(998)}\r\n`.repeat(64);
    for (let i = 0; i < 40; i++) endless.send(block);
    endless.send(".\r\n");
    expect(await endless.reply()).toMatch(/^(?:$|4\d\d |552 5\.3\.4 )/);
    const slow = await ready(address);
    await begin(slow);
    slow.send("From: a");
    await (await ready(address)).ask("NOOP");
    await core.clock.advance(300_000);
    slow.send("nna\r\n.\r\n");
    expect(await slow.reply()).not.toMatch(/^250 /);
    expect(core.submissions).toEqual([]);
  });

  it("says that a port is taken", async () => {
    const { address } = await open({});
    await expect(open({ listen: address })).rejects.toThrow(OperatingError);
  });

  it("takes receipts, classes and an international domain", async () => {
    const { core, address } = await open({});
    const talk = await ready(address);
    expect(await talk.ask(`MAIL FROM:<${cast.addresses[0]}> RET=HDRS`)).toMatch(/^250 /);
    expect(await talk.ask("RCPT TO:<u@xn--mnchen-3ya.example> NOTIFY=SUCCESS,FAILURE")).toMatch(/^250 /);
    await talk.ask("DATA");
    talk.send(`From: ${cast.addresses[0]}\r\nX-Priority: 1 (Highest)\r\n\r\nx\r\n.\r\n`);
    expect(await talk.reply()).toMatch(/^250 /);
    expect(core.submissions).toMatchObject([
      { to: ["u@xn--mnchen-3ya.example"], receipt: true, class: "priority" },
    ]);
  });
});

describe("TLS of the submission listener", () => {
  let folder = "";
  let pem = { key: "", cert: "" };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "estafette-tls-"));
    pem = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
    const subject = ["-subj", "/CN=ship.example", "-addext", "subjectAltName=DNS:ship.example"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"];
    const out = ["-keyout", pem.key, "-out", pem.cert];
    execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...out], { stdio: "ignore" });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A session upgraded by STARTTLS. */
  async function upgraded(address: string): Promise<Talk> {
    const [host, port] = address.split(":");
    const raw = connectPlain(Number(port), host);
    const plain = Talk.over(raw);
    await plain.reply();
    await plain.ask("EHLO laptop");
    expect(await plain.ask("STARTTLS")).toMatch(/^220 /);
    raw.removeAllListeners("data");
    const socket = connectTls({ socket: raw, rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    return Talk.over(socket);
  }

  it("keeps passwords for STARTTLS and keeps the same rules inside it", async () => {
    const { core, address } = await open({ tls: pem, allowInsecureAuth: false });
    const plain = await Talk.open(address);
    expect(await plain.ask("EHLO laptop")).toContain("STARTTLS");
    expect(await plain.ask(login)).toMatch(/^538 /);
    const talk = await upgraded(address);
    expect(await talk.ask("EHLO laptop")).not.toContain("STARTTLS");
    expect(await talk.ask(login)).toMatch(/^235 /);
    await begin(talk);
    talk.send(`From: ${cast.addresses[0]}\r\n\r\nsafe\r\n.\r\n`);
    expect(await talk.reply()).toMatch(/^250 2\.0\.0 Queued/);
    await begin(talk);
    talk.send(`From: ${cast.addresses[0]}\r\n\r\nunsafe\n.\r\n`);
    expect(await talk.reply()).toMatch(/^550 5\.5\.2 /);
    expect(core.submissions).toHaveLength(1);
  });

  it("runs nothing that was sent in the clear behind STARTTLS", async () => {
    const { core, address } = await open({ tls: pem });
    const talk = await Talk.open(address);
    await talk.ask("EHLO laptop");
    talk.send(`STARTTLS\r\n${login}\r\nMAIL FROM:<${cast.addresses[0]}>\r\n`);
    expect(await talk.rest()).toMatch(/^550 5\.5\.2 [^\r\n]*\r\n$/);
    const lines = core.lines.filter((line) => line.includes("data before the answer"));
    expect(lines).toHaveLength(1);
  });

  it("speaks TLS from the first byte where it is told to", async () => {
    const { core, address } = await open({ tls: { ...pem, implicit: true } });
    const [host, port] = address.split(":");
    const talk = Talk.over(connectTls({ host, port: Number(port), rejectUnauthorized: false }));
    expect(await talk.reply()).toMatch(/^220 /);
    await talk.ask("EHLO laptop");
    expect(await talk.ask(login)).toMatch(/^235 /);
    await begin(talk);
    talk.send(`From: ${cast.addresses[0]}\r\n\r\nx\n\r\n.\r\n`);
    expect(await talk.reply()).toMatch(/^550 5\.5\.2 /);
    expect(core.submissions).toEqual([]);
  });

  it("names a key file that is not there", async () => {
    await expect(open({ tls: { ...pem, key: "/nonexistent/key.pem" } })).rejects.toThrow(ConfigError);
  });
});
