import { memoryProfiles } from "@estafette/bearer-memory";
import { afterEach, describe, expect, it } from "vitest";
import { identityOf, medium, startNode, submission, type TestNode, until } from "../harness/node.js";

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function pair(
  options: { profile?: Parameters<typeof medium>[0]; aurora?: object; shore?: object } = {},
) {
  const { air, bearer } = medium(options.profile);
  const aurora = await startNode({
    name: "aurora",
    domain: "aurora.example",
    peers: [
      { name: "shore", root: identityOf("shore").keys.root, domains: ["shore.example"], links: ["radio"] },
    ],
    links: [{ bearer: bearer("ship"), settings: { name: "radio", peers: ["shore"] } }],
    settings: { exit: "shore", ...options.aurora },
  });
  const shore = await startNode({
    name: "shore",
    domain: "shore.example",
    peers: [
      {
        name: "aurora",
        root: identityOf("aurora").keys.root,
        domains: ["aurora.example"],
        links: ["radio"],
        exitFrom: ["@aurora.example"],
      },
    ],
    links: [{ bearer: bearer("land"), settings: { name: "radio", peers: ["aurora"] } }],
    settings: { ...options.shore },
  });
  nodes.push(aurora, shore);
  return { aurora, shore, air };
}

const anna = "anna@aurora.example";
const office = "office@shore.example";

