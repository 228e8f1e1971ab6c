import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { line } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* The power goes at every named point of the core, on whichever node passes it; nothing is lost, nothing comes twice. */
const anna = "anna@aurora.example";
const office = "office@shore.example";
let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

const POINTS: readonly (readonly ["aurora" | "relay" | "shore", string])[] = [
  ["aurora", "submit-after-keep"],
  ["aurora", "compose-before-commit"],
  ["aurora", "compose-after-commit"],
  ["aurora", "settle-before-commit"],
  ["aurora", "settle-after-commit"],
  ["relay", "transit-before-keep"],
  ["relay", "transit-after-keep"],
  ["relay", "accept-before-confirm"],
  ["relay", "settle-before-commit"],
  ["relay", "settle-after-commit"],
  ["shore", "arrival-before-keep"],
  ["shore", "arrival-after-keep"],
  ["shore", "accept-before-confirm"],
  ["shore", "delivery-before-handover"],
  ["shore", "delivery-after-handover"],
  ["shore", "delivery-after-settle"],
];

/** What a mailbox that knows message ids keeps. */
const distinct = (node: WorldNode): string[] => [...new Set(node.mailbox.handed.map((d) => d.deliveryId))];

describe("a power cut", () => {
  it.each(POINTS)("of %s at %s loses nothing and repeats nothing", async (name, point) => {
    const nodes = await line(world);
    const victim = nodes[name];
    victim.crashAt(point);
    const accepted = nodes.aurora.relay.submit(submission(anna, [office], "Through the dark"));
    accepted.catch(() => undefined); // a crash before the answer leaves the user without one
    await world.until(() => !victim.isOn, "power cut");
    await world.clock.advance(5_000);
    await victim.start();
    await world.until(() => nodes.shore.mailbox.handed.length > 0, "delivery");
    await world.until(
      async () =>
        (await nodes.aurora.spool.listMessages({ limit: 5 })).every((one) => one.end === "delivered"),
      "receipt",
    );
    await world.clock.advance(600_000);
    expect(distinct(nodes.shore)).toHaveLength(1);
    const uncertain = nodes.shore.mailbox.handed.slice(1).every((d) => d.possibleDuplicate);
    expect(uncertain, "a second hand-over says that it may be a second one").toBe(true);
    if (point !== "delivery-after-handover") expect(nodes.shore.mailbox.handed).toHaveLength(1);
    expect(nodes.aurora.notices()).toHaveLength(0);
    expect(await world.settle(nodes.relay.spool.listEnvelopes(5))).toHaveLength(0);
  });

  it("before a submission was kept leaves nothing of it behind", async () => {
    const { aurora } = await line(world);
    aurora.crashAt("submit-before-keep");
    aurora.relay
      .submit(submission(anna, [office, "cook@aurora.example"], "Never said"))
      .catch(() => undefined);
    await world.until(() => !aurora.isOn, "power cut");
    await aurora.start();
    expect(await world.settle(aurora.spool.listMessages({ limit: 5 }))).toHaveLength(0);
    expect(await world.settle(aurora.spool.listDeliveries({ limit: 5 }))).toHaveLength(0);
  });
});

describe("a submission for here and elsewhere", () => {
  it("is kept whole or not at all", async () => {
    const { aurora, west } = await line(world);
    west.air.cut();
    const commits: string[] = [];
    const { acceptMessages, acceptArrival } = aurora.spool;
    aurora.spool.acceptMessages = (...args) => {
      commits.push("messages");
      return acceptMessages.apply(aurora.spool, args);
    };
    aurora.spool.acceptArrival = (...args) => {
      commits.push("arrival");
      return acceptArrival.apply(aurora.spool, args);
    };
    await world.settle(aurora.relay.submit(submission(anna, [office, "cook@aurora.example"], "Both")));
    expect(commits).toEqual(["messages"]);
    await world.until(() => aurora.mailbox.handed.length === 1, "the cook");
    expect(await world.settle(aurora.spool.listMessages({ limit: 5 }))).toHaveLength(1);
  });
});
