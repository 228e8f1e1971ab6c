import { type MemoryProfile, memoryProfiles } from "@estafette/bearer-memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { changeable } from "../harness/changeable.js";
import { peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { big, pair } from "../harness/pair.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* What links do to mail: break, change, keep it for later, be shared. */
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

const statusOf = async (node: WorldNode, link: string) => {
  const found = (await world.settle(node.relay.status())).links.find((one) => one.name === link);
  if (!found) throw new Error(`no link ${link}`);
  return found;
};
const allEnded = async (node: WorldNode, end: string) =>
  (await node.spool.listMessages({ limit: 100 })).every((one) => one.end === end);

describe("a transfer whose link goes down", () => {
  it("goes on over another link from the bytes that are there", async () => {
    const slow = { ...memoryProfiles.stream, bitsPerSecond: 9_600, parcelBytesMax: 512 };
    const { aurora, shore, air } = await pair(world, { west: slow, east: { ...slow, bitsPerSecond: 9_601 } });
    air("east").cut();
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 40_000));
    const progress = (link: string) => {
      const of = shore.node.events.filter((e) => e.type === "progress" && e.link === link);
      return of.map((e) => (e.type === "progress" ? e : null)).at(-1);
    };
    await world.until(() => (progress("west")?.bytes ?? 0) > 20_000, "half of it", { everyMs: 500 });
    const held = progress("west")?.bytes ?? 0;
    const total = progress("west")?.totalBytes ?? 0;
    air("west").cut();
    air("east").restore();
    await world.until(() => shore.mailbox.handed.length === 1, "the rest over the other link");
    const { bytesHeard } = await statusOf(shore, "east");
    expect(bytesHeard).toBeLessThan((total - held) * 1.25 + 2_000);
    await world.until(() => allEnded(aurora, "delivered"), "receipt");
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("leaves the dear link when a cheap one opens, and is not carried twice", async () => {
    const slow = { ...memoryProfiles.stream, bitsPerSecond: 9_600, parcelBytesMax: 512 };
    const dear = { ...slow, cost: { perContact: 0, perByte: 1 } };
    const { aurora, shore, air } = await pair(world, { dear, cheap: slow });
    air("cheap").cut();
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 40_000));
    await world.until(
      () => shore.node.events.some((e) => e.type === "progress" && e.bytes > 10_000),
      "a quarter",
      { everyMs: 500 },
    );
    air("cheap").restore();
    await world.until(() => shore.mailbox.handed.length === 1, "delivery");
    const carried = (await statusOf(aurora, "dear")).bytesSent + (await statusOf(aurora, "cheap")).bytesSent;
    expect(carried).toBeLessThan(40_000 * 1.4);
    expect((await statusOf(aurora, "dear")).bytesSent).toBeLessThan(25_000);
  });
});

describe("classes", () => {
  it("flash passes bulk at the next parcel on a slow radio", async () => {
    const radio = { ...memoryProfiles.radio, loss: 0 };
    const { aurora, shore } = await pair(world, { radio });
    await submit(aurora, anna, [office], "Bulk", { ...big(world, anna, office, 20_000), class: "bulk" });
    await world.until(
      () => shore.node.events.some((e) => e.type === "progress" && e.bytes > 3_000),
      "bulk under way",
    );
    const before = (await statusOf(aurora, "radio")).parcelsSent;
    const flash = { class: "flash", content: { kind: "text", text: "Man overboard" } } as const;
    await submit(aurora, anna, [office], "", flash);
    const tookMs = await world.until(() => shore.mailbox.handed.length === 1, "flash", { everyMs: 100 });
    const parcels = (await statusOf(aurora, "radio")).parcelsSent - before;
    expect(shore.texts()[0]).toContain("Subject: Man overboard");
    // One parcel on the air, the offer, the flash itself in one or two, and answers' turns: not the 90 of the bulk.
    expect(parcels).toBeLessThanOrEqual(12);
    expect(tookMs).toBeLessThan(60_000);
    await world.until(() => shore.mailbox.handed.length === 2, "bulk");
  });
});

