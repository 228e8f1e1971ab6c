import { afterEach, describe, expect, it } from "vitest";
import { identityOf, medium, startNode, submission, type TestNode, until } from "../harness/node.js";

const nodes: TestNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

const ANNA = "anna@aurora.example";
const OFFICE = "office@shore.example";
const GHOST = "ghost@shore.example";

/** A ship and its shore, whose mail server knows no ghosts. */
async function shipAndShore(): Promise<{ aurora: TestNode; shore: TestNode }> {
  const { bearer } = medium();
  const links = ["radio"];
  const aurora = await startNode({
    name: "aurora",
    domain: "aurora.example",
    peers: [{ name: "shore", root: identityOf("shore").keys.root, domains: ["shore.example"], links }],
    links: [{ bearer: bearer("ship"), settings: { name: "radio", peers: ["shore"] } }],
    settings: { exit: "shore" },
  });
  const root = identityOf("aurora").keys.root;
  const exitFrom = ["@aurora.example"];
  const shore = await startNode({
    name: "shore",
    domain: "shore.example",
    peers: [{ name: "aurora", root, domains: ["aurora.example"], links, exitFrom }],
    links: [{ bearer: bearer("land"), settings: { name: "radio", peers: ["aurora"] } }],
  });
  for (const node of [aurora, shore]) {
    node.mailbox.answer = (_, recipient) =>
      recipient.startsWith("ghost@")
        ? { outcome: "refused", detail: "550 no such user", status: "5.1.1" }
        : { outcome: "delivered", detail: "kept" };
  }
  nodes.push(aurora, shore);
  return { aurora, shore };
}

function notices(node: TestNode, to: string): string[] {
  const delivered = node.mailbox.handed.filter((one) => one.from === "" && one.to.includes(to));
  return delivered.map((one) => new TextDecoder().decode(one.rfc5322));
}

describe("a mailbox that does not exist at the far end", () => {
  it("ends the message as refused at once, and its sender gets one notice", async () => {
    const { aurora } = await shipAndShore();
    await aurora.relay.submit(submission(ANNA, [GHOST], "Boo"));
    const notice = await until(() => notices(aurora, ANNA)[0], "notice");
    expect(notice).toContain(GHOST);
    const [record] = await aurora.spool.listMessages({ limit: 5 });
    expect(record).toMatchObject({ end: "refused", to: [GHOST] });
    expect(notices(aurora, ANNA)).toHaveLength(1);
  });

  it("among others ends the message as delivered, and the notice names only the one that failed", async () => {
    const { aurora } = await shipAndShore();
    await aurora.relay.submit(submission(ANNA, [OFFICE, GHOST], "Half"));
    const notice = await until(() => notices(aurora, ANNA)[0], "notice");
    expect(notice).toContain(GHOST);
    expect(notice).not.toContain(OFFICE);
    const ended = await until(
      async () => (await aurora.spool.listMessages({ limit: 5 })).find((one) => one.end !== null),
      "receipt",
    );
    expect(ended.end).toBe("delivered");
  });

  it("aboard is told to a writer outside, through the exit gateway", async () => {
    const { aurora, shore } = await shipAndShore();
    const carol = "carol@world.example";
    const to = [ANNA, "ghost@aurora.example"];
    await shore.relay.submit(submission(carol, to, "From outside", { account: null }));
    const [notice] = await until(() => notices(shore, carol).length > 0 && notices(shore, carol), "notice");
    expect(notice).toContain("ghost@aurora.example");
    expect(aurora.mailbox.handed.some((one) => one.to.includes(ANNA))).toBe(true);
    const outsider = submission("", [carol], "no relay", { account: null });
    expect(await aurora.relay.submit(outsider)).toMatchObject({ outcome: "refused", why: "relay-denied" });
  });
});
