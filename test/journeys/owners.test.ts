import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePorts } from "../interop/ports.js";
import { estafette, eventually, GatewayProcess } from "./processes.js";

/*
 * Two owners with a command line and a network cable between them: from nothing to a mail in the other's mailbox.
 */
const parent = mkdtempSync(join(tmpdir(), "est-owners-"));
let linkPort = 0;
let aurora: GatewayProcess;
let shore: GatewayProcess;
let mailId = "";

const auroraLink = () => `links:\n  cable: {driver: tcp, peer: shore, listen: "127.0.0.1:${linkPort}"}\n`;
/** The one that starts later calls: who is not heard yet is called again after ever longer waits. */
const shoreLink = () => `links:\n  cable: {driver: tcp, peer: aurora, connect: "127.0.0.1:${linkPort}"}\n`;
const auroraConfig = () => `version: 1
node: {name: aurora, mail_domain: aurora.example}
peers: {shore: {}}
${auroraLink()}mail:
  mailbox: {maildir: "mail/{user}"}
users:
  anna: {addresses: [anna@aurora.example]}
retry: [1s, 2s]
`;
const shoreConfig = () => `version: 1
node: {name: shore, mail_domain: shore.example}
peers: {aurora: {}}
${shoreLink()}mail:
  mailbox: {maildir: "mail/{user}"}
users:
  office: {addresses: [office@shore.example]}
retry: [1s, 2s]
`;

/** Runs a verb that must end well and print one JSON document. */
async function json(gateway: GatewayProcess, ...words: string[]): Promise<Record<string, unknown>> {
  const ran = await gateway.cli([...words, "--json"]);
  expect(ran, words.join(" ")).toMatchObject({ code: 0 });
  expect(ran.out.trim().split("\n"), "one document on one line").toHaveLength(1);
  return JSON.parse(ran.out) as Record<string, unknown>;
}

beforeAll(async () => {
  [linkPort = 0] = await freePorts(1);
  aurora = new GatewayProcess({ parent, name: "aurora", config: auroraConfig() });
  shore = new GatewayProcess({ parent, name: "shore", config: shoreConfig() });
});

afterAll(async () => {
  await aurora?.stop();
  await shore?.stop();
  rmSync(parent, { recursive: true, force: true });
});

describe("two owners at their command lines", () => {
  it("write a configuration that passes the check, and never overwrite one", async () => {
    const made = await estafette(["init", "ship", "--directory", join(parent, "new"), "--json"], parent);
    expect(made).toMatchObject({ code: 0 });
    const { config } = JSON.parse(made.out) as { config: string };
    expect(await estafette(["config", "check", "--config", config], parent)).toMatchObject({ code: 0 });
    expect(await estafette(["init", "ship", "--directory", join(parent, "new")], parent)).toMatchObject({
      code: 73,
      out: "",
    });
  });

  it("are told the line of a mistake", async () => {
    const broken = new GatewayProcess({
      parent,
      name: "broken",
      config: auroraConfig().replace("driver: tcp", "driver: tpc"),
    });
    const ran = await broken.cli(["config", "check"]);
    expect(ran.code).toBe(78);
    expect(`${ran.out}${ran.err}`).toMatch(/estafette\.yaml:\d+:\d+.*"tpc"/s);
    const daemon = await broken.cli(["daemon"]);
    expect(daemon.code).toBe(78);
    expect(daemon.err).toMatch(/estafette\.yaml:\d+:\d+/);
  });

  it("learn each other by one pasted string each way, one running, one not yet", async () => {
    expect(await json(aurora, "config", "check")).toMatchObject({ ok: true });
    await aurora.start();
    const invitation = (await aurora.cli(["peer", "invite"])).out.trim();
    expect(invitation).toMatch(/^estafette-peer:\S+$/);
    expect(await json(shore, "peer", "accept", invitation)).toMatchObject({
      name: "aurora",
      domains: ["aurora.example"],
    });
    const damaged = await shore.cli(["peer", "accept", `${invitation.slice(0, -4)}AAAA`]);
    expect(damaged.code).toBe(65);
    const back = await json(shore, "peer", "invite");
    const accepted = await aurora.cli(["peer", "accept", "-"], String(back.invitation));
    expect(accepted, accepted.err).toMatchObject({ code: 0 });
    expect(accepted.out).toContain(String(back.key));
    expect(await json(aurora, "peer", "list")).toMatchObject({
      peers: [{ name: "shore", state: "known", key: back.key, domains: ["shore.example"] }],
    });
  });

  it("are told when nobody answers, and by which code", async () => {
    expect((await shore.cli(["status"])).code).toBe(69);
    expect((await shore.cli(["queue"])).err).toContain("is it running?");
    expect((await aurora.cli(["trace", "0000-0000"])).code).toBe(66);
    expect((await aurora.cli(["send", "x@nowhere.example"], "Hello")).code).toBe(67);
    expect((await aurora.cli(["send", "not an address"], "Hello")).code).toBe(65);
    expect((await aurora.cli(["sned"])).code).toBe(64);
    const second = await aurora.cli(["daemon"]);
    expect(second, second.err).toMatchObject({ code: 73 });
  });

  it("see a mail wait while the other is down", async () => {
    const words = ["send", "--subject", "Weather", "office@shore.example"];
    const sent = await aurora.cli(words, "South-west seven.\n");
    expect(sent, sent.err).toMatchObject({ code: 0 });
    mailId = sent.out.trim();
    expect(mailId).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    expect(await json(aurora, "queue")).toMatchObject({
      messages: [{ id: mailId, from: "anna@aurora.example", to: ["office@shore.example"], class: "normal" }],
    });
    expect(await json(aurora, "mail", "list")).toMatchObject({ mail: [{ id: mailId, direction: "out" }] });
    const shown = await aurora.cli(["mail", "show", mailId]);
    expect(shown.out).toContain("Subject: Weather");
    expect(shown.out).toContain("South-west seven.");
    expect((await aurora.cli(["queue"])).out).toContain(mailId);
    expect(await json(aurora, "status")).toMatchObject({ name: "aurora", queue: { waiting: { normal: 1 } } });
  });

  it("see it arrive, with its verified path, and the sender its receipt", async () => {
    await shore.start();
    const tellers = [aurora, shore];
    const traced = async (): Promise<boolean> =>
      (await shore.cli(["trace", mailId])).out.includes("verified path aurora -> shore");
    await eventually(traced, "the trace ashore", { tellers, withinMs: 30_000 });
    const trace = await json(shore, "trace", mailId);
    expect(trace).toMatchObject({
      id: mailId,
      entries: [{ what: "delivery", delivery: { end: "delivered" } }],
    });
    await eventually(
      async () => (await aurora.cli(["trace", mailId])).out.includes("delivered"),
      "the receipt aboard",
      { tellers, withinMs: 30_000 },
    );
    const { messages } = await json(aurora, "queue");
    expect(messages).toEqual([]);
    expect(await json(shore, "status")).toMatchObject({
      name: "shore",
      links: [{ name: "cable", state: "up", neighbours: [{ peer: "aurora", state: "established" }] }],
    });
  });

  it("are told by doctor that nothing is wrong", async () => {
    const running = await json(aurora, "doctor");
    expect(running).toMatchObject({ ok: true });
    expect((await aurora.cli(["doctor"])).out).toContain("nothing is wrong");
  });

  it("stop a gateway as systemd does, within ten seconds and with code 0", async () => {
    expect(await aurora.stop()).toBe("ended with 0");
    expect(await shore.stop()).toBe("ended with 0");
    expect((await aurora.cli(["status", "--json"])).code).toBe(69);
  });
});
