import { type MemoryProfile, memoryProfiles } from "@estafette/bearer-memory";
import type { LinkSettings } from "@estafette/relay";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { big } from "../harness/pair.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* What a link may use: how fast a backlog drains, what a paid link costs, when a link is used at all. */
const anna = "anna@aurora.example";
const office = "office@shore.example";
const HOUR_MS = 3_600_000;
type Budget = NonNullable<LinkSettings["budget"]>;
const UNLIMITED: Budget = {
  drainBytesPerS: null,
  airtimeMsPerDayMax: null,
  credits: null,
  urgentShare: 0,
  windows: [],
};
let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

const submit = (node: WorldNode, ...args: Parameters<typeof submission>) =>
  world.settle(node.relay.submit(submission(...args)));

interface Sent {
  readonly station: string;
  readonly bytes: number;
  readonly atMs: number;
}

/** aurora and shore over one medium that remembers every parcel it took; only aurora's link has a budget. */
async function budgetedPair(profile: MemoryProfile, budget: Partial<Budget>) {
  const { air, bearer } = world.medium(profile);
  const sent: Sent[] = [];
  const { send } = air;
  air.send = async (station, parcel, signal) => {
    const result = await send.call(air, station, parcel, signal);
    const atMs = world.clock.monotonicMs();
    if (result.outcome !== "deferred") sent.push({ station: station.name, bytes: parcel.bytes.length, atMs });
    return result;
  };
  const end = (name: string, other: string, settings: Partial<LinkSettings>) => ({
    name,
    domain: `${name}.example`,
    peers: [peer(other, ["link"])],
    links: [{ bearer: () => bearer(name), settings: { name: "link", peers: [other], ...settings } }],
  });
  const aurora = await world.node(end("aurora", "shore", { budget: { ...UNLIMITED, ...budget } }));
  const shore = await world.node(end("shore", "aurora", {}));
  const ofAurora = (): readonly Sent[] => sent.filter((one) => one.station === "aurora");
  return { aurora, shore, air, ofAurora };
}

const budgetOf = async (node: WorldNode) => (await world.settle(node.relay.status())).links[0]?.budget;

describe("a partition that heals", () => {
  it("drains its backlog at the drain rate and no faster, and delivers all of it", async () => {
    const rate = 100;
    const profile = { ...memoryProfiles.stream, bitsPerSecond: 9_600, parcelBytesMax: 256 };
    const { aurora, shore, air, ofAurora } = await budgetedPair(profile, { drainBytesPerS: rate });
    air.cut();
    for (let i = 0; i < 200; i++) await submit(aurora, anna, [office], `Waiting ${i}`);
    await world.clock.advance(60_000);
    expect(ofAurora()).toHaveLength(0);
    air.restore();
    const tookMs = await world.until(() => shore.mailbox.handed.length === 200, "all of them", {
      withinMs: 6 * HOUR_MS,
    });
    const sent = ofAurora();
    const most = Math.max(
      ...sent.map(({ atMs }) =>
        sent
          .filter((one) => one.atMs >= atMs && one.atMs < atMs + 10_000)
          .reduce((sum, one) => sum + one.bytes, 0),
      ),
    );
    expect(most).toBeLessThanOrEqual(10 * rate + profile.parcelBytesMax);
    // Not much slower either: the rate is used.
    const total = sent.reduce((sum, one) => sum + one.bytes, 0);
    expect(total).toBeGreaterThan(((0.8 * tookMs) / 1_000) * rate);
    expect(new Set(shore.texts().map((text) => /Waiting \d+/.exec(text)?.[0])).size).toBe(200);
  });
});

describe("a paid link", () => {
  it("spends no more in any day than it may, over crashes too, and goes on the next day", async () => {
    const credits = { perContact: 1, perKilobyte: 20, perDay: 60, perMonth: null };
    const { aurora, shore, air, ofAurora } = await budgetedPair(memoryProfiles.storeBuffer, { credits });
    const calls: number[] = [];
    const { contact } = air;
    air.contact = async (station, request, signal) => {
      const result = await contact.call(air, station, request, signal);
      if (station.name === "aurora" && result.outcome === "open") calls.push(world.clock.monotonicMs());
      return result;
    };
    const lifetimeS = 864_000;
    await submit(aurora, anna, [office], "Long", { ...big(world, anna, office, 4_000), lifetimeS });
    const crash = async (): Promise<void> => {
      aurora.crash();
      await world.settle(aurora.start());
    };
    await world.clock.advance(60_000);
    await crash();
    await world.clock.advance(20 * HOUR_MS);
    await crash();
    const tookMs = await world.until(() => shore.mailbox.handed.length === 1, "delivery", {
      withinMs: 9 * 24 * HOUR_MS,
      everyMs: HOUR_MS / 2,
    });
    expect(tookMs).toBeGreaterThan(4 * HOUR_MS);
    const paid = [
      ...calls.map((atMs) => ({ atMs, credits: 1 })),
      ...ofAurora().map(({ atMs, bytes }) => ({ atMs, credits: bytes * 0.02 })),
    ];
    const inDays = paid.map(({ atMs }) =>
      paid
        .filter((one) => one.atMs >= atMs && one.atMs < atMs + 24 * HOUR_MS)
        .reduce((sum, one) => sum + one.credits, 0),
    );
    expect(Math.max(...inDays)).toBeLessThanOrEqual(60);
    expect(Math.max(...inDays)).toBeGreaterThan(50);
  });
});

describe("an hour's airtime that is spent", () => {
  it("leaves a share for a flash message alone, and the rest waits", async () => {
    const radio = { ...memoryProfiles.radio, loss: 0, airtimeMsPerHourMax: 30_000 };
    const { aurora, shore, ofAurora } = await budgetedPair(radio, { urgentShare: 0.4 });
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 9_000));
    await world.clock.advance(10 * 60_000);
    expect((await budgetOf(aurora))?.pause).toMatchObject({ why: "airtime" });
    expect(shore.mailbox.handed).toHaveLength(0);
    const before = ofAurora().length;
    await submit(aurora, anna, [office], "Fire", { class: "flash" });
    const tookMs = await world.until(
      () => shore.texts().some((t) => t.includes("Fire")),
      "the flash message",
    );
    expect(tookMs).toBeLessThan(60_000);
    expect(shore.mailbox.handed).toHaveLength(1);
    await world.clock.advance(10 * 60_000);
    const sent = ofAurora().slice(before);
    expect(sent.reduce((sum, one) => sum + one.bytes, 0)).toBeLessThan(400);
    await world.until(() => shore.mailbox.handed.length === 2, "the rest in its hours", {
      withinMs: 24 * HOUR_MS,
      everyMs: 60_000,
    });
  });
});

describe("a contact window", () => {
  it("keeps mail until it opens, and everything that came meanwhile goes in it", async () => {
    // The virtual clock begins at midnight, UTC.
    const windows = ["cron 0 6 * * * for 30m"];
    const { aurora, shore, ofAurora } = await budgetedPair(memoryProfiles.radio, { windows });
    await submit(aurora, anna, [office], "At one");
    await world.clock.advance(3 * HOUR_MS);
    await submit(aurora, anna, [office], "At four");
    await world.clock.advance(2.9 * HOUR_MS);
    expect(ofAurora()).toHaveLength(0);
    expect(aurora.node.events.some((event) => event.type === "composed")).toBe(false);
    expect(await budgetOf(aurora)).toMatchObject({ window: "closed", pause: { why: "window" } });
    await world.until(() => shore.mailbox.handed.length === 2, "both");
    expect(world.clock.monotonicMs()).toBeLessThan(6.5 * HOUR_MS);
  });
});
