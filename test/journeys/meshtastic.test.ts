import meshtasticPlugin from "@estafette/bearer-meshtastic";
import { seededRng } from "@estafette/conformance";
import type { BearerHost } from "@estafette/contract";
import { createMeshtasticMesh, type MeshtasticMesh, type MeshtasticOptions } from "@estafette/emulators";
import { afterEach, describe, expect, it } from "vitest";
import { peer } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { big } from "../harness/pair.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/*
 *   aurora ═USB═ radio ))) LongFast, one frequency ((( radio ═USB═ shore
 *
 * Whole gateways in virtual time: every packet takes the time the preset says, an hour passes in seconds.
 */
const anna = "anna@aurora.example";
const office = "office@shore.example";
const HOUR_MS = 3_600_000;
/** Time on air of the largest packet, LongFast. */
const LARGEST_MS = 2_157;

const worlds: { readonly world: VirtualWorld; readonly mesh: MeshtasticMesh }[] = [];
afterEach(() => {
  for (const { world, mesh } of worlds.splice(0)) {
    world.dismantle();
    mesh.close();
  }
});

async function ships(options: Partial<MeshtasticOptions>, config: object = {}) {
  const world = new VirtualWorld();
  const mesh = createMeshtasticMesh({ ...options, clock: world.clock });
  worlds.push({ world, mesh });
  const names = mesh.nums.map((num) => `!${num.toString(16).padStart(8, "0")}`);
  const bearer = (own: number, far: number) => () => {
    const host: BearerHost = {
      ...{ clock: world.clock, rng: seededRng(own + 5), log: () => undefined },
      open: async () => mesh.open(own),
      listen: () => Promise.reject(new Error("a radio does not listen")),
    };
    const raw = { port: "/dev/radio", nodes: [names[far]], ...config };
    return meshtasticPlugin.create(meshtasticPlugin.parse(raw), host);
  };
  const end = (name: string, other: string, own: number, far: number) => ({
    name,
    domain: `${name}.example`,
    peers: [peer(other, ["mesh"])],
    links: [{ bearer: bearer(own, far), settings: { name: "mesh", peers: [other] } }],
  });
  const aurora = await world.node(end("aurora", "shore", 0, 1));
  const shore = await world.node(end("shore", "aurora", 1, 0));
  return { world, mesh, aurora, shore };
}

type Args = Parameters<typeof submission>;

describe("mail over two Meshtastic radios", () => {
  it("arrives once, though both radios restart in the middle, and airtime is what the radios sent", async () => {
    const { world, mesh, aurora, shore } = await ships({ loss: 0.05 });
    const submit = (node: WorldNode, ...args: Args) => world.settle(node.relay.submit(submission(...args)));
    const within = { withinMs: 12 * HOUR_MS, everyMs: 2_000 };
    await submit(aurora, anna, [office], "Long", big(world, anna, office, 3_000));
    for (let mail = 1; mail <= 5; mail++) {
      await submit(aurora, anna, [office], `Out ${mail}`);
      await submit(shore, office, [anna], `In ${mail}`);
    }
    const heldAshore = (): number =>
      Math.max(0, ...shore.node.events.map((one) => (one.type === "progress" ? one.bytes : 0)));
    await world.until(() => heldAshore() > 500, "a part ashore", { ...within, everyMs: 500 });
    mesh.reboot(0);
    await world.until(() => heldAshore() > 1_200, "half of it ashore", { ...within, everyMs: 500 });
    mesh.reboot(1);
    await world.until(() => shore.mailbox.handed.length >= 6, "all mail ashore", within);
    await world.until(() => aurora.mailbox.handed.length >= 5, "all mail aboard", within);
    for (const node of [aurora, shore])
      await world.until(
        async () => (await node.spool.listMessages({ limit: 100 })).every((one) => one.end === "delivered"),
        `receipts at ${node.plan.name}`,
        within,
      );
    const subjects = (node: WorldNode): string[] =>
      node.texts().map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1] ?? "");
    expect(subjects(shore).sort()).toEqual(["3000 bytes", ...[1, 2, 3, 4, 5].map((mail) => `Out ${mail}`)]);
    expect(subjects(aurora).sort()).toEqual([1, 2, 3, 4, 5].map((mail) => `In ${mail}`));
    await airtimeIsRight(aurora, 0);
    await airtimeIsRight(shore, 1);

    /** What the core counted is what the radio sent, and the parcel that a restart took out of its queue. */
    async function airtimeIsRight(node: WorldNode, index: number): Promise<void> {
      const { links } = await world.settle(node.relay.status());
      const counted = links[0]?.budget.limits.find(({ resource }) => resource === "airtime")?.used ?? 0;
      const { frames, airtimeMs } = mesh.ledger(index);
      console.log(
        `${node.plan.name}: counted ${Math.round(counted)} ms, its radio sent ${Math.round(airtimeMs)} ms`,
      );
      expect(frames).toBeGreaterThan(10);
      expect(counted).toBeGreaterThanOrEqual(Math.floor(airtimeMs));
      expect(counted).toBeLessThan(airtimeMs + 2 * LARGEST_MS);
    }
  });
});
