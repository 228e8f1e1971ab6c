import { memoryProfiles } from "@estafette/bearer-memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { peer, root } from "../harness/line.js";
import { mail, submission } from "../harness/node.js";
import { VirtualWorld } from "../harness/world.js";

/* Explicit relay lists: in order, patient, and left when they stall. Copies that return or come twice. */
const anna = "anna@aurora.example";
const office = "office@shore.example";
let world: VirtualWorld;
beforeEach(() => {
  world = new VirtualWorld();
});
afterEach(() => world.dismantle());

/** Text that does not compress, so that it is many segments. */
function randomText(byteCount: number): string {
  return `${Buffer.from(world.rng.bytes(Math.min(65_536, byteCount)))
    .toString("base64")
    .replace(/.{76}/g, "$&\r\n")}\r\n`;
}

/** aurora reaches shore by relay1 (which the list names) or relay2 (which only a route names). */
async function diamond() {
  const [one, two, out1, out2] = [world.medium(), world.medium(), world.medium(), world.medium()];
  const aurora = await world.node({
    name: "aurora",
    domain: "aurora.example",
    peers: [peer("shore", []), peer("relay1", ["one"]), peer("relay2", ["two"])],
    links: [
      { bearer: () => one.bearer("a"), settings: { name: "one", peers: ["relay1"] } },
      { bearer: () => two.bearer("a"), settings: { name: "two", peers: ["relay2"] } },
    ],
    settings: {
      retryS: [10, 30, 60],
      routes: [
        { match: "shore", via: ["relay1"] },
        { match: "*", via: ["relay2"] },
      ],
    },
  });
  const relays = [];
  for (const [name, near, far] of [
    ["relay1", one, out1],
    ["relay2", two, out2],
  ] as const) {
    const links = ["near", "far"];
    relays.push(
      await world.node({
        name,
        peers: [peer("aurora", [links[0] ?? ""]), peer("shore", [links[1] ?? ""])],
        links: [
          { bearer: () => near.bearer("r"), settings: { name: "near", peers: ["aurora"] } },
          { bearer: () => far.bearer("r"), settings: { name: "far", peers: ["shore"] } },
        ],
      }),
    );
  }
  const shore = await world.node({
    name: "shore",
    domain: "shore.example",
    peers: [peer("aurora", []), peer("relay1", ["one"]), peer("relay2", ["two"])],
    links: [
      { bearer: () => out1.bearer("s"), settings: { name: "one", peers: ["relay1"] } },
      { bearer: () => out2.bearer("s"), settings: { name: "two", peers: ["relay2"] } },
    ],
    settings: { routes: [{ match: "aurora", via: ["relay2"] }] },
  });
  return { aurora, relays, shore, one, two, out1, out2 };
}

describe("an explicit relay list", () => {
  it("waits for its relay while the schedule lasts, though another way is open", async () => {
    const { aurora, shore, one } = await diamond();
    one.air.cut();
    await world.settle(aurora.relay.submit(submission(anna, [office], "Patient")));
    await world.clock.advance(60_000);
    expect(shore.mailbox.handed).toHaveLength(0);
    one.air.restore();
    await world.until(() => shore.mailbox.handed.length === 1, "delivery in order");
    expect(shore.texts()[0]).toContain("verified; aurora -> relay1 -> shore");
  });

  it("is left when it stalls: another relay carries the mail past the absent one", async () => {
    const { aurora, shore, one } = await diamond();
    one.air.cut();
    await world.settle(aurora.relay.submit(submission(anna, [office], "Other way")));
    const tookMs = await world.until(() => shore.mailbox.handed.length === 1, "delivery");
    expect(tookMs).toBeGreaterThan(100_000);
    expect(tookMs).toBeLessThan(300_000);
    expect(shore.texts()[0]).toContain("verified; aurora -> relay2 -> shore");
    await world.until(
      async () => (await aurora.spool.listMessages({ limit: 1 }))[0]?.end === "delivered",
      "receipt by the way it came",
    );
  });

  it("is left by a relay, too, on one radio with many stations", async () => {
    const profile = {
      ...memoryProfiles.publishSubscribe,
      duplication: 0,
      mailbox: null,
      presence: "seen",
    } as const;
    const bus = world.medium({ ...profile, acknowledges: "nobody" });
    const station = (name: string, others: readonly string[], routes: { match: string; via: string[] }[]) =>
      world.node({
        name,
        ...(name.startsWith("relay") ? {} : { domain: `${name}.example` }),
        peers: others.map((other) => peer(other, ["bus"])),
        links: [
          {
            bearer: () => bus.bearer(name),
            settings: { name: "bus", neighbours: Object.fromEntries(others.map((o) => [o, o])) },
          },
        ],
        settings: { retryS: [5, 10], routes },
      });
    // The list names relay1, who is never there; shore itself is in reach of the same radio.
    const aurora = await station("aurora", ["shore", "relay1"], [{ match: "shore", via: ["relay1"] }]);
    const shore = await station("shore", ["aurora", "relay1"], []);
    await world.settle(aurora.relay.submit(submission(anna, [office], "Direct after all")));
    await world.clock.advance(10_000);
    expect(shore.mailbox.handed).toHaveLength(0);
    await world.until(() => shore.mailbox.handed.length === 1, "delivery without the relay");
    expect(shore.texts()[0]).toContain("verified; aurora -> shore");
  });
});

