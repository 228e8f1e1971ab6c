import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admits, nextLevel } from "./admission.js";
import { retryDelayMs, stallAfterMs } from "./backoff.js";
import { type LinkView, type PlanInput, planNextHop } from "./next-hop.js";

const link = (name: string, open: string[] = [], more: Partial<LinkView> = {}): LinkView => ({
  name,
  established: new Set(open),
  clearSignedOnly: false,
  costPerByte: 0,
  bitsPerSecond: null,
  ...more,
});

const base: PlanInput = {
  self: "a",
  destination: "d",
  relays: [],
  relayIndex: 0,
  sealed: true,
  from: null,
  listStalled: false,
  peers: [
    { address: "b", links: ["radio"] },
    { address: "c", links: ["tcp"] },
    { address: "d", links: ["radio", "tcp"] },
  ],
  links: [link("radio", [], { bitsPerSecond: 1200 }), link("tcp")],
  routes: [],
};

describe("planNextHop", () => {
  it("goes straight to a neighbour, over the faster link when none is open", () => {
    expect(planNextHop(base)).toMatchObject({ plan: "hop", neighbour: "d", link: "tcp" });
  });
  it("prefers the link that is open now", () => {
    const links = [link("radio", ["d"], { bitsPerSecond: 1200 }), link("tcp")];
    expect(planNextHop({ ...base, links })).toMatchObject({ link: "radio" });
  });
  it("prefers the cheaper of two open links", () => {
    const links = [link("radio", ["d"], { bitsPerSecond: 1200 }), link("tcp", ["d"], { costPerByte: 2 })];
    expect(planNextHop({ ...base, links })).toMatchObject({ link: "radio" });
  });
  it("leaves a dear link that is open for a free one that is up, and keeps the reason", () => {
    const up = { reachable: new Set(["d"]), bitsPerSecond: 1200 };
    const links = [link("radio", [], up), link("tcp", ["d"], { costPerByte: 2 })];
    expect(planNextHop({ ...base, links })).toMatchObject({
      link: "radio",
      why: "destination, can be used, the cheapest that meets the deadline",
      chosen: { link: "radio", cost: 0, meetsDeadline: true },
      candidates: [{ link: "radio" }, { link: "tcp", cost: 2_144 }],
    });
    const flash = { rank: 0 as const, bytes: 12_000 };
    expect(planNextHop({ ...base, ...flash, links })).toMatchObject({
      link: "tcp",
      why: "destination, open now, the only one that meets the deadline",
    });
  });
  it("counts only what is as urgent or more so as waiting before it", () => {
    const backlogBytes = [0, 0, 0, 1_000_000] as const;
    const up = { reachable: new Set(["d"]), bitsPerSecond: 1200, backlogBytes };
    const links = [link("radio", [], up)];
    const etaMs = (rank: 2 | 3) => {
      const plan = planNextHop({ ...base, links, rank });
      return plan.plan === "hop" ? plan.chosen.eta.ms : null;
    };
    expect(etaMs(2)).toBeLessThan(10_000);
    expect(etaMs(3)).toBeGreaterThan(6_000_000);
  });
  it("follows the relay list in order and steps over itself", () => {
    expect(planNextHop({ ...base, relays: ["b", "c"] })).toMatchObject({ neighbour: "b", relayIndex: 0 });
    expect(planNextHop({ ...base, self: "b", relays: ["b", "c"] })).toMatchObject({
      neighbour: "c",
      relayIndex: 1,
    });
    expect(planNextHop({ ...base, self: "c", relays: ["b", "c"], relayIndex: 1 })).toMatchObject({
      neighbour: "d",
      relayIndex: 2,
    });
  });
  it("waits for the next relay until the list has stalled, then takes another way", () => {
    const links = [link("radio", [], { bitsPerSecond: 1200 }), link("tcp", ["d"])];
    expect(planNextHop({ ...base, links, relays: ["b"] })).toMatchObject({ neighbour: "b" });
    expect(planNextHop({ ...base, links, relays: ["b"], listStalled: true })).toMatchObject({
      neighbour: "d",
      link: "tcp",
    });
  });
  it("uses configured routes for what is no neighbour", () => {
    const input = { ...base, destination: "x", routes: [{ destination: "x", via: "c" }] };
    expect(planNextHop(input)).toMatchObject({ neighbour: "c", link: "tcp" });
    expect(planNextHop({ ...input, routes: [{ destination: "*", via: "b" }] })).toMatchObject({
      neighbour: "b",
    });
  });
  it("never sends back where it came from", () => {
    expect(
      planNextHop({ ...base, destination: "x", from: "c", routes: [{ destination: "*", via: "c" }] }),
    ).toEqual({ plan: "never", why: "no-route" });
  });
  it("says policy when only clear-signed links lead there and the content is sealed", () => {
    const links = [
      link("radio", ["d"], { clearSignedOnly: true }),
      link("tcp", ["d"], { clearSignedOnly: true }),
    ];
    const forbidden = ["radio", "tcp"];
    expect(planNextHop({ ...base, links })).toEqual({ plan: "never", why: "policy", forbidden });
    expect(planNextHop({ ...base, links, sealed: false })).toMatchObject({ plan: "hop" });
  });
  it("never takes a clear-signed link for sealed content, though it is open and the other is not, and says so", () => {
    const links = [
      link("packet", ["d"], { clearSignedOnly: true, established: new Set(["d"]) }),
      link("sat", ["d"], { costPerByte: 5, established: new Set() }),
    ];
    const peers = [{ address: "d", links: ["packet", "sat"] }];
    const plan = planNextHop({ ...base, peers, links });
    expect(plan).toMatchObject({ plan: "hop", link: "sat", forbidden: ["packet"] });
    expect(plan.plan === "hop" && plan.why).toMatch(/packet may carry nothing sealed$/);
    expect(plan.plan === "hop" && plan.candidates.map((c) => c.link)).toEqual(["sat"]);
    const clear = { ...base, peers, links, sealed: false };
    expect(planNextHop(clear)).toMatchObject({ link: "packet", forbidden: [] });
  });
  it("is pure and total for any input", () => {
    const node = fc.constantFrom("a", "b", "c", "d", "x");
    fc.assert(
      fc.property(
        node,
        fc.array(node, { maxLength: 8 }),
        fc.nat(8),
        fc.boolean(),
        fc.option(node),
        (destination, relays, relayIndex, listStalled, from) => {
          const input = { ...base, destination, relays, relayIndex, listStalled, from };
          const plan = planNextHop(input);
          expect(planNextHop(input)).toEqual(plan);
          if (plan.plan === "hop") {
            expect(plan.neighbour).not.toBe(from);
            expect(plan.neighbour).not.toBe("a");
          }
        },
      ),
    );
  });
});

