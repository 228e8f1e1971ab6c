import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePorts } from "../interop/ports.js";
import { readableIn } from "./arrivals.js";
import { eventually, GatewayProcess, introduce } from "./processes.js";

/*
 *   aurora ──TCP──► stranger ──TCP──► shore
 *
 * aurora and shore know each other; between them lies somebody's relay that both name in a relay list.
 */
describe("three gateways in line, as processes", () => {
  const parent = mkdtempSync(join(tmpdir(), "est-line-"));
  let aurora: GatewayProcess;
  let stranger: GatewayProcess;
  let shore: GatewayProcess;

  beforeAll(async () => {
    const [atStranger = 0, atShore = 0] = await freePorts(2);
    const make = (name: string, config: string): GatewayProcess =>
      new GatewayProcess({ parent, name, config: `version: 1\n${config}retry: [1s, 2s]\n` });
    aurora = make("aurora", endpoint("aurora", "shore", `connect: "127.0.0.1:${atStranger}"`));
    shore = make("shore", endpoint("shore", "aurora", `listen: "127.0.0.1:${atShore}"`));
    stranger = make(
      "stranger",
      `node: {name: stranger}
peers: {aurora: {}, shore: {}}
links:
  west: {driver: tcp, peer: aurora, listen: "127.0.0.1:${atStranger}"}
  east: {driver: tcp, peer: shore, connect: "127.0.0.1:${atShore}"}
`,
    );
    await introduce(aurora, stranger);
    await introduce(stranger, shore);
    await introduce(aurora, shore);
    // Who listens is there first: who calls in vain waits longer each time.
    for (const gateway of [shore, stranger, aurora]) await gateway.start();
  }, 120_000);

  afterAll(async () => {
    for (const gateway of [aurora, stranger, shore]) await gateway?.stop();
    rmSync(parent, { recursive: true, force: true });
  });

  it("the recipient and its gateway are shown the verified path", async () => {
    const id = await send(aurora, "office@shore.example", "Position report", "All well, zyxfirstqvw.\n");
    const [mail] = await arrived(shore, "office", 1);
    expect(mail).toContain("Subject: Position report\r\n");
    expect(mail).toContain("X-Estafette-Path: verified; aurora -> stranger -> shore");
    expect((await shore.cli(["trace", id])).out).toContain("verified path aurora -> stranger -> shore");
    const trace = await shore.cli(["trace", id, "--json"]);
    expect(JSON.parse(trace.out)).toMatchObject({ id, entries: [{ what: "delivery" }] });
  });

  it("an answer takes the same way back", async () => {
    const id = await send(shore, "crew@aurora.example", "Answer", "Well received.\n");
    const [mail] = await arrived(aurora, "crew", 1);
    expect(mail).toContain("X-Estafette-Path: verified; shore -> stranger -> aurora");
    expect((await aurora.cli(["trace", id])).out).toContain("verified path shore -> stranger -> aurora");
  });

  it("the relay keeps what it took when it is killed, cannot read it, and passes it on once", async () => {
    await shore.stop();
    for (let i = 0; i < 5; i++)
      await send(aurora, "office@shore.example", `Held ${i}`, `Kept by a stranger, zyxheldqvw ${i}.\n`);
    const held = async (): Promise<boolean> => {
      const { envelopes } = (await stranger.api("GET", "/v1/queue")) as { envelopes: readonly unknown[] };
      return envelopes.length === 5;
    };
    await eventually(held, "five envelopes at the stranger", {
      tellers: [aurora, stranger],
      withinMs: 30_000,
    });
    await stranger.kill();
    expect(readableIn(stranger.stateFolder, ["zyxheldqvw", "zyxfirstqvw", "office@", "crew@"])).toEqual([]);
    await shore.start();
    await stranger.start();
    const mails = await arrived(shore, "office", 6);
    for (let i = 0; i < 5; i++)
      expect(mails.filter((mail) => mail.includes(`Subject: Held ${i}\r\n`))).toHaveLength(1);
    expect(
      mails.every((mail) => mail.includes("X-Estafette-Path: verified; aurora -> stranger -> shore")),
    ).toBe(true);
    const released = async (): Promise<boolean> => {
      const view = (await aurora.api("GET", "/v1/queue")) as { messages: readonly unknown[] };
      return view.messages.length === 0;
    };
    const tellers = [aurora, stranger, shore];
    await eventually(released, "every receipt aboard", { tellers, withinMs: 60_000 });
    expect(mailsOf(shore, "office")).toHaveLength(6);
  });

  async function arrived(gateway: GatewayProcess, user: string, count: number): Promise<readonly string[]> {
    const there = (): boolean => mailsOf(gateway, user).length >= count;
    const tellers = [aurora, stranger, shore];
    await eventually(there, `${count} mails for ${user}`, { tellers, withinMs: 60_000 });
    const mails = mailsOf(gateway, user);
    expect(mails).toHaveLength(count);
    return mails;
  }
});

/** A gateway with one mailbox whose mail for `other` passes the stranger. */
function endpoint(name: string, other: string, link: string): string {
  const user = name === "aurora" ? "crew" : "office";
  return `node: {name: ${name}, mail_domain: ${name}.example}
peers: {stranger: {}, ${other}: {}}
links:
  cable: {driver: tcp, peer: stranger, ${link}}
routing:
  - {match: ${other}, via: [stranger]}
mail:
  mailbox: {maildir: "mail/{user}"}
users:
  ${user}: {addresses: [${user}@${name}.example]}
`;
}

async function send(gateway: GatewayProcess, to: string, subject: string, text: string): Promise<string> {
  const ran = await gateway.cli(["send", "--subject", subject, to], text);
  expect(ran, ran.err).toMatchObject({ code: 0 });
  return ran.out.trim();
}

function mailsOf(gateway: GatewayProcess, user: string): readonly string[] {
  const folder = join(gateway.folder, "mail", user, "new");
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
}
