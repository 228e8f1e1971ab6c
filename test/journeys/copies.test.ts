import { type MemoryProfile, memoryProfiles } from "@estafette/bearer-memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { submission } from "../harness/node.js";
import { big, pair } from "../harness/pair.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* A flash message goes over several links at once; whichever is first spares the others. */
const anna = "anna@aurora.example";
const office = "office@shore.example";
const BYTES = 12_000;
const FAST: MemoryProfile = { ...memoryProfiles.stream, bitsPerSecond: 19_200, parcelBytesMax: 512 };
const SLOW: MemoryProfile = { ...memoryProfiles.stream, bitsPerSecond: 1_200, parcelBytesMax: 255 };

let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

const allEnded = async (node: WorldNode, end: string) =>
  (await node.spool.listMessages({ limit: 100 })).every((one) => one.end === end);

const sentOver = async (node: WorldNode, link: string) =>
  (await world.settle(node.relay.status())).links.find((one) => one.name === link)?.bytesSent ?? 0;

async function twoLinks(receipt = true) {
  const found = await pair(world, { fast: FAST, slow: SLOW }, undefined, {
    flashCopies: 2,
    receipts: receipt,
  });
  // Both links have met their neighbour; what they say from now on is the message.
  await world.clock.advance(120_000);
  const { aurora } = found;
  const before = { fast: await sentOver(aurora, "fast"), slow: await sentOver(aurora, "slow") };
  const flash = { ...big(world, anna, office, BYTES), class: "flash", receipt } as const;
  await world.settle(aurora.relay.submit(submission(anna, [office], "Mayday", flash)));
  const spent = async (link: "fast" | "slow") => (await sentOver(aurora, link)) - before[link];
  return { ...found, spent };
}

async function legsOf(node: WorldNode): Promise<readonly (string | null)[]> {
  const [envelope] = await node.spool.listEnvelopes(1);
  if (!envelope) return [];
  return (await node.spool.legsOf({ id: envelope.id })).map((leg) => leg.hop.link);
}

describe("a flash message in two copies", () => {
  it.each([
    ["accepted", false, "forwarded"],
    ["receipted", true, "delivered"],
  ])(
    "is offered on both links; the slow one leaves off when it is %s over the fast one",
    async (_, receipt, end) => {
      const { aurora, shore, spent } = await twoLinks(receipt);
      await world.until(async () => (await legsOf(aurora)).length > 0, "composed", { everyMs: 10 });
      expect((await world.ask(() => legsOf(aurora))).toSorted()).toEqual(["fast", "slow"]);
      await world.until(() => shore.mailbox.handed.length === 1, "delivery", { everyMs: 100 });
      await world.until(() => allEnded(aurora, end), "its end", { everyMs: 100 });
      // The fast link took five seconds of it; the slow one had sent what it could meanwhile, and sends no more.
      const slowBytes = await spent("slow");
      expect(slowBytes).toBeLessThan(BYTES / 6);
      await world.clock.advance(300_000);
      expect((await spent("slow")) - slowBytes).toBeLessThan(400);
      expect(await world.ask(() => legsOf(aurora))).toEqual([]);
      expect(shore.mailbox.handed).toHaveLength(1);
    },
  );

  it("does not begin on a link that comes up when the other was through", async () => {
    const { aurora, shore, spent, air } = await twoLinks();
    air("slow").cut();
    await world.until(() => shore.mailbox.handed.length === 1, "delivery", { everyMs: 100 });
    await world.until(() => allEnded(aurora, "delivered"), "receipt", { everyMs: 100 });
    const slowBytes = await spent("slow");
    air("slow").restore();
    await world.clock.advance(300_000);
    // The two greet each other again; that is all.
    expect((await spent("slow")) - slowBytes).toBeLessThan(1_000);
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("is delivered once by the slow link when the fast one dies in the middle", async () => {
    const { aurora, shore, air, spent } = await twoLinks();
    await world.until(async () => (await spent("fast")) > BYTES / 2, "half of it", { everyMs: 50 });
    air("fast").cut();
    await world.until(() => shore.mailbox.handed.length === 1, "delivery over the slow link");
    await world.until(() => allEnded(aurora, "delivered"), "receipt");
    expect(await spent("slow")).toBeLessThan(BYTES * 1.1);
    air("fast").restore();
    await world.clock.advance(600_000);
    expect(shore.mailbox.handed).toHaveLength(1);
    expect(await world.ask(() => legsOf(aurora))).toEqual([]);
    expect(await world.ask(() => aurora.spool.listEnvelopes(9))).toEqual([]);
  });
});