describe("admission", () => {
  it("enters and leaves its levels with hysteresis", () => {
    expect(nextLevel("open", 0.79)).toBe("open");
    expect(nextLevel("open", 0.8)).toBe("tight");
    expect(nextLevel("tight", 0.76)).toBe("tight");
    expect(nextLevel("tight", 0.74)).toBe("open");
    expect(nextLevel("tight", 0.95)).toBe("full");
    expect(nextLevel("full", 0.91)).toBe("full");
    expect(nextLevel("full", 0.89)).toBe("tight");
  });
  it("is monotone: less load never refuses what more load admitted", () => {
    const order = ["open", "tight", "full"] as const;
    fc.assert(
      fc.property(fc.constantFrom<0 | 1 | 2 | 3>(0, 1, 2, 3), fc.nat(200_000), (classRank, bytes) => {
        const verdicts = order.map((level) => admits({ level, classRank, bytes }));
        for (let i = 1; i < verdicts.length; i++) if (verdicts[i]) expect(verdicts[i - 1]).toBe(true);
      }),
    );
  });
});

describe("back-off", () => {
  it("follows the schedule and repeats its last entry, within ±10 %", () => {
    expect(retryDelayMs(1, 0.5, [10, 60])).toBe(10_000);
    expect(retryDelayMs(9, 0.5, [10, 60])).toBe(60_000);
    expect(retryDelayMs(1, 0, [10])).toBe(9_000);
    expect(retryDelayMs(1, 0.999, [10])).toBeLessThanOrEqual(11_000);
    expect(stallAfterMs([10, 60])).toBe(70_000);
  });
});
