import loraPlugin from "@estafette/bearer-lora";
import { seededRng } from "@estafette/conformance";
import type { BearerHost } from "@estafette/contract";
import { createRnodes, type Rnodes } from "@estafette/emulators";
import { describe, expect, it } from "vitest";
import { peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { big } from "../harness/pair.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/*
 *   aurora ═USB═ RNode ))) 869.525 MHz, SF 8, 125 kHz ((( RNode ═USB═ shore
 *
 * Whole gateways in virtual time; every packet takes the time physics says.
 */
const anna = "anna@aurora.example";
const office = "office@shore.example";
const HOUR_MS = 3_600_000;

/** What the core counted is what the boards sent, and the parcel that was in one when its cable was pulled. */
async function airtimeIsRight(
  world: VirtualWorld,
  boards: Rnodes,
  nodes: readonly WorldNode[],
): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const { links } = await world.settle(node.relay.status());
    const counted = links[0]?.budget.limits.find(({ resource }) => resource === "airtime")?.used ?? 0;
    const { frames, airtimeMs } = boards.ledger(index);
    console.log(
      `${node.plan.name}: counted ${Math.round(counted)} ms, its board sent ${Math.round(airtimeMs)} ms`,
    );
    expect(frames).toBeGreaterThan(10);
    expect(counted).toBeGreaterThanOrEqual(Math.floor(airtimeMs));
    expect(counted).toBeLessThan(airtimeMs + 2 * LARGEST_MS);
  }
}

describe("mail over two RNodes", () => {
  it("arrives once, though a cable is pulled in the middle, and airtime is what the boards sent", async () => {
    const world = new VirtualWorld();
    const boards = createRnodes({ clock: world.clock, loss: 0.05 });
    const bearer = (own: number) => () => {
      const host: BearerHost = {
        ...{ clock: world.clock, rng: seededRng(own + 5), log: () => undefined },
        open: async () => boards.open(own),
        listen: () => Promise.reject(new Error("a board does not listen")),
      };
      const raw = { port: "/dev/rnode", frequency: "869.525 MHz", address: own + 1, nodes: [2 - own] };
      return loraPlugin.create(loraPlugin.parse(raw), host);
    };
    const end = (name: string, other: string, own: number) => ({
      name,
      domain: `${name}.example`,
      peers: [peer(other, ["lora"])],
      links: [{ bearer: bearer(own), settings: { name: "lora", peers: [other] } }],
    });
    const aurora = await world.node(end("aurora", "shore", 0));
    const shore = await world.node(end("shore", "aurora", 1));
    const submit = (node: WorldNode, ...args: Parameters<typeof submission>) =>
      world.settle(node.relay.submit(submission(...args)));
    const within = { withinMs: 6 * HOUR_MS, everyMs: 1_000 };
    try {
      await submit(aurora, anna, [office], "Long", big(world, anna, office, 5_000));
      for (let mail = 1; mail <= 5; mail++) {
        await submit(aurora, anna, [office], `Out ${mail}`);
        await submit(shore, office, [anna], `In ${mail}`);
      }
      const heldAshore = (): number =>
        Math.max(0, ...shore.node.events.map((one) => (one.type === "progress" ? one.bytes : 0)));
      await world.until(() => heldAshore() > 1_500, "a part ashore", { ...within, everyMs: 200 });
      boards.unplug(0);
      await submit(aurora, anna, [office], "Meanwhile");
      await world.clock.advance(120_000);
      expect(shore.mailbox.handed.length).toBeLessThan(7);
      boards.plug(0);
      await world.until(() => shore.mailbox.handed.length >= 7, "all mail ashore", within);
      await world.until(() => aurora.mailbox.handed.length >= 5, "all mail aboard", within);
      for (const node of [aurora, shore])
        await world.until(
          async () => (await node.spool.listMessages({ limit: 100 })).every((one) => one.end === "delivered"),
          `receipts at ${node.plan.name}`,
          within,
        );
      const subjects = (node: WorldNode): string[] =>
        node.texts().map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1] ?? "");
      const five = [1, 2, 3, 4, 5];
      expect(subjects(shore).sort()).toEqual([
        "5000 bytes",
        "Meanwhile",
        ...five.map((mail) => `Out ${mail}`),
      ]);
      expect(subjects(aurora).sort()).toEqual(five.map((mail) => `In ${mail}`));
      await airtimeIsRight(world, boards, [aurora, shore]);
    } finally {
      world.dismantle();
      boards.close();
    }
  });
});

/** Time on air of the largest packet, SF 8, 125 kHz. */
const LARGEST_MS = 720;