describe("two gateways and a link", () => {
  it("carries a mail across, once, with its verified path, and the receipt back", async () => {
    const { aurora, shore } = await pair();
    const result = await aurora.relay.submit(submission(anna, [office], "Hello from sea"));
    expect(result).toMatchObject({ outcome: "accepted" });
    await until(() => shore.mailbox.handed.length, "delivery ashore");
    const [text = ""] = shore.mailbox.texts();
    expect(text).toContain("Subject: Hello from sea\r\n");
    expect(text).toContain("All is well on board.\r\n");
    expect(text).toContain("X-Estafette-Path: verified; aurora -> shore");
    await until(() => aurora.events.find((e) => e.type === "receipt"), "receipt aboard");
    const [record] = await aurora.spool.listMessages({ limit: 10 });
    expect(record).toMatchObject({ end: "delivered" });
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("carries one copy for several recipients, hides Bcc, and keeps every address", async () => {
    const { aurora, shore } = await pair();
    const bcc = "secret@shore.example";
    const content = {
      kind: "mail" as const,
      rfc5322: new TextEncoder().encode(
        `From: <${anna}>\r\nTo: <${office}>\r\nBcc: <${bcc}>\r\nSubject: Crew list\r\nDate: Sat, 21 Nov 2026 11:00:00 +0000\r\nMessage-ID: <c@test.example>\r\n\r\nEleven.\r\n`,
      ),
    };
    await aurora.relay.submit(submission(anna, [office, "ops@shore.example", bcc], "Crew list", { content }));
    const delivery = await until(() => shore.mailbox.handed[0], "delivery");
    expect([...delivery.to].sort()).toEqual(["office@shore.example", "ops@shore.example", bcc].sort());
    expect(new TextDecoder().decode(delivery.rfc5322)).not.toContain(bcc);
    expect(aurora.events.filter((e) => e.type === "composed")).toHaveLength(1);
  });

  it("travels through a lossy half-duplex radio", async () => {
    const profile = {
      ...memoryProfiles.radio,
      bitsPerSecond: 48_000,
      turnaroundMs: 5,
      answerMs: 20,
      loss: 0.15,
    };
    const { aurora, shore } = await pair({ profile });
    for (let i = 0; i < 5; i++) await aurora.relay.submit(submission(anna, [office], `Number ${i}`));
    await until(() => shore.mailbox.handed.length === 5, "five mails", 40_000);
    await until(
      () => aurora.events.filter((e) => e.type === "receipt").length === 5,
      "five receipts",
      40_000,
    );
    expect(new Set(shore.mailbox.handed.map((d) => d.deliveryId)).size).toBe(5);
  });

  it("leaves for the wide internet in EXIT mode, written by an allowed address only", async () => {
    const { aurora, shore } = await pair({ shore: {} });
    await aurora.relay.submit(submission(anna, ["mum@elsewhere.net"], "Home soon"));
    const delivery = await until(
      () => shore.mailbox.handed.find((d) => d.kind === "internet"),
      "internet delivery",
    );
    expect(delivery).toMatchObject({ from: anna, to: ["mum@elsewhere.net"] });
    await until(
      () => aurora.events.find((e) => e.type === "receipt" && e.detail === "delivered"),
      "final receipt",
    );
  });

  it("tells the sender when the far mailbox refuses", async () => {
    const { aurora, shore } = await pair();
    shore.mailbox.answer = () => ({
      outcome: "refused",
      status: "5.1.1",
      detail: "550 5.1.1 no such mailbox",
    });
    await aurora.relay.submit(submission(anna, ["nobody@shore.example"], "Anybody there"));
    const notice = await until(
      () => aurora.mailbox.texts().find((t) => t.includes("multipart/report")),
      "notice aboard",
    );
    expect(notice).toContain("5.1.1");
    expect(notice).toContain("nobody@shore.example");
    const delivery = aurora.mailbox.handed.find((d) => d.to.includes(anna));
    expect(delivery?.from).toBe("");
  });

  it("refuses at submission what it may not or cannot carry", async () => {
    const { aurora, shore } = await pair();
    const refused = async (node: TestNode, ...args: Parameters<typeof submission>) =>
      node.relay.submit(submission(...args));
    expect(await refused(aurora, "captain@elsewhere.net", [office], "forged")).toMatchObject({
      why: "sender-not-owned",
    });
    expect(await refused(shore, office, ["x@elsewhere.net"], "no exit")).toMatchObject({ why: "no-route" });
    expect(
      await refused(shore, "x@elsewhere.net", ["y@elsewhere.net"], "relay", { account: null }),
    ).toMatchObject({ why: "no-route" });
    expect(await refused(aurora, anna, ["not an address"], "bad")).toMatchObject({ why: "malformed" });
    expect(await refused(aurora, anna, [], "none")).toMatchObject({ why: "malformed" });
  });

  it("takes a mailbox's mail from the mail server beside it only when it does not log in here", async () => {
    const clerk = { name: "clerk", addresses: [office], logsIn: false };
    const captain = { name: "captain", addresses: ["captain@shore.example"] };
    const { shore, aurora } = await pair({ shore: { accounts: [clerk, captain] } });
    const fromServer = (from: string) =>
      shore.relay.submit(submission(from, [anna], "From a desk", { account: null }));
    expect(await fromServer("captain@shore.example")).toMatchObject({ why: "sender-not-owned" });
    expect(await fromServer(office)).toMatchObject({ outcome: "accepted" });
    await until(() => aurora.mailbox.handed.length, "delivery aboard");
  });

  it("refuses sealed mail when every link forbids it", async () => {
    const { aurora } = await pair({ profile: { ...memoryProfiles.stream, content: "clear-signed" } });
    expect(await aurora.relay.submit(submission(anna, [office], "secret"))).toMatchObject({
      outcome: "refused",
      why: "never-carried",
    });
  });

  it("resumes after the link was cut, and after a restart", async () => {
    const { aurora, shore, air } = await pair();
    air.cut();
    await aurora.relay.submit(submission(anna, [office], "Across the cut"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(shore.mailbox.handed).toHaveLength(0);
    air.restore();
    await until(() => shore.mailbox.handed.length, "delivery after the cut");
    await until(() => aurora.events.find((e) => e.type === "receipt"), "receipt");
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("delivers between two users of the same gateway without any link", async () => {
    const { aurora } = await pair();
    await aurora.relay.submit(submission(anna, ["cook@aurora.example"], "Dinner"));
    const delivery = await until(() => aurora.mailbox.handed[0], "local delivery");
    expect(delivery).toMatchObject({ kind: "mailbox", to: ["cook@aurora.example"] });
  });

  it("carries a short text and shows it as a mail", async () => {
    const { aurora, shore } = await pair();
    await aurora.relay.submit(
      submission(anna, [office], "", { content: { kind: "text", text: "Ankomst 0600Z, kaffe takk" } }),
    );
    await until(() => shore.mailbox.handed.length, "text");
    expect(shore.mailbox.texts()[0]).toContain("Subject: Ankomst 0600Z, kaffe takk");
  });

  it("writes no readable word of a mail to disk", async () => {
    const { aurora, air } = await pair();
    air.cut();
    await aurora.relay.submit(submission(anna, [office], "Xyzzyplugh"));
    await aurora.spool.flush();
    const { readdirSync, readFileSync } = await import("node:fs");
    const files = readdirSync(aurora.folder, { recursive: true, withFileTypes: true }).filter((f) =>
      f.isFile(),
    );
    expect(files.length).toBeGreaterThan(1);
    for (const f of files)
      expect(readFileSync(`${f.parentPath}/${f.name}`).includes("Xyzzyplugh"), f.name).toBe(false);
  });
});
