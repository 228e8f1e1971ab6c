import { memoryProfiles } from "@estafette/bearer-memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { line, peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { big, pair } from "../harness/pair.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* Stores that are full, and peers that come and go. */
const anna = "anna@aurora.example";
const office = "office@shore.example";
const HOUR_MS = 3_600_000;
let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

const submit = (node: WorldNode, ...args: Parameters<typeof submission>) =>
  world.settle(node.relay.submit(submission(...args)));
const allEnded = async (node: WorldNode, end: string) =>
  (await node.spool.listMessages({ limit: 100 })).every((one) => one.end === end);

describe("a full store", () => {
  it("of a relay keeps mail upstream, and lets it pass when there is room again", async () => {
    const { aurora, relay, shore, east } = await line(world, { relayQuotaBytes: 1024 * 1024 });
    east.air.cut();
    for (let i = 0; i < 40; i++)
      await submit(aurora, anna, [office], `Number ${i}`, big(world, anna, office, 30_000));
    await world.clock.advance(120_000);
    const held = await world.settle(relay.spool.stats());
    expect(held.fill).toBeGreaterThan(0.75);
    expect(held.fill).toBeLessThan(1);
    const waiting = await world.settle(aurora.spool.legs({ link: "west", afterLegId: 0, limit: 100 }));
    expect(waiting.length).toBeGreaterThan(5);
    east.air.restore();
    await world.until(() => shore.mailbox.handed.length === 40, "all of them", { withinMs: 4 * HOUR_MS });
    await world.until(() => allEnded(aurora, "delivered"), "receipts", { withinMs: 4 * HOUR_MS });
    expect(shore.mailbox.handed).toHaveLength(40);
    expect(aurora.notices()).toHaveLength(0);
    expect(aurora.node.events.filter((e) => e.type === "fault")).toHaveLength(0);
    expect(relay.node.events.filter((e) => e.type === "fault")).toHaveLength(0);
  });

  it("refuses submissions for now, meets its neighbour all the same, and drains", async () => {
    const { aurora, shore, air } = await pair(world, { radio: memoryProfiles.stream }, 1024 * 1024);
    air("radio").cut();
    let refused = null;
    let accepted = 0;
    for (let i = 0; i < 60 && !refused; i++) {
      const more = { ...big(world, anna, office, 30_000), class: "priority" } as const;
      const result = await submit(aurora, anna, [office], `Number ${i}`, more);
      if (result.outcome === "refused") refused = result;
      else accepted++;
    }
    expect(refused).toMatchObject({ temporary: true });
    expect(accepted).toBeGreaterThan(5);
    air("radio").restore();
    await world.until(() => shore.mailbox.handed.length === accepted, "all accepted ones");
    await world.until(() => allEnded(aurora, "delivered"), "receipts");
    expect(await submit(aurora, anna, [office], "Again")).toMatchObject({ outcome: "accepted" });
    expect(aurora.node.events.filter((e) => e.type === "fault")).toHaveLength(0);
  });
});

describe("peers", () => {
  it("that are configured while the link is up are met, and those removed are left", async () => {
    const medium = world.medium();
    const aurora = await world.node({
      name: "aurora",
      domain: "aurora.example",
      peers: [],
      links: [{ bearer: () => medium.bearer("a"), settings: { name: "radio", peers: ["shore"] } }],
    });
    const shore = await world.node({
      name: "shore",
      domain: "shore.example",
      peers: [peer("aurora", ["radio"])],
      links: [{ bearer: () => medium.bearer("s"), settings: { name: "radio", peers: ["aurora"] } }],
    });
    expect(await submit(aurora, anna, [office], "Nobody")).toMatchObject({ why: "no-route" });
    await world.settle(aurora.relay.setPeers([peer("shore", ["radio"])]));
    await submit(aurora, anna, [office], "Hello");
    await world.until(() => shore.mailbox.handed.length === 1, "delivery to the new peer");
    await world.settle(shore.relay.setPeers([]));
    await world.clock.advance(5_000);
    const [radio] = (await world.settle(shore.relay.status())).links;
    expect(radio?.neighbours.every((n) => n.state !== "established")).toBe(true);
    await submit(aurora, anna, [office], "Unwanted");
    await world.clock.advance(60_000);
    expect(shore.mailbox.handed).toHaveLength(1);
    await world.settle(shore.relay.setPeers([peer("aurora", ["radio"])]));
    await world.until(() => shore.mailbox.handed.length === 2, "delivery when it is a peer again");
  });
});
