import { sleep } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createChance } from "./chance.js";
import { createNodeClock, WORLD_BEGINS_UNIX_MS } from "./clock.js";
import { Kernel } from "./kernel.js";
import { LIMITS } from "./limits.js";
import { EventQueue } from "./queue.js";

describe("the event queue", () => {
  it("gives events by time, then by order of scheduling, whatever order they came in", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (times) => {
        const queue = new EventQueue();
        times.forEach((atMs, order) => {
          queue.push({ atMs, order, label: "", action: () => {}, cancelled: false, isGone: false });
        });
        const expected = times
          .map((atMs, order) => ({ atMs, order }))
          .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
        const seen = times
          .map(() => queue.pop())
          .map((event) => ({ atMs: event?.atMs, order: event?.order }));
        expect(seen).toEqual(expected);
        expect(queue.pop()).toBeUndefined();
      }),
    );
  });

  it("skips what was cancelled", () => {
    const queue = new EventQueue();
    const first = { atMs: 1, order: 0, label: "first", action: () => {}, cancelled: false, isGone: false };
    queue.push(first);
    queue.push({ ...first, order: 1, label: "second" });
    queue.cancel(first);
    expect(queue.waitingCount).toBe(1);
    expect(queue.pop()?.label).toBe("second");
    expect(queue.waitingCount).toBe(0);
  });

  it("lets go of what was cancelled long before its time", () => {
    const queue = new EventQueue();
    const added = Array.from({ length: 5_000 }, (_, order) => {
      const event = { atMs: 5_000 - order, order, label: `${order}`, action: () => {} };
      return { ...event, cancelled: false, isGone: false };
    });
    for (const event of added) queue.push(event);
    for (const event of added) if (event.order % 10 > 0) queue.cancel(event);
    expect(queue.heldCount).toBeLessThan(2_000);
    expect(queue.waitingCount).toBe(500);
    const popped = Array.from({ length: 500 }, () => queue.pop()?.order);
    expect(popped).toEqual(
      added
        .map(({ order }) => order)
        .filter((order) => order % 10 === 0)
        .reverse(),
    );
    expect(queue.pop()).toBeUndefined();
  });
});

describe("the kernel", () => {
  it("runs events in virtual time and lets promise chains rest between them", async () => {
    const kernel = new Kernel("test");
    const seen: string[] = [];
    kernel.after(10, "first", () => {
      void (async () => {
        for (let hop = 0; hop < 50; hop++) await Promise.resolve();
        seen.push(`chain at ${kernel.nowMs}`);
      })();
    });
    kernel.after(10, "second", () => seen.push(`second at ${kernel.nowMs}`));
    kernel.after(10.2, "third", () => seen.push(`third at ${kernel.nowMs}`));
    await kernel.run(100);
    expect(seen).toEqual(["chain at 10", "second at 10", "third at 11"]);
    expect(kernel.nowMs).toBe(100);
  });

  it("stops when asked, and when the time is over", async () => {
    const kernel = new Kernel("test");
    let count = 0;
    const again = (): void => {
      count++;
      kernel.after(5, "again", again);
    };
    again();
    expect(await kernel.runUntil(() => count === 4, 1_000)).toBe(true);
    expect(kernel.nowMs).toBe(15);
    expect(await kernel.runUntil(() => false, 100)).toBe(false);
    expect(kernel.nowMs).toBe(100);
  });

  it("refuses a circle without time", async () => {
    const kernel = new Kernel("test");
    const again = (): void => void kernel.after(0, "circle", again);
    again();
    const stuck = kernel.run(1);
    await expect(stuck).rejects.toThrow(/circle/);
    expect(kernel.eventsRun).toBeLessThanOrEqual(LIMITS.eventsPerInstantMax + 1);
  });

  it("has the same digest for the same events, another one for others", async () => {
    const digest = async (delayMs: number, label: string): Promise<string> => {
      const kernel = new Kernel("test");
      kernel.after(delayMs, label, () => kernel.note("done"));
      await kernel.run(100);
      return kernel.digest();
    };
    expect(await digest(1, "a")).toBe(await digest(1, "a"));
    expect(await digest(1, "a")).not.toBe(await digest(2, "a"));
    expect(await digest(1, "a")).not.toBe(await digest(1, "b"));
  });

  it("hands on what an event throws", async () => {
    const kernel = new Kernel("test");
    const thrown: string[] = [];
    kernel.onThrown = (error, label) => thrown.push(`${label}: ${String(error)}`);
    kernel.after(1, "bad", () => {
      throw new Error("broken");
    });
    await kernel.run(2);
    expect(thrown).toEqual(["bad: Error: broken"]);
  });
});

describe("the clock of a process", () => {
  it("shows a wrong wall clock, counts from the boot of its machine, and stops with the power", async () => {
    const kernel = new Kernel("test");
    await kernel.run(5_000);
    const machine = { bootId: "b1", bootedAtMs: 4_000, wallErrorMs: -7, trust: "untrusted" as const };
    let alive = true;
    const clock = createNodeClock(kernel, "node", machine, () => alive);
    expect(clock.monotonicMs()).toBe(1_000);
    expect(clock.unixMs()).toBe(WORLD_BEGINS_UNIX_MS + 5_000 - 7);
    const seen: string[] = [];
    void sleep(clock, 10).then(() => seen.push("while alive"));
    void sleep(clock, 50).then(() => seen.push("after the end"));
    await kernel.run(5_020);
    alive = false;
    void sleep(clock, 1).then(() => seen.push("asked after the end"));
    await kernel.run(6_000);
    expect(seen).toEqual(["while alive"]);
    expect(() => clock.timer(-1, () => {})).toThrow(/timer of -1/);
  });
});

describe("chance", () => {
  it("repeats itself for the same name and differs for another", () => {
    const draws = (name: string): number[] => {
      const chance = createChance(name);
      return Array.from({ length: 20 }, () => chance.between(0, 1_000_000));
    };
    expect(draws("a")).toEqual(draws("a"));
    expect(draws("a")).not.toEqual(draws("b"));
    expect(createChance("a").fork("x").bytes(8)).toEqual(createChance("a/x").bytes(8));
  });

  it("keeps to its bounds and rates", () => {
    const chance = createChance("rates");
    const draws = Array.from({ length: 4_000 }, () => chance.between(3, 6));
    expect(new Set(draws)).toEqual(new Set([3, 4, 5, 6]));
    const hits = draws.filter(() => chance.happens(0.25)).length;
    expect(hits).toBeGreaterThan(800);
    expect(hits).toBeLessThan(1_200);
    expect(chance.bytes(100)).toHaveLength(100);
  });
});