describe("a far end that restarts unseen", () => {
  it("is met anew in the middle of a conversation, and nothing stays open", async () => {
    const radio = { ...memoryProfiles.radio, loss: 0, bitsPerSecond: 9_600 };
    const { aurora, shore } = await pair(world, { radio });
    await submit(aurora, anna, [office], "One", big(world, anna, office, 6_000));
    for (let round = 0; round < 3; round++) {
      const bytes = round * 1_500;
      await world.until(
        () => shore.node.events.some((e) => e.type === "progress" && e.bytes > bytes),
        `round ${round}`,
        { everyMs: 200 },
      );
      shore.crash();
      await world.clock.advance(2_000);
      await shore.start();
    }
    await world.until(() => shore.mailbox.handed.length === 1, "delivery");
    await world.until(() => allEnded(aurora, "delivered"), "receipt");
    // The last answer is still on the air.
    await world.clock.advance(2_000);
    const [neighbour] = (await statusOf(shore, "radio")).neighbours;
    expect(neighbour).toMatchObject({ incomingCount: 0, outgoingCount: 0 });
  });
});

describe("a store buffer that must be dialled", () => {
  it("carries mail and receipts both ways, and visits are few", async () => {
    const { aurora, shore, air } = await pair(world, { satellite: memoryProfiles.storeBuffer });
    await submit(aurora, anna, [office], "By satellite");
    await world.until(() => shore.mailbox.handed.length === 1, "mail ashore", {
      withinMs: 100 * HOUR_MS,
      everyMs: 300_000,
    });
    await submit(shore, office, [anna], "Answer");
    await world.until(() => aurora.mailbox.handed.length === 1, "mail aboard", {
      withinMs: 100 * HOUR_MS,
      everyMs: 300_000,
    });
    for (const node of [aurora, shore])
      await world.until(() => allEnded(node, "delivered"), "receipts", {
        withinMs: 100 * HOUR_MS,
        everyMs: 300_000,
      });
    const before = air("satellite").counters().paid;
    await world.clock.advance(12 * HOUR_MS);
    const paidForIdling = air("satellite").counters().paid - before;
    // A visit every six hours at each end.
    expect(paidForIdling).toBeGreaterThanOrEqual(3);
    expect(paidForIdling).toBeLessThanOrEqual(5);
  });
});

describe("a bus of three gateways", () => {
  it("carries mail from each to each, once, with receipts", async () => {
    const bus = world.medium(memoryProfiles.publishSubscribe);
    const names = ["aurora", "borealis", "shore"];
    const nodes: WorldNode[] = [];
    for (const name of names) {
      const others = names.filter((n) => n !== name);
      nodes.push(
        await world.node({
          name,
          domain: `${name}.example`,
          peers: others.map((o) => peer(o, ["bus"])),
          links: [
            {
              bearer: () => bus.bearer(name),
              settings: { name: "bus", neighbours: Object.fromEntries(others.map((o) => [o, o])) },
            },
          ],
        }),
      );
    }
    for (const node of nodes)
      for (const to of names.filter((n) => n !== node.plan.name))
        await submit(node, `a@${node.plan.name}.example`, [`b@${to}.example`], `From ${node.plan.name}`);
    for (const node of nodes) {
      await world.until(() => node.mailbox.handed.length >= 2, `mail at ${node.plan.name}`);
      await world.until(() => allEnded(node, "delivered"), `receipts at ${node.plan.name}`);
    }
    await world.clock.advance(60_000);
    for (const node of nodes) expect(node.mailbox.handed).toHaveLength(2);
  });
});

describe("a listener with two ships", () => {
  it("serves both, and one that falls silent does not hold up the other", async () => {
    const port = world.medium({ ...memoryProfiles.stream, neighbours: "many" });
    const shore = await world.node({
      name: "shore",
      domain: "shore.example",
      peers: [peer("aurora", ["port"]), peer("borealis", ["port"])],
      links: [{ bearer: () => port.bearer("shore"), settings: { name: "port" } }],
    });
    const ship = (name: string) =>
      world.node({
        name,
        domain: `${name}.example`,
        peers: [peer("shore", ["port"])],
        links: [
          { bearer: () => port.bearer(name), settings: { name: "port", neighbours: { shore: "shore" } } },
        ],
      });
    const [aurora, borealis] = [await ship("aurora"), await ship("borealis")];
    await world.until(
      () => shore.node.events.filter((e) => e.type === "neighbour" && e.state === "established").length === 2,
      "both known",
    );
    await submit(shore, office, ["a@aurora.example"], "To one");
    await submit(shore, office, ["b@borealis.example"], "To the other");
    await world.until(() => aurora.mailbox.handed.length + borealis.mailbox.handed.length === 2, "both");
    port.air.cut("aurora");
    await submit(shore, office, ["a@aurora.example"], "Later");
    for (let i = 0; i < 5; i++) await submit(shore, office, ["b@borealis.example"], `Now ${i}`);
    await world.until(() => borealis.mailbox.handed.length === 6, "the other goes on", { withinMs: 30_000 });
    expect(aurora.mailbox.handed).toHaveLength(1);
    port.air.restore("aurora");
    await world.until(() => aurora.mailbox.handed.length === 2, "and the first is served again");
  });
});

