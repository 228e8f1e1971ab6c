import {
  encodeAck,
  encodeReceipt,
  RECEIPT_REASONS,
  type ReceiptOutcome,
  signReceipt,
} from "@estafette/protocol";
import type { NewNote } from "@estafette/spool";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { line } from "../harness/line.js";
import { identityOf, submission } from "../harness/node.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/* Who may end a message, and what a repeated or forged word costs (SPEC.md §11.3). */
const anna = "anna@aurora.example";
const office = "office@shore.example";
let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

const endOf = async (node: WorldNode) =>
  (await world.settle(node.spool.listMessages({ limit: 9 }))).find((m) => m.from === anna)?.end;

/** The relay has it, shore cannot be reached: the message is open at aurora. */
async function underWay() {
  const nodes = await line(world);
  nodes.east.air.cut();
  await world.settle(nodes.aurora.relay.submit(submission(anna, [office], "Open")));
  await world.until(async () => (await nodes.relay.spool.listEnvelopes(5)).length === 1, "custody");
  const [held] = await world.settle(nodes.relay.spool.listEnvelopes(1));
  if (!held) throw new Error("held");
  const say = async (bytes: Uint8Array): Promise<void> => {
    const hop = { link: "west", neighbour: nodes.aurora.node.identity.address };
    await world.settle(nodes.relay.spool.addNotes([{ hop, bytes, lifetimeMs: 3_600_000 }]));
    // Any work for this link wakes it; the look that comes now and then does.
    await world.clock.advance(120_000);
    expect(await world.settle(nodes.relay.spool.legs({ link: "west", afterLegId: 0, limit: 9 }))).toEqual([]);
  };
  const signed = (who: string, outcome: ReceiptOutcome, reason: number = RECEIPT_REASONS.none) =>
    encodeReceipt(signReceipt({ id: held.id, outcome, reason }, identityOf(who)));
  return { ...nodes, id: held.id, say, signed };
}

describe("a word that ends nothing", () => {
  it.each<[string, string, ReceiptOutcome]>([
    ["delivered, said by a relay", "relay", "delivered"],
    ["delivered, said by a stranger", "nobody", "delivered"],
    ["refused, said by a stranger", "nobody", "refused"],
    ["accepted, said by a relay", "relay", "accepted"],
    ["expired, said by a relay", "relay", "expired"],
  ])("%s", async (_, who, outcome) => {
    const { aurora, say, signed } = await underWay();
    await say(signed(who, outcome));
    expect(await endOf(aurora)).toBeNull();
  });

  it("acks whose proof is made up", async () => {
    const { aurora, id, say } = await underWay();
    for (const stage of ["final", "accepted"] as const)
      await say(encodeAck({ id, stage, proof: world.rng.bytes(16) }));
    expect(await endOf(aurora)).toBeNull();
  });

  it("bytes that are no note, and receipts with a broken signature", async () => {
    const { aurora, say, signed } = await underWay();
    const broken = signed("shore", "refused");
    broken[broken.length - 1]! ^= 1;
    await say(broken);
    await say(world.rng.bytes(40));
    expect(await endOf(aurora)).toBeNull();
    expect(aurora.node.events.filter((e) => e.type === "fault")).toEqual([]);
  });
});

describe("a word that ends the message", () => {
  it("refused, said by the relay about its copy: the sender is told from here", async () => {
    const { aurora, say, signed } = await underWay();
    await say(signed("relay", "refused", RECEIPT_REASONS.denied));
    expect(await endOf(aurora)).toBe("refused");
    expect(aurora.notices()).toHaveLength(1);
  });

  it("refused, said by the destination that told the sender itself: no second notice", async () => {
    const { aurora, say, signed } = await underWay();
    await say(signed("shore", "refused", RECEIPT_REASONS["unknown-user"]));
    expect(await endOf(aurora)).toBe("refused");
    expect(aurora.notices()).toHaveLength(0);
  });

  it("delivered, said by the destination", async () => {
    const { aurora, say, signed } = await underWay();
    await say(signed("shore", "delivered"));
    expect(await endOf(aurora)).toBe("delivered");
  });
});

describe("a receipt that is repeated", () => {
  it("is passed on once", async () => {
    const { aurora, relay, shore } = await line(world);
    const given: NewNote[] = [];
    const { settleDelivery } = shore.spool;
    shore.spool.settleDelivery = (id, result) => {
      given.push(...(result.notes ?? []));
      return settleDelivery.call(shore.spool, id, result);
    };
    await world.settle(aurora.relay.submit(submission(anna, [office], "Once")));
    await world.until(async () => (await endOf(aurora)) === "delivered", "receipt");
    const [ack] = given;
    if (!ack) throw new Error("an ack was given");
    const before = await parcelsSent(relay, "west");
    await world.settle(shore.spool.addNotes(Array.from({ length: 20 }, () => ack)));
    await world.until(
      async () => (await shore.spool.legs({ link: "east", afterLegId: 0, limit: 50 })).length === 0,
      "twenty repeats heard by the relay",
    );
    await world.clock.advance(60_000);
    expect(await world.settle(relay.spool.legs({ link: "west", afterLegId: 0, limit: 50 }))).toEqual([]);
    expect(await parcelsSent(relay, "west")).toBe(before);
  });
});

async function parcelsSent(node: WorldNode, link: string): Promise<number> {
  const status = await world.settle(node.relay.status());
  return status.links.find((one) => one.name === link)?.parcelsSent ?? -1;
}

describe("a hand-over", () => {
  it("that never ends is tried again as a possible duplicate", async () => {
    const { aurora, shore } = await line(world);
    const { deliver } = shore.mailbox;
    const flags: boolean[] = [];
    shore.mailbox.deliver = (delivery) => {
      flags.push(delivery.possibleDuplicate);
      return flags.length === 1 ? new Promise(() => undefined) : deliver.call(shore.mailbox, delivery);
    };
    await world.settle(aurora.relay.submit(submission(anna, [office], "Slow server")));
    await world.until(async () => (await endOf(aurora)) === "delivered", "second attempt");
    expect(flags).toEqual([false, true]);
  });

  it("under way when the gateway stops is recorded, and not repeated after the start", async () => {
    const { aurora, shore } = await line(world);
    const { deliver } = shore.mailbox;
    const gate: { open?: () => void } = {};
    shore.mailbox.deliver = async (delivery) => {
      await new Promise<void>((resolve) => {
        gate.open = resolve;
      });
      return deliver.call(shore.mailbox, delivery);
    };
    await world.settle(aurora.relay.submit(submission(anna, [office], "While stopping")));
    await world.until(() => gate.open !== undefined, "hand-over begun");
    const stopping = shore.relay.stop();
    await world.clock.advance(100);
    gate.open?.();
    await world.settle(stopping);
    await world.settle(shore.spool.close());
    shore.mailbox.deliver = deliver;
    await shore.start();
    await world.until(async () => (await endOf(aurora)) === "delivered", "receipt after the start");
    expect(shore.mailbox.handed).toHaveLength(1);
  });
});
