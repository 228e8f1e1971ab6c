import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import file from "@estafette/bearer-file";
import { bearerHost } from "@estafette/runtime";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  clock,
  identityOf,
  mail,
  rng,
  startNode,
  submission,
  type TestNode,
  until,
} from "../harness/node.js";

/*
 *   aurora ═ /aurora/stick      somebody walks      /shore/stick ═ shore
 *
 * One folder that is moved from port to port, and pulled out while a mail is being written.
 */
const parent = { path: "" };
const nodes: TestNode[] = [];
beforeEach(() => {
  parent.path = mkdtempSync(join(tmpdir(), "est-stick-"));
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  rmSync(parent.path, { recursive: true, force: true });
});

const port = (name: string): string => join(parent.path, name);
const plugged = (name: string): string => join(port(name), "stick");

async function gateway(name: string, other: string): Promise<TestNode> {
  mkdirSync(port(name));
  const host = bearerHost({ clock, rng, log: () => undefined });
  const raw = {
    folder: plugged(name),
    name,
    with: [other],
    pollMs: 100,
    answerMs: 60_000,
    parcelBytesMax: 2_000,
  };
  const node = await startNode({
    name,
    domain: `${name}.example`,
    peers: [
      { name: other, root: identityOf(other).keys.root, domains: [`${other}.example`], links: ["stick"] },
    ],
    links: [{ bearer: file.create(file.parse(raw), host), settings: { name: "stick", peers: [other] } }],
  });
  nodes.push(node);
  return node;
}

/** Pulled out here, carried, and plugged in there. */
function carry(from: string, to: string): void {
  renameSync(plugged(from), plugged(to));
}

function filesFor(reader: string, writer: string, at: string): readonly string[] {
  const folder = join(plugged(at), reader, writer);
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".parcel")) : [];
}

/** Until a gateway has read all that is for it, and has written nothing for a while. */
async function quiet(at: string, other: string): Promise<void> {
  let last = "";
  let since = Date.now();
  const settled = (): boolean => {
    const now = filesFor(other, at, at).join();
    if (now !== last || filesFor(at, other, at).length > 0) {
      last = now;
      since = Date.now();
    }
    return Date.now() - since > 1_000;
  };
  await until(settled, `rest at ${at}`);
}

it("carries mail and receipts on foot; pulled out in the middle of a mail nothing is lost and nothing doubled", async () => {
  const aurora = await gateway("aurora", "shore");
  const shore = await gateway("shore", "aurora");
  const noise = Array.from({ length: 25_000 }, (_, i) => ((i * 2_654_435_761) >>> 0).toString(36)).join(
    "\r\n",
  );
  const [anna, office] = ["anna@aurora.example", "office@shore.example"];
  const rfc5322 = mail(anna, office, "Long", `${noise}\r\n`);
  const long = submission(anna, [office], "Long", { content: { kind: "mail", rfc5322 } });
  for (const subject of ["One", "Two", "Three"])
    await aurora.relay.submit(submission(anna, [office], subject));
  mkdirSync(plugged("aurora"));
  let pulledOut = false;
  for (let walk = 0; walk < 12 && shore.mailbox.handed.length < 4; walk++) {
    await quiet("aurora", "shore");
    if (walk === 2) {
      // Part of the long mail is on the stick when somebody pulls it out.
      const before = filesFor("shore", "aurora", "aurora").length;
      await aurora.relay.submit(long);
      await until(
        () => filesFor("shore", "aurora", "aurora").length > before,
        "the first part of the long mail",
      );
      pulledOut = true;
    }
    carry("aurora", "shore");
    await quiet("shore", "aurora");
    if (walk === 2) expect(shore.mailbox.handed).toHaveLength(3);
    carry("shore", "aurora");
  }
  expect(pulledOut).toBe(true);
  await until(() => shore.mailbox.handed.length === 4, "all four mails");
  await quiet("aurora", "shore");
  for (let walk = 0; walk < 4 && !(await allDelivered(aurora)); walk++) {
    carry("aurora", "shore");
    await quiet("shore", "aurora");
    carry("shore", "aurora");
    await quiet("aurora", "shore");
  }
  expect(await allDelivered(aurora)).toBe(true);
  expect(shore.mailbox.handed).toHaveLength(4);
  expect(new Set(shore.mailbox.handed.map((one) => one.deliveryId)).size).toBe(4);
  const arrived = shore.mailbox.texts().find((text) => text.includes("Subject: Long")) ?? "";
  expect(arrived.slice(arrived.indexOf("\r\n\r\n") + 4)).toBe(`${noise}\r\n`);
}, 120_000);

async function allDelivered(node: TestNode): Promise<boolean> {
  const messages = await node.spool.listMessages({ limit: 10 });
  return messages.length === 4 && messages.every((one) => one.end === "delivered");
}