describe("an airtime budget", () => {
  it("makes mail wait for the hour, and the gateway waits with it instead of spinning", async () => {
    const lora = { ...memoryProfiles.lossyDatagram, loss: 0, duplication: 0, airtimeMsPerHourMax: 3_000 };
    const bus = world.medium(lora);
    const end = (name: string, other: string) => ({
      name,
      domain: `${name}.example`,
      peers: [peer(other, ["lora"])],
      links: [
        {
          bearer: () => bus.bearer(name),
          settings: { name: "lora", peers: [other], neighbours: { [other]: other } },
        },
      ],
    });
    const aurora = await world.node(end("aurora", "shore"));
    const shore = await world.node(end("shore", "aurora"));
    let sends = 0;
    const { send } = bus.air;
    bus.air.send = (...args) => {
      sends++;
      return send.apply(bus.air, args);
    };
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 3_000));
    const tookMs = await world.until(() => shore.mailbox.handed.length === 1, "delivery", {
      withinMs: 12 * HOUR_MS,
      everyMs: 10_000,
    });
    expect(tookMs).toBeGreaterThan(HOUR_MS / 2);
    expect(sends).toBeLessThan(500);
  });
});

describe("a link that is up and silent", () => {
  it("gives way to another after it was tried", async () => {
    const radio = { ...memoryProfiles.radio, loss: 0, bitsPerSecond: 9_600 };
    const { aurora, shore, air } = await pair(world, { radio, other: { ...radio, bitsPerSecond: 4_800 } });
    air("radio").cut(); // nobody sees a radio go
    await submit(aurora, anna, [office], "Anybody");
    const tookMs = await world.until(() => shore.mailbox.handed.length === 1, "delivery by the other");
    expect((await statusOf(aurora, "radio")).bytesSent).toBeGreaterThan(0);
    expect(tookMs).toBeLessThan(HOUR_MS);
  });
});

describe("a channel that changes", () => {
  async function changingPair(base: MemoryProfile) {
    const { bearer, change } = changeable(world, base);
    const end = (name: string, other: string) => ({
      name,
      domain: `${name}.example`,
      peers: [peer(other, ["radio"])],
      links: [{ bearer: () => bearer(name), settings: { name: "radio", peers: [other] } }],
    });
    return {
      aurora: await world.node(end("aurora", "shore")),
      shore: await world.node(end("shore", "aurora")),
      change,
    };
  }

  it("to smaller parcels is talked over anew, and the transfer goes on", async () => {
    const slow = { ...memoryProfiles.stream, bitsPerSecond: 9_600, parcelBytesMax: 1_000 };
    const { aurora, shore, change } = await changingPair(slow);
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 20_000));
    await world.until(
      () => shore.node.events.some((e) => e.type === "progress" && e.bytes > 5_000),
      "a part",
      { everyMs: 200 },
    );
    change({ parcelBytesMax: 120 });
    await world.until(() => shore.mailbox.handed.length === 1, "delivery in small parcels");
    await world.until(() => allEnded(aurora, "delivered"), "receipt");
  });

  it("to clear-signed content carries nothing sealed any more", async () => {
    const { aurora, shore, change } = await changingPair(memoryProfiles.stream);
    await submit(aurora, anna, [office], "Before");
    await world.until(() => allEnded(aurora, "delivered"), "the first");
    change({ content: "clear-signed" });
    await world.clock.advance(30_000);
    const [leg] = await heldLegs(aurora);
    expect(leg).toBeUndefined();
    expect(await submit(aurora, anna, [office], "After")).toMatchObject({ why: "never-carried" });
    await world.clock.advance(60_000);
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("to clear-signed content holds back what was accepted before", async () => {
    const { aurora, shore, change } = await changingPair(memoryProfiles.stream);
    shore.crash();
    await submit(aurora, anna, [office], "Sealed");
    change({ content: "clear-signed" });
    await shore.start();
    await world.clock.advance(120_000);
    expect(shore.node.events.filter((e) => e.type === "progress")).toHaveLength(0);
    expect(shore.mailbox.handed).toHaveLength(0);
    expect(await heldLegs(aurora)).toHaveLength(1);
    change({ content: "any" });
    await world.until(() => shore.mailbox.handed.length === 1, "delivery when it is allowed again");
  });

  const heldLegs = (node: WorldNode) =>
    world.settle(node.spool.legs({ link: "radio", afterLegId: 0, limit: 9 }));
});
