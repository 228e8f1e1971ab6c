import { memoryProfiles } from "@estafette/bearer-memory";
import { afterEach, describe, expect, it } from "vitest";
import { root } from "../harness/line.js";
import { submission } from "../harness/node.js";
import { VirtualWorld, type WorldNode } from "../harness/world.js";

/*
 *   aurora ── packet (amateur radio, always open) ── shore
 *        ╰─── satellite (sealed mail allowed, now and then) ──╯
 */
const anna = "anna@aurora.example";
const office = "office@shore.example";

let world = new VirtualWorld();
afterEach(() => world.dismantle());

async function amateurPair(links: readonly ("packet" | "satellite")[]) {
  world = new VirtualWorld(3);
  const media = {
    packet: world.medium(memoryProfiles.stream),
    satellite: world.medium(memoryProfiles.stream),
  };
  const end = (name: string, other: string) => ({
    name,
    domain: `${name}.example`,
    peers: [{ name: other, root: root(other), domains: [`${other}.example`], links: [...links] }],
    links: links.map((link) => ({
      bearer: () => media[link].bearer(name),
      settings: {
        name: link,
        peers: [other],
        ...(link === "packet" ? ({ content: "clear-signed" } as const) : {}),
      },
    })),
  });
  const aurora = await world.node(end("aurora", "shore"));
  const shore = await world.node(end("shore", "aurora"));
  return { aurora, shore, satellite: media.satellite.air };
}

async function traceOf(node: WorldNode, id: string): Promise<string> {
  const entries = await world.settle(node.relay.trace(id));
  return entries.map(({ text }) => text).join("\n");
}

describe("sealed mail and an amateur link", () => {
  it("waits for another link though the amateur one is open, and the trace says so", async () => {
    const { aurora, shore, satellite } = await amateurPair(["packet", "satellite"]);
    satellite.cut();
    await world.clock.advance(60_000);
    const result = await world.settle(aurora.relay.submit(submission(anna, [office], "Sealed")));
    if (result.outcome !== "accepted") throw new Error(result.text);
    await world.clock.advance(3_600_000);
    expect(shore.mailbox.handed).toHaveLength(0);
    expect(await traceOf(aurora, result.id)).toMatch(/over satellite, .*packet may carry nothing sealed/);
    const explained = await world.settle(
      aurora.relay.explainRoute({ to: office, bytes: 500, class: "normal" }),
    );
    expect(explained).toMatchObject({ why: expect.stringContaining("packet may carry nothing sealed") });
    expect("ways" in explained && explained.ways.map(({ link }) => link)).toEqual(["satellite"]);
    satellite.restore();
    await world.until(() => shore.mailbox.handed.length === 1, "delivery over the satellite");
    await world.until(() => aurora.node.events.some((event) => event.type === "receipt"), "the receipt");
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("is refused when it is handed in where no link may ever carry it", async () => {
    const { aurora } = await amateurPair(["packet"]);
    expect(await world.settle(aurora.relay.submit(submission(anna, [office], "Sealed")))).toMatchObject({
      outcome: "refused",
      why: "never-carried",
      text: "every link towards shore forbids sealed mail",
    });
  });

  it("leaves that link to what its author wrote to be read by anybody", async () => {
    const { aurora, shore } = await amateurPair(["packet"]);
    const clear = submission(anna, [office], "In the clear", { clear: true, receipt: true });
    const result = await world.settle(aurora.relay.submit(clear));
    if (result.outcome !== "accepted") throw new Error(result.text);
    await world.until(() => shore.mailbox.handed.length === 1, "delivery over amateur radio");
    expect(shore.mailbox.texts()[0]).toContain("Subject: In the clear");
    const ended = async (): Promise<boolean> => {
      const [message] = await aurora.spool.listMessages({ submissionId: result.id, limit: 1 });
      expect(message).toMatchObject({ mode: "clear-signed", receipt: false });
      return message?.end !== null;
    };
    await world.until(ended, "its end without a receipt");
    await world.clock.advance(3_600_000);
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("that was accepted before waits, and the trace says why", async () => {
    const { aurora, shore } = await amateurPair(["satellite"]);
    shore.crash();
    const result = await world.settle(aurora.relay.submit(submission(anna, [office], "Sealed")));
    if (result.outcome !== "accepted") throw new Error(result.text);
    aurora.crash();
    const [link] = aurora.plan.links;
    if (link) Object.assign(link.settings, { content: "clear-signed" });
    await aurora.start();
    await shore.start();
    await world.clock.advance(3_600_000);
    expect(shore.mailbox.handed).toHaveLength(0);
    expect(await traceOf(aurora, result.id)).toContain(
      "waits: satellite may carry nothing sealed, and no other way leads there",
    );
  });
});
