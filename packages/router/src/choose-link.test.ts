import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LinkOffer, type Load, rankLinks } from "./choose-link.js";
import { bytesOnAir, type ClassRank, deadlineMsOf } from "./eta.js";
import { goodputBytesPerS, learnGoodput } from "./goodput.js";
import { type PlanInput, planHops, planNextHop } from "./next-hop.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const ENDLESS = { ageMs: 0, lifetimeMs: Number.POSITIVE_INFINITY };

const offer = (name: string, more: Partial<LinkOffer> = {}): LinkOffer => ({
  name,
  established: false,
  costPerContact: 0,
  costPerByte: 0,
  bitsPerSecond: 9_600,
  goodput: null,
  parcels: null,
  meetingBytes: 0,
  backlogBytes: 0,
  opensInMs: 0,
  answerMs: 0,
  airtimeMsPerHourMax: null,
  ...more,
});
const load = (rank: ClassRank, bytes = 1_200): Load => ({
  bytes,
  rank,
  deadlineMs: deadlineMsOf(rank, ENDLESS),
});
const order = (links: readonly LinkOffer[], what: Load): string =>
  rankLinks(links, what, 0)
    .map((choice) => choice.link)
    .join(" ");

describe("the order of links", () => {
  const radio = offer("radio", { opensInMs: 2 * HOUR_MS });
  const sat = offer("sat", { costPerContact: 4, costPerByte: 0.01, established: true });
  it("is by money among those that meet the deadline, also where the dear one is open now", () => {
    expect(order([sat, radio], load(2))).toBe("radio sat");
    expect(order([sat, radio], load(1))).toBe("sat radio");
  });
  it("takes the earliest for urgent messages where none meets it, and the cheapest for others", () => {
    const far = offer("far", { opensInMs: 100 * HOUR_MS });
    const farther = offer("farther", { opensInMs: 90 * HOUR_MS, costPerByte: 1 });
    expect(order([far, farther], load(0))).toBe("farther far");
    expect(order([far, farther], load(3))).toBe("far farther");
  });
  it("leaves for last what nobody knows, the faster of two such first", () => {
    const dark = offer("dark", { opensInMs: null });
    const dim = offer("dim", { opensInMs: null, bitsPerSecond: 300 });
    const late = offer("late", { opensInMs: 80 * HOUR_MS, costPerByte: 1 });
    expect(order([dim, dark, late], load(3))).toBe("late dark dim");
  });
  it("among equally cheap ones the conversation comes first, then spare channel time, then time", () => {
    const busy = offer("busy", { airtimeMsPerHourMax: 36_000 });
    const slow = offer("slow", { bitsPerSecond: 1_200 });
    const met = offer("met", { established: true, bitsPerSecond: 1_200 });
    expect(order([busy, slow, offer("fast"), met], load(2))).toBe("met fast slow busy");
  });
  it("counts what waits before it, the answer, and the hour's channel time", () => {
    const eta = (more: Partial<LinkOffer>, bytes = 1_000) =>
      rankLinks([offer("x", more)], load(2, bytes), 0)[0]?.eta;
    const alone = Math.round((bytesOnAir(1_000, null) * 8_000) / 9_600);
    expect(eta({})).toMatchObject({ ms: alone, basis: "guess" });
    expect(eta({ answerMs: 5_000 })?.ms).toBe(alone + 5_000);
    expect(eta({ backlogBytes: 9_000 })?.ms).toBe(Math.round((bytesOnAir(10_000, null) * 8_000) / 9_600));
    expect(eta({ opensInMs: HOUR_MS })).toMatchObject({ ms: alone + HOUR_MS, basis: "schedule" });
    expect(eta({ opensInMs: null })).toMatchObject({ ms: null, basis: "unknown" });
    // A tenth of the hour allowed: nine tenths of the time are waiting.
    expect(eta({ airtimeMsPerHourMax: 360_000 }, 600_000)?.ms).toBe(
      Math.round((bytesOnAir(600_000, null) * 80_000) / 9_600),
    );
  });

  const link = fc.record({
    costPerContact: fc.constantFrom(0, 1, 5),
    costPerByte: fc.constantFrom(0, 0.001, 0.1),
    bitsPerSecond: fc.option(fc.integer({ min: 0, max: 100_000 })),
    backlogBytes: fc.nat(1_000_000),
    opensInMs: fc.option(fc.nat(100 * HOUR_MS)),
    answerMs: fc.nat(HOUR_MS),
    airtimeMsPerHourMax: fc.option(fc.nat(HOUR_MS)),
    established: fc.boolean(),
  });
  const links = fc
    .array(link, { minLength: 1, maxLength: 6 })
    .map((all) => all.map((more, index) => offer(`link${index}`, more)));
  const what = fc.record({
    rank: fc.constantFrom<ClassRank>(0, 1, 2, 3),
    bytes: fc.nat(1_000_000),
    deadlineMs: fc.nat(100 * HOUR_MS),
  });
  it("never passes over a cheaper link that also meets the deadline", () => {
    fc.assert(
      fc.property(links, what, (all, one) => {
        const ranked = rankLinks(all, one, 0);
        expect(ranked.map((c) => c.link).sort()).toEqual(all.map((l) => l.name).sort());
        expect(rankLinks(all, one, 0)).toEqual(ranked);
        const [best] = ranked;
        const meeting = ranked.filter((c) => c.meetsDeadline);
        expect(best?.meetsDeadline).toBe(meeting.length > 0);
        if (meeting.length > 0) expect(best?.cost).toBe(Math.min(...meeting.map((c) => c.cost)));
      }),
    );
  });
  it("chooses no later for a more urgent class", () => {
    fc.assert(
      fc.property(links, fc.nat(100_000), (all, bytes) => {
        const wait = (rank: ClassRank): number =>
          rankLinks(all, load(rank, bytes), 0)[0]?.eta.ms ?? Number.POSITIVE_INFINITY;
        const limit = deadlineMsOf(0, ENDLESS);
        expect(wait(0)).toBeLessThanOrEqual(Math.max(wait(3), limit));
      }),
    );
  });
});

