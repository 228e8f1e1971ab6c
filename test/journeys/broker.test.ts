import mqtt from "@estafette/bearer-mqtt";
import { MqttBroker } from "@estafette/emulators";
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
 *   aurora ─┐
 *   borealis ─ broker ─ shore        restarted in the middle of a mail, once with its memory, once without
 */
const NAMES = ["aurora", "borealis", "shore"] as const;
const nodes: TestNode[] = [];
let broker: MqttBroker;
let url = "";
beforeEach(async () => {
  broker = new MqttBroker({ clock });
  url = await broker.start();
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  await broker.stop(true);
});

async function gateway(name: string): Promise<TestNode> {
  const others = NAMES.filter((one) => one !== name);
  const host = bearerHost({ clock, rng, log: () => undefined });
  const raw = { broker: url, name, with: others, parcelBytesMax: 1_000 };
  const peers = others.map((other) => ({
    name: other,
    root: identityOf(other).keys.root,
    domains: [`${other}.example`],
    links: ["bus"],
  }));
  const neighbours = Object.fromEntries(others.map((other) => [other, other]));
  const node = await startNode({
    ...{ name, domain: `${name}.example`, peers },
    links: [{ bearer: mqtt.create(mqtt.parse(raw), host), settings: { name: "bus", neighbours } }],
  });
  nodes.push(node);
  return node;
}

const noise = (seed: number, lines: number): string =>
  Array.from({ length: lines }, (_, i) => ((i * 2_654_435_761 + seed) >>> 0).toString(36)).join("\r\n");

function long(from: string, to: string, subject: string) {
  const rfc5322 = mail(from, to, subject, `${noise(from.length, 60_000)}\r\n`);
  return submission(from, [to], subject, { content: { kind: "mail", rfc5322 } });
}

it("carries mail from each to each while the broker restarts in the middle: nothing lost, nothing doubled", async () => {
  const all = [await gateway("aurora"), await gateway("borealis"), await gateway("shore")];
  for (const node of all) {
    for (const to of NAMES.filter((name) => name !== node.name))
      await node.relay.submit(submission(`a@${node.name}.example`, [`b@${to}.example`], `From ${node.name}`));
  }
  await until(() => all.every((node) => node.mailbox.handed.length === 2), "a mail from each to each");
  const [aurora, borealis, shore] = all as [TestNode, TestNode, TestNode];
  for (const [round, forget] of [false, true].entries()) {
    const begun = shore.events.length;
    await aurora.relay.submit(long("a@aurora.example", "b@shore.example", `Long ${round}`));
    await shore.relay.submit(submission("a@shore.example", ["b@borealis.example"], `Beside ${round}`));
    await until(
      () => shore.events.slice(begun).some((event) => event.type === "progress" && event.bytes > 20_000),
      "a part of the long mail",
    );
    await broker.stop(forget);
    expect(shore.mailbox.handed).toHaveLength(2 + round);
    await borealis.relay.submit(submission("a@borealis.example", ["b@aurora.example"], `Meanwhile ${round}`));
    await broker.start();
    await until(() => shore.mailbox.handed.length === 3 + round, "the long mail", 60_000);
    await until(() => aurora.mailbox.handed.length === 3 + round, "the mail taken meanwhile", 60_000);
    await until(() => borealis.mailbox.handed.length === 3 + round, "the mail beside it", 60_000);
  }
  for (const node of all) {
    await until(
      async () => (await node.spool.listMessages({ limit: 20 })).every((one) => one.end === "delivered"),
      `receipts at ${node.name}`,
      60_000,
    );
  }
  for (const node of all) {
    const ids = node.mailbox.handed.map((one) => one.deliveryId);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(4);
  }
}, 240_000);
