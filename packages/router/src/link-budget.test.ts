import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "./limits.js";
import { type BudgetQuestion, LinkBudget, type LinkBudgetLimits } from "./link-budget.js";

const HOUR_MS = 3_600_000;
const NONE: LinkBudgetLimits = { drainBytesPerS: null, airtimeMs: [], credits: [], urgentShare: 0 };
const NOTHING: BudgetQuestion = { bytes: 0, airtimeMs: 0, credits: 0, neighbour: "", urgent: false };

/** Uses what `cost` says, now. */
function use(budget: LinkBudget, cost: Partial<BudgetQuestion>, nowMs: number): void {
  budget.commit(budget.reserve({ ...NOTHING, ...cost }, nowMs), nowMs);
}

/** The most airtime in any window of this length: windows that matter begin or end at an edge of a transmission. */
function mostInAnyWindow(sent: readonly { fromMs: number; toMs: number }[], windowMs: number): number {
  const begins = sent.flatMap(({ fromMs, toMs }) => [fromMs, toMs, fromMs - windowMs, toMs - windowMs]);
  const inWindow = (beginMs: number): number =>
    sent.reduce(
      (sum, { fromMs, toMs }) =>
        sum + Math.max(0, Math.min(toMs, beginMs + windowMs) - Math.max(fromMs, beginMs)),
      0,
    );
  return Math.max(0, ...begins.map(inWindow));
}

/** Bursts that fill a budget, pauses that empty it, and senders that come back exactly when they were told to. */
const ATTEMPTS = fc.array(
  fc.record({
    pauseMs: fc.oneof(fc.nat(20), fc.nat(40_000), fc.nat(2_000_000)),
    airtimeMs: fc.integer({ min: 1, max: 3_000 }),
    urgent: fc.boolean(),
    patient: fc.boolean(),
    fate: fc.constantFrom("sent", "sent", "sent", "sent", "refused", "restart", "crash"),
  }),
  { minLength: 5, maxLength: 120, size: "max" },
);