describe("bytes on the air", () => {
  const parcels = { bytes: 240, headerBytes: 12, framingBytes: 7 };
  it("are one parcel and its answer, or an offer, units and an answer", () => {
    expect(bytesOnAir(100, parcels)).toBe(100 + 1 + 19 + 20);
    expect(bytesOnAir(2_000, parcels)).toBe(2_024 + 9 * 22 + 20);
    expect(bytesOnAir(100, parcels, true)).toBe(Math.ceil(100 * (1 + 22 / 225)));
  });
  it("never shrink with the message, and are more than it", () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.integer({ min: 48, max: 2_048 }),
        fc.boolean(),
        (bytes, largest, joined) => {
          const shape = { ...parcels, bytes: largest };
          const air = bytesOnAir(bytes, shape, joined);
          expect(air).toBeGreaterThanOrEqual(bytes);
          expect(bytesOnAir(bytes + 1, shape, joined)).toBeGreaterThanOrEqual(air);
        },
      ),
    );
  });
  it("are what costs: with the meeting where there is no conversation, without either for what joins others", () => {
    const paid = { costPerContact: 5, costPerByte: 1, parcels, meetingBytes: 60 };
    const cost = (more: Partial<LinkOffer>, joined = false) =>
      rankLinks([offer("sat", { ...paid, ...more })], { ...load(2, 100), joined }, 0)[0]?.cost;
    expect(cost({})).toBe(5 + bytesOnAir(100, parcels) + 60);
    expect(cost({ established: true })).toBe(5 + bytesOnAir(100, parcels));
    expect(cost({}, true)).toBe(bytesOnAir(100, parcels, true));
  });
});

describe("deadlines", () => {
  it("grow with the class, shrink with age, and end with the lifetime", () => {
    expect(
      [0, 1, 2, 3].map((rank) =>
        deadlineMsOf(rank as ClassRank, { ageMs: 0, lifetimeMs: 30 * 24 * HOUR_MS }),
      ),
    ).toEqual([MINUTE_MS, 10 * MINUTE_MS, 6 * HOUR_MS, 72 * HOUR_MS]);
    expect(deadlineMsOf(3, { ageMs: 0, lifetimeMs: HOUR_MS })).toBe(HOUR_MS);
    expect(deadlineMsOf(2, { ageMs: HOUR_MS, lifetimeMs: 24 * HOUR_MS })).toBe(5 * HOUR_MS);
    expect(deadlineMsOf(0, { ageMs: HOUR_MS, lifetimeMs: 24 * HOUR_MS })).toBe(0);
  });
  it("may be configured, and decide which link is taken", () => {
    const deadlines = [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 72 * HOUR_MS] as const;
    expect(deadlineMsOf(2, { ageMs: 0, lifetimeMs: 24 * HOUR_MS }, deadlines)).toBe(HOUR_MS);
    const link = (name: string, opensInMs: number, costPerByte: number) => ({
      ...{ name, established: new Set<string>(), reachable: new Set(["d"]), clearSignedOnly: false },
      ...{ opensInMs, costPerByte, bitsPerSecond: 2_400 },
    });
    const links = [link("sat", 0, 1), link("hf", 2 * HOUR_MS, 0)];
    const input = { self: "a", destination: "d", relays: [], relayIndex: 0, sealed: true, from: null };
    const plan = (more: Partial<PlanInput>) =>
      planNextHop({
        ...{ ...input, listStalled: false, rank: 2, routes: [], links },
        ...{ peers: [{ address: "d", links: ["sat", "hf"] }], ...more },
      });
    expect(plan({})).toMatchObject({ link: "hf" });
    expect(plan({ deadlinesMs: deadlines })).toMatchObject({ link: "sat" });
  });
});