describe("copies", () => {
  it("by two paths are delivered once, and nobody who carried one is told a falsehood", async () => {
    const { aurora, relays, shore, out1, out2 } = await diamond();
    for (const medium of [out1, out2]) medium.air.cut();
    const { compose } = aurora.spool;
    aurora.spool.compose = ({ messages, envelope }) => {
      const second = { link: "two", neighbour: relays[1]?.node.identity.address ?? new Uint8Array(16) };
      return compose.call(aurora.spool, {
        messages,
        envelope: { ...envelope, hops: [...envelope.hops, second] },
      });
    };
    const content = { kind: "mail", rfc5322: mail(anna, office, "Twice", randomText(120_000)) } as const;
    await world.settle(aurora.relay.submit(submission(anna, [office], "Twice", { content })));
    for (const relay of relays)
      await world.until(async () => (await relay.spool.listEnvelopes(5)).length === 1, "custody of both");
    for (const medium of [out1, out2]) medium.air.restore();
    await world.until(() => shore.mailbox.handed.length > 0, "delivery");
    await world.clock.advance(600_000);
    expect(shore.mailbox.handed).toHaveLength(1);
    for (const relay of relays) {
      expect(await world.settle(relay.spool.listEnvelopes(5))).toHaveLength(0);
      expect(await world.settle(relay.spool.untold(5))).toHaveLength(0);
      expect(relay.node.events.filter((e) => e.type === "refused")).toHaveLength(0);
    }
    const [record] = await world.settle(aurora.spool.listMessages({ limit: 1 }));
    expect(record?.end).toBe("delivered");
    expect(aurora.notices()).toHaveLength(0);
  });

  it("that come back to their origin are refused as a loop, and its sender hears of it", async () => {
    const west = world.medium();
    const aurora = await world.node({
      name: "aurora",
      domain: "aurora.example",
      peers: [{ name: "shore", root: root("shore"), domains: ["shore.example"] }, peer("relay", ["west"])],
      links: [{ bearer: () => west.bearer("a"), settings: { name: "west", peers: ["relay"] } }],
      settings: { routes: [{ match: "shore", via: ["relay"] }] },
    });
    const relay = await world.node({
      name: "relay",
      peers: [peer("aurora", ["west"]), { name: "shore", root: root("shore") }],
      links: [{ bearer: () => west.bearer("r"), settings: { name: "west", peers: ["aurora"] } }],
    });
    await world.settle(aurora.relay.submit(submission(anna, [office], "Round trip")));
    await world.until(() => aurora.notices().length > 0, "notice");
    expect(aurora.notices()[0]).toContain("no-route");
    expect(await world.settle(relay.spool.listEnvelopes(5))).toHaveLength(0);
  });
});

describe("a receipt through a relay", () => {
  it("purges the copy that still waits there for another way", async () => {
    const [west, side, dock, far] = [world.medium(), world.medium(), world.medium(), world.medium()];
    const aurora = await world.node({
      name: "aurora",
      domain: "aurora.example",
      peers: [peer("shore", []), peer("relay1", ["west"])],
      links: [{ bearer: () => west.bearer("a"), settings: { name: "west", peers: ["relay1"] } }],
      settings: { routes: [{ match: "shore", via: ["relay1"] }] },
    });
    const relay1 = await world.node({
      name: "relay1",
      peers: [peer("aurora", ["west"]), peer("relay2", ["side"]), peer("shore", ["far"])],
      links: [
        { bearer: () => west.bearer("r"), settings: { name: "west", peers: ["aurora"] } },
        { bearer: () => side.bearer("r1"), settings: { name: "side", peers: ["relay2"] } },
        { bearer: () => far.bearer("r"), settings: { name: "far", peers: ["shore"] } },
      ],
    });
    const relay2 = await world.node({
      name: "relay2",
      peers: [peer("relay1", ["side"]), peer("shore", ["dock"])],
      links: [
        { bearer: () => side.bearer("r2"), settings: { name: "side", peers: ["relay1"] } },
        { bearer: () => dock.bearer("r"), settings: { name: "dock", peers: ["shore"] } },
      ],
    });
    const shore = await world.node({
      name: "shore",
      domain: "shore.example",
      peers: [peer("aurora", []), peer("relay2", ["dock"])],
      links: [{ bearer: () => dock.bearer("s"), settings: { name: "dock", peers: ["relay2"] } }],
    });
    const { acceptEnvelope } = relay1.spool;
    relay1.spool.acceptEnvelope = (envelope) => {
      const second = { link: "side", neighbour: relay2.node.identity.address };
      return acceptEnvelope.call(relay1.spool, { ...envelope, hops: [...envelope.hops, second] });
    };
    await world.settle(aurora.relay.submit(submission(anna, [office], "Two ways")));
    await world.until(() => shore.mailbox.handed.length === 1, "delivery by the second way");
    await world.until(
      async () => (await aurora.spool.listMessages({ limit: 1 }))[0]?.end === "delivered",
      "receipt",
    );
    expect(await world.settle(relay1.spool.listEnvelopes(5))).toHaveLength(0);
    expect(await world.settle(relay1.spool.legs({ link: "far", afterLegId: 0, limit: 5 }))).toHaveLength(0);
  });
});
