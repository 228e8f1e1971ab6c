import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { line, peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* Whoever wrote a mail that did not arrive is told so: once, and also after a power cut in between. */
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
const endOf = async (node: WorldNode) =>
  (await world.settle(node.spool.listMessages({ limit: 50 }))).filter((m) => m.from !== "")[0]?.end;

describe("expiry", () => {
  it("is told to the sender once", async () => {
    const { aurora, west } = await line(world);
    west.air.cut();
    await submit(aurora, anna, [office], "Too late", { lifetimeS: 3_600 });
    await world.clock.advance(HOUR_MS - 60_000);
    expect(aurora.notices()).toHaveLength(0);
    await world.until(() => aurora.notices().length > 0, "notice");
    await world.clock.advance(2 * HOUR_MS);
    expect(aurora.notices()).toHaveLength(1);
    expect(aurora.notices()[0]).toContain("Status: 5.4.7");
    expect(aurora.notices()[0]).toContain(office);
    expect(await endOf(aurora)).toBe("expired");
  });

  it.each(["notice-before-keep", "notice-after-keep"])(
    "is told once also when the power goes at %s",
    async (point) => {
      const { aurora, west } = await line(world);
      west.air.cut();
      await submit(aurora, anna, [office], "Too late", { lifetimeS: 3_600 });
      aurora.crashAt(point);
      await world.until(() => !aurora.isOn, "power cut", { withinMs: 2 * HOUR_MS });
      expect(aurora.notices()).toHaveLength(0);
      await aurora.start();
      await world.until(() => aurora.notices().length > 0, "notice after the restart");
      await world.clock.advance(HOUR_MS);
      expect(aurora.notices()).toHaveLength(1);
      expect(aurora.crashes).toBe(1);
    },
  );

  it("of a delivery whose mailbox stays away is told once, by the origin that heard no receipt", async () => {
    const { aurora, shore } = await line(world);
    shore.mailbox.answer = () => ({ outcome: "deferred", detail: "451 not now", retryAfterMs: 0 });
    await submit(aurora, anna, [office], "Nobody home", { lifetimeS: 3_600 });
    await world.until(() => shore.mailbox.handed.length > 2, "attempts ashore");
    await world.until(() => aurora.notices().length > 0, "notice", { withinMs: 2 * HOUR_MS });
    shore.mailbox.answer = () => ({ outcome: "delivered", detail: "kept" });
    await world.clock.advance(2 * HOUR_MS);
    expect(aurora.notices()).toHaveLength(1);
    expect(await endOf(aurora)).toBe("expired");
  });

  it("of the rest is told from where it ended, when others of the same mail were served", async () => {
    const { aurora, shore } = await line(world);
    const absent = "absent@shore.example";
    shore.mailbox.answer = (_, to) =>
      to === absent
        ? { outcome: "deferred", detail: "451 not now", retryAfterMs: 0 }
        : { outcome: "delivered", detail: "kept" };
    await submit(aurora, anna, [office, absent], "Half", { lifetimeS: 3_600 });
    await world.until(() => aurora.notices().length > 0, "notice", { withinMs: 2 * HOUR_MS });
    await world.clock.advance(2 * HOUR_MS);
    expect(aurora.notices()).toHaveLength(1);
    expect(aurora.notices()[0]).toContain(absent);
    expect(aurora.notices()[0]).not.toContain(office);
    expect(await endOf(aurora)).toBe("delivered");
  });
});

describe("a refusal", () => {
  it("by a relay's neighbour comes back signed over two hops and is told once", async () => {
    const { aurora, relay, shore, east } = await line(world);
    await world.settle(
      shore.relay.setPeers([{ ...peer("relay", ["east"]), transit: false }, peer("aurora", [])]),
    );
    east.air.cut();
    await submit(aurora, anna, ["x@shore.example"], "Not wanted", {
      content: { kind: "text", text: "x".repeat(20) },
    });
    // Shore, as seen from the relay, refuses what is larger than it takes: the relay alone hears that.
    await world.until(async () => (await relay.spool.listEnvelopes(5)).length === 1, "custody of the relay");
    const [held] = await world.settle(relay.spool.listEnvelopes(1));
    const [leg] = held ? await world.settle(relay.spool.legsOf({ id: held.id })) : [];
    relay.crash();
    await relay.start();
    await world.settle(
      relay.spool.settleLeg(leg?.legId ?? -1, { outcome: "refused", why: "shore refused it", reason: 6 }),
    );
    relay.crash(); // between the end and the signed refusal
    await relay.start();
    await world.until(() => aurora.notices().length > 0, "notice");
    await world.clock.advance(HOUR_MS);
    expect(aurora.notices()).toHaveLength(1);
    expect(aurora.notices()[0]).toContain("too large");
    expect(await endOf(aurora)).toBe("refused");
    expect(await world.settle(relay.spool.untold(9))).toHaveLength(0);
  });

  it.each(["settle-before-commit", "settle-after-commit"])(
    "by the next gateway is told once, also when the power goes at %s",
    async (point) => {
      const { aurora, relay } = await line(world);
      await world.settle(relay.relay.setPeers([{ ...peer("aurora", ["west"]), transit: false }]));
      aurora.crashAt(point);
      await submit(aurora, anna, [office], "No transit here");
      await world.until(() => !aurora.isOn, "power cut");
      await aurora.start();
      await world.until(() => aurora.notices().length > 0, "notice");
      await world.clock.advance(HOUR_MS);
      expect(aurora.notices()).toHaveLength(1);
      expect(aurora.notices()[0]).toContain("denied");
    },
  );

  it.each(["delivery-after-handover", "delivery-after-settle"])(
    "by the far mailbox is told once, also when the power ashore goes at %s",
    async (point) => {
      const { aurora, shore } = await line(world);
      shore.mailbox.answer = () => ({ outcome: "refused", status: "5.2.2", detail: "552 mailbox full" });
      shore.crashAt(point);
      await submit(aurora, anna, [office], "Full");
      await world.until(() => !shore.isOn, "power cut");
      await shore.start();
      await world.until(() => aurora.notices().length > 0, "notice");
      await world.clock.advance(HOUR_MS);
      expect(aurora.notices()).toHaveLength(1);
      expect(aurora.notices()[0]).toContain("552 mailbox full");
      expect(await endOf(aurora)).toBe("refused");
    },
  );
});