describe("learnt goodput", () => {
  it("is believed from the third transfer on, and for a week", () => {
    let known = learnGoodput(null, { bytes: 1_000, ms: 10_000, atMs: 0 });
    known = learnGoodput(known, { bytes: 1_000, ms: 10_000, atMs: 0 });
    expect(goodputBytesPerS(known, 0)).toBeNull();
    known = learnGoodput(known, { bytes: 1_000, ms: 10_000, atMs: 5 });
    expect(goodputBytesPerS(known, 5)).toBeCloseTo(100);
    expect(goodputBytesPerS(known, 5 + 7 * 24 * HOUR_MS)).toBeCloseTo(100);
    expect(goodputBytesPerS(known, 6 + 7 * 24 * HOUR_MS)).toBeNull();
    expect(goodputBytesPerS(null, 0)).toBeNull();
  });
  it("stays between the slowest and the fastest transfer, and follows the newest", () => {
    const sample = fc.record({
      bytes: fc.integer({ min: 1, max: 1e7 }),
      ms: fc.integer({ min: 1, max: 1e7 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 3, maxLength: 40 }), (samples) => {
        const known = samples.reduce<ReturnType<typeof learnGoodput> | null>(
          (sum, one) => learnGoodput(sum, { ...one, atMs: 0 }),
          null,
        );
        const rates = samples.map(({ bytes, ms }) => (bytes * 1000) / ms);
        const rate = goodputBytesPerS(known, 0) ?? Number.NaN;
        expect(rate).toBeGreaterThanOrEqual(Math.min(...rates) * 0.999);
        expect(rate).toBeLessThanOrEqual(Math.max(...rates) * 1.001);
      }),
    );
    let known = learnGoodput(null, { bytes: 10_000, ms: 10_000, atMs: 0 });
    for (let i = 0; i < 20; i++) known = learnGoodput(known, { bytes: 1_000, ms: 10_000, atMs: 0 });
    expect(goodputBytesPerS(known, 0)).toBeLessThan(150);
  });
  it("makes the estimate an observed one, of that neighbour only", () => {
    let known: ReturnType<typeof learnGoodput> | null = null;
    for (let i = 0; i < 3; i++) known = learnGoodput(known, { bytes: 1_000, ms: 20_000, atMs: 0 });
    const [choice] = rankLinks([offer("x", { goodput: known })], load(2, 1_000), 0);
    expect(choice?.eta).toMatchObject({ ms: 20_000, basis: "observed" });
  });
});

describe("planHops", () => {
  const view = (name: string, up: boolean) => ({
    name,
    established: new Set<string>(),
    reachable: new Set(up ? ["d", "c"] : []),
    clearSignedOnly: false,
    costPerByte: name === "sat" ? 1 : 0,
    bitsPerSecond: 2_400,
  });
  const input: PlanInput = {
    self: "a",
    destination: "d",
    relays: [],
    relayIndex: 0,
    sealed: true,
    from: null,
    listStalled: false,
    rank: 0,
    peers: [
      { address: "d", links: ["hf", "sat", "dark"] },
      { address: "c", links: ["hf", "lan"] },
    ],
    links: [view("hf", true), view("sat", true), view("dark", false), view("lan", true)],
    routes: [{ destination: "*", via: "c" }],
  };
  const ways = (copies: number, more: Partial<PlanInput> = {}): readonly string[] =>
    planHops({ ...input, ...more }, copies).map((hop) => `${hop.neighbour}/${hop.link}`);
  it("begins with the planned hop and takes further links that can be used now", () => {
    expect(ways(1)).toEqual(["d/hf"]);
    expect(ways(2)).toEqual(["d/hf", "d/sat"]);
    expect(ways(9)).toEqual(["d/hf", "d/sat", "c/lan"]);
    expect(ways(2, { links: [view("dark", false)] })).toEqual(["d/dark"]);
    expect(ways(2, { destination: "x", routes: [] })).toEqual([]);
  });
  it("is bounded, over different links, and never another first hop", () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.constantFrom<ClassRank>(0, 1, 2, 3),
        fc.nat(200_000),
        (copies, rank, bytes) => {
          const hops = planHops({ ...input, rank, bytes }, copies);
          const plan = planNextHop({ ...input, rank, bytes });
          expect(hops[0]).toEqual(plan);
          expect(new Set(hops.map((hop) => hop.link)).size).toBe(hops.length);
          expect(hops.length).toBeLessThanOrEqual(Math.max(1, Math.min(copies, 4)));
        },
      ),
    );
  });
});
