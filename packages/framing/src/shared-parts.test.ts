import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AirtimeBudget, Feed } from "./index.js";

describe("Feed", () => {
  it("is bounded: offer says so, put waits", async () => {
    const feed = new Feed<number>(2);
    expect([feed.offer(1), feed.offer(2), feed.offer(3)]).toEqual([true, true, false]);
    const waiting = feed.put(4);
    const reader = feed[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: 1 });
    expect(await waiting).toBe(true);
    feed.end();
    expect(await reader.next()).toEqual({ done: false, value: 2 });
    expect(await reader.next()).toEqual({ done: false, value: 4 });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it("wakes a waiting reader, and a waiting writer when it ends", async () => {
    const feed = new Feed<string>(1);
    const first = feed[Symbol.asyncIterator]().next();
    feed.offer("late");
    expect(await first).toEqual({ done: false, value: "late" });
    feed.offer("fills");
    const waiting = feed.put("never");
    feed.end();
    expect(await waiting).toBe(false);
    expect(feed.offer("after the end")).toBe(false);
  });

  it("fails after what waits was read; the first ending counts", async () => {
    const feed = new Feed<number>(4);
    feed.offer(1);
    feed.fail(new Error("broken"));
    feed.fail(new Error("again"));
    const read: number[] = [];
    const reading = (async () => {
      for await (const item of feed) read.push(item);
    })();
    await expect(reading).rejects.toThrow("broken");
    expect(read).toEqual([1]);
  });
});

describe("AirtimeBudget", () => {
  it("without a bound never waits", () => {
    const budget = new AirtimeBudget(null);
    budget.spend(9e9, 0);
    expect(budget.waitMs(9e9, 0)).toBe(0);
  });

  it("says how long, and is right about it", () => {
    const budget = new AirtimeBudget(36_000);
    budget.spend(20_000, 0);
    budget.spend(10_000, 600_000);
    expect(budget.waitMs(6_000, 600_000)).toBe(0);
    const waitMs = budget.waitMs(7_000, 600_000);
    expect(waitMs).toBeGreaterThan(3_000_000);
    expect(budget.waitMs(7_000, 600_000 + waitMs)).toBe(0);
    expect(budget.waitMs(36_001, 600_000)).toBeGreaterThan(0);
  });

  it("never allows more than the bound in any sliding hour", () => {
    const step = fc.record({ pauseMs: fc.nat(400_000), airtimeMs: fc.integer({ min: 1, max: 30_000 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
        const boundMs = 60_000;
        const budget = new AirtimeBudget(boundMs);
        const used: { fromMs: number; toMs: number }[] = [];
        let nowMs = 0;
        for (const { pauseMs, airtimeMs } of steps) {
          nowMs += pauseMs;
          if (budget.waitMs(airtimeMs, nowMs) > 0) continue;
          budget.spend(airtimeMs, nowMs);
          used.push({ fromMs: nowMs, toMs: nowMs + airtimeMs });
          nowMs += airtimeMs;
          const windowMs = nowMs - 3_600_000;
          const inWindow = used.reduce((sum, { fromMs, toMs }) => {
            return sum + Math.max(0, toMs - Math.max(fromMs, windowMs));
          }, 0);
          expect(inWindow).toBeLessThanOrEqual(boundMs);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("keeps a bounded table through long transmissions", () => {
    const budget = new AirtimeBudget(3_600_000);
    for (let index = 0; index < 500; index++) budget.spend(1, index * 59_000);
    expect(budget.usedMs(500 * 59_000)).toBeLessThanOrEqual(64);
  });
});
