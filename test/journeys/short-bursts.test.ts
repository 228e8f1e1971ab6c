import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { big } from "../harness/pair.js";
import { shortBursts } from "../harness/sbd.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/*
 *   aurora ═ 9602 ))) satellite gateway ═ DirectIP ═ shore
 *
 * With what satellites do: no network, a broken session, and the session the gateway took though the modem never heard so.
 */
const anna = "anna@aurora.example";
const office = "office@shore.example";
const HOUR_MS = 3_600_000;
const credits = { perContact: 0, perKilobyte: 0, perDay: 100_000, perMonth: null };
const budget = { drainBytesPerS: null, airtimeMsPerDayMax: null, credits, urgentShare: 0, windows: [] };

let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

const submit = (node: WorldNode, ...args: Parameters<typeof submission>) =>
  world.settle(node.relay.submit(submission(...args)));
const patience = { withinMs: 24 * HOUR_MS, everyMs: 10_000 };
const allDelivered = async (node: WorldNode) =>
  (await node.spool.listMessages({ limit: 100 })).every((one) => one.end === "delivered");

async function startPair(options: Parameters<typeof shortBursts>[1] = {}) {
  const sky = shortBursts(world, options);
  const end = (name: string, other: string) => ({
    name,
    domain: `${name}.example`,
    peers: [peer(other, ["sbd"])],
  });
  const aurora = await world.node({
    ...end("aurora", "shore"),
    links: [{ bearer: sky.ship, settings: { name: "sbd", peers: ["shore"], budget } }],
  });
  const shore = await world.node({
    ...end("shore", "aurora"),
    links: [{ bearer: sky.shore, settings: { name: "sbd", peers: ["aurora"], budget } }],
  });
  const spent = async (node: WorldNode): Promise<number> => {
    const { links } = await world.settle(node.relay.status());
    return links[0]?.budget.limits.find((one) => one.resource === "credits")?.used ?? Number.NaN;
  };
  return { sky, aurora, shore, spent };
}

describe("short bursts", { timeout: 180_000 }, () => {
  it("carry mail both ways; nothing is lost or doubled when replies are lost, and the credits are counted", async () => {
    const { sky, aurora, shore, spent } = await startPair();
    await submit(aurora, anna, [office], "First");
    await world.until(() => shore.mailbox.handed.length === 1, "the first mail ashore", patience);
    // No network, a broken session, a gateway that does not answer; and three times it took what we think lost.
    sky.modem.script(32, 0, "reply-lost", 18, 0, "reply-lost", 35, 17, "reply-lost", 0);
    for (let i = 0; i < 5; i++) await submit(aurora, anna, [office], `Up ${i}`);
    for (let i = 0; i < 5; i++) await submit(shore, office, [anna], `Down ${i}`);
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 1_500));
    await world.until(() => shore.mailbox.handed.length === 7, "seven mails ashore", patience);
    await world.until(() => aurora.mailbox.handed.length === 5, "five mails aboard", patience);
    for (const node of [aurora, shore]) await world.until(() => allDelivered(node), "receipts", patience);
    expect(shore.mailbox.handed).toHaveLength(7);
    expect(aurora.mailbox.handed).toHaveLength(5);
    const bill = sky.bill();
    const billed = bill.up + bill.down + bill.empty;
    const counted = await spent(aurora);
    const took = sky.modem.sessions;
    console.log(
      `short bursts: 12 mails in ${took} sessions, ${billed} credits billed, ${counted.toFixed(2)} counted aboard`,
    );
    // What came down in the last sessions is told with the next contact; and two sessions (18 and 17) may have been billed
    // as far as the ship can know, and were not.
    expect(counted).toBeGreaterThanOrEqual(billed - 5);
    expect(counted).toBeLessThanOrEqual(billed + 2 * 6 + 1);
  });

  it("are counted to the credit in fair weather", async () => {
    const { sky, aurora, shore, spent } = await startPair();
    for (let i = 0; i < 3; i++) await submit(aurora, anna, [office], `Up ${i}`);
    await submit(shore, office, [anna], "Down");
    await world.until(
      () => shore.mailbox.handed.length === 3 && aurora.mailbox.handed.length === 1,
      "mail",
      patience,
    );
    for (const node of [aurora, shore]) await world.until(() => allDelivered(node), "receipts", patience);
    // Until the next visit, in vain, with which all is told.
    await world.until(() => sky.bill().empty > 0, "a visit in vain", {
      withinMs: 7 * HOUR_MS,
      everyMs: 60_000,
    });
    await world.clock.advance(60_000);
    const { up, down, empty } = sky.bill();
    expect(await spent(aurora)).toBeCloseTo(up + down + empty, 1);
  });

  it("go on after the modem lost its power and after the ship's gateway was killed with mail in hand", async () => {
    const { sky, aurora, shore } = await startPair({
      failures: 0.2,
      ringInsideReply: true,
      garbageBytes: 200,
    });
    for (let i = 0; i < 3; i++) await submit(aurora, anna, [office], `Up ${i}`);
    await world.clock.advance(20_000);
    sky.modem.powerCycle();
    await world.until(() => shore.mailbox.handed.length >= 1, "mail ashore", patience);
    await submit(shore, office, [anna], "Down");
    await world.clock.advance(30_000);
    aurora.crash();
    await aurora.start();
    await submit(aurora, anna, [office], "After");
    await world.until(() => shore.mailbox.handed.length === 4, "all ashore", patience);
    await world.until(() => aurora.mailbox.handed.length === 1, "all aboard", patience);
    for (const node of [aurora, shore]) await world.until(() => allDelivered(node), "receipts", patience);
    expect(shore.mailbox.handed).toHaveLength(4);
    expect(aurora.mailbox.handed).toHaveLength(1);
  });
});