describe("airtime", () => {
  const limits: LinkBudgetLimits = {
    ...NONE,
    airtimeMs: [
      { windowMs: HOUR_MS, max: 9_000 },
      { windowMs: 6 * HOUR_MS, max: 25_000 },
    ],
    urgentShare: 0.2,
  };

  it("is never exceeded in any window, over restarts and crashes too", () => {
    fc.assert(
      fc.property(ATTEMPTS, (attempts) => {
        let budget = new LinkBudget(limits);
        let stored = budget.snapshot(0);
        const sent: { fromMs: number; toMs: number; urgent: boolean }[] = [];
        let nowMs = 0;
        for (const { pauseMs, airtimeMs, urgent, patient, fate } of attempts) {
          nowMs += pauseMs;
          const cost = { ...NOTHING, airtimeMs, urgent };
          if (patient) nowMs += budget.waitMs(cost, nowMs).waitMs;
          if (budget.waitMs(cost, nowMs).waitMs === 0) {
            const lease = budget.leaseFor(cost);
            if (lease) {
              stored = budget.snapshot(nowMs, lease);
              budget.grant(lease);
            }
            const id = budget.reserve(cost, nowMs);
            if (fate === "refused") budget.refund(id);
            else {
              sent.push({ fromMs: nowMs, toMs: nowMs + airtimeMs, urgent });
              nowMs += airtimeMs;
              budget.commit(id, nowMs);
            }
          }
          if (fate === "restart") stored = budget.snapshot(nowMs);
          if (fate === "restart" || fate === "crash") {
            budget = new LinkBudget(limits);
            budget.restore(JSON.parse(JSON.stringify(stored)), nowMs);
            stored = budget.snapshot(nowMs);
          }
        }
        for (const { windowMs, max } of limits.airtimeMs) {
          expect(mostInAnyWindow(sent, windowMs)).toBeLessThanOrEqual(max);
          const others = sent.filter((one) => !one.urgent);
          expect(mostInAnyWindow(others, windowMs)).toBeLessThanOrEqual(max * 0.8 + 1e-6);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("comes back: no use counts longer than its window and one slot, and who returns when told may go", () => {
    const max = 9_000;
    fc.assert(
      fc.property(ATTEMPTS, (attempts) => {
        const budget = new LinkBudget({ ...NONE, airtimeMs: [{ windowMs: HOUR_MS, max }] });
        const uses: { leavesAtMs: number; airtimeMs: number }[] = [];
        let nowMs = 0;
        for (const { pauseMs, airtimeMs } of attempts) {
          nowMs += pauseMs;
          const cost = { ...NOTHING, airtimeMs };
          const { waitMs } = budget.waitMs(cost, nowMs);
          const fitsAt = (atMs: number): boolean =>
            uses.reduce((sum, use) => sum + (use.leavesAtMs > atMs ? use.airtimeMs : 0), 0) + airtimeMs <=
            max;
          const latestMs = [nowMs, ...uses.map((use) => use.leavesAtMs)].filter(
            (atMs) => atMs >= nowMs && fitsAt(atMs),
          );
          expect(nowMs + waitMs).toBeLessThanOrEqual(Math.min(...latestMs));
          nowMs += waitMs;
          expect(budget.waitMs(cost, nowMs)).toEqual({ waitMs: 0 });
          use(budget, { airtimeMs }, nowMs);
          nowMs += airtimeMs;
          uses.push({ leavesAtMs: nowMs + 1 + HOUR_MS + HOUR_MS / LIMITS.budgetSlots, airtimeMs });
        }
      }),
    );
  });

  it("keeps a share for what is urgent", () => {
    const budget = new LinkBudget(limits);
    use(budget, { airtimeMs: 7_200 }, 0);
    expect(budget.waitMs({ ...NOTHING, airtimeMs: 100 }, 1)).toMatchObject({ why: "airtime" });
    expect(budget.waitMs({ ...NOTHING, airtimeMs: 1_800, urgent: true }, 1)).toEqual({ waitMs: 0 });
    expect(budget.waitMs({ ...NOTHING, airtimeMs: 1_801, urgent: true }, 1).waitMs).toBeGreaterThan(0);
  });

  it("says the window's length to what can never fit", () => {
    const budget = new LinkBudget({ ...NONE, airtimeMs: [{ windowMs: HOUR_MS, max: 500 }] });
    expect(budget.waitMs({ ...NOTHING, airtimeMs: 501 }, 7)).toEqual({ waitMs: HOUR_MS, why: "airtime" });
  });
});

describe("drain rate", () => {
  it("lets out no more than the rate and one parcel in any time, and not less in the long run", () => {
    const parcel = fc.record({ pauseMs: fc.nat(3_000), bytes: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(parcel, { maxLength: 100 }),
        fc.integer({ min: 10, max: 500 }),
        (parcels, rate) => {
          const budget = new LinkBudget({ ...NONE, drainBytesPerS: rate });
          const sent: { atMs: number; bytes: number }[] = [];
          let nowMs = 0;
          for (const { pauseMs, bytes } of parcels) {
            nowMs += pauseMs;
            const { waitMs } = budget.waitMs({ ...NOTHING, bytes }, nowMs);
            const previous = sent.at(-1);
            if (waitMs > 0 && previous) {
              const since = sent.reduce((sum, one) => sum + one.bytes, 0);
              expect(waitMs).toBeLessThanOrEqual((since * 1_000) / rate + 1);
            }
            nowMs += waitMs;
            use(budget, { bytes }, nowMs);
            sent.push({ atMs: nowMs, bytes });
          }
          for (let i = 0; i < sent.length; i++) {
            let bytes = 0;
            for (const one of sent.slice(i)) {
              bytes += one.bytes;
              const spanMs = one.atMs - sent[i]!.atMs + LIMITS.drainLatenessMsMax;
              expect(bytes).toBeLessThanOrEqual((rate * spanMs) / 1_000 + 255);
            }
          }
        },
      ),
    );
  });

  it("is the smaller of ours and the neighbour's", () => {
    const budget = new LinkBudget({ ...NONE, drainBytesPerS: 100 });
    budget.peerDrainBytesPerS("a", 50);
    use(budget, { bytes: 100, neighbour: "a" }, 1_000);
    expect(budget.waitMs({ ...NOTHING, neighbour: "a" }, 1_000).waitMs).toBeCloseTo(1_990, 0);
    expect(budget.waitMs({ ...NOTHING, neighbour: "b" }, 1_000).waitMs).toBeCloseTo(990, 0);
    budget.peerDrainBytesPerS("a", null);
    expect(budget.waitMs({ ...NOTHING, neighbour: "a" }, 1_000).waitMs).toBeCloseTo(990, 0);
  });

  it("remembers a bounded number of neighbours", () => {
    const budget = new LinkBudget(NONE);
    for (let i = 0; i <= LIMITS.drainingNeighboursMax; i++) {
      budget.peerDrainBytesPerS(`n${i}`, 1);
      use(budget, { bytes: 100, neighbour: `n${i}` }, 100);
    }
    expect(budget.waitMs({ ...NOTHING, neighbour: "n0" }, 100)).toEqual({ waitMs: 0 });
    expect(budget.waitMs({ ...NOTHING, neighbour: "n1" }, 100).waitMs).toBeGreaterThan(0);
  });
});

describe("credits", () => {
  const limits = { ...NONE, credits: [{ windowMs: 24 * HOUR_MS, max: 10 }] };

  it("count from the reservation, and come back only by a refund", () => {
    const budget = new LinkBudget(limits);
    const id = budget.reserve({ ...NOTHING, credits: 8 }, 0);
    expect(budget.waitMs({ ...NOTHING, credits: 3 }, 0)).toMatchObject({ why: "credits" });
    budget.refund(id);
    expect(budget.waitMs({ ...NOTHING, credits: 3 }, 0)).toEqual({ waitMs: 0 });
    budget.commit(id, 5); // settled already: nothing more
    expect(budget.status(5)).toEqual([{ resource: "credits", windowMs: 24 * HOUR_MS, max: 10, used: 0 }]);
  });

  it("commit what was really paid", () => {
    const budget = new LinkBudget(limits);
    budget.commit(budget.reserve({ ...NOTHING, credits: 8 }, 0), 0, { credits: 2 });
    expect(budget.waitMs({ ...NOTHING, credits: 8 }, 0)).toEqual({ waitMs: 0 });
    expect(budget.waitMs({ ...NOTHING, credits: 9 }, 0).waitMs).toBe(24 * HOUR_MS + 1);
  });

  it("reserved before a crash count as spent after it", () => {
    const budget = new LinkBudget(limits);
    const cost = { ...NOTHING, credits: 4 };
    const lease = budget.leaseFor(cost)!;
    const stored = budget.snapshot(0, lease);
    budget.grant(lease);
    expect(budget.leaseFor(cost)).toBeNull();
    budget.reserve(cost, 0);
    expect(budget.leaseFor(cost)).not.toBeNull();
    const after = new LinkBudget(limits);
    after.restore(stored, 50);
    expect(after.waitMs({ ...NOTHING, credits: 7 }, 50)).toMatchObject({ why: "credits" });
    expect(after.waitMs({ ...NOTHING, credits: 6 }, 50)).toEqual({ waitMs: 0 });
  });

  it("drains no faster over a crash: what is stored before a parcel goes holds the next one back", () => {
    const limits = { drainBytesPerS: 12, airtimeMs: [], credits: [], urgentShare: 0 };
    const parcel = { bytes: 240, airtimeMs: 0, credits: 0, neighbour: "" };
    const before = new LinkBudget(limits);
    const lease = before.leaseFor(parcel);
    expect(lease).toMatchObject({ bytes: 240 });
    const stored = JSON.parse(JSON.stringify(before.snapshot(100_000, lease ?? undefined)));
    const after = new LinkBudget(limits);
    after.restore(stored, 103_000);
    expect(after.waitMs({ ...parcel, urgent: true }, 103_000)).toEqual({ waitMs: 16_990, why: "drain-rate" });
    expect(after.waitMs({ ...parcel, urgent: true }, 119_990)).toEqual({ waitMs: 0 });
    const orderly = new LinkBudget(limits);
    orderly.restore(JSON.parse(JSON.stringify(new LinkBudget(limits).snapshot(100_000))), 100_000);
    expect(orderly.waitMs({ ...parcel, urgent: false }, 100_000)).toEqual({ waitMs: 0 });
  });
});
