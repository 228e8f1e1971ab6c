import { sleep } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { countingClock, VirtualClock } from "./virtual-clock.js";

describe("VirtualClock", () => {
  it("runs timers in order of time, then of creation, at their own time", async () => {
    const clock = new VirtualClock(0);
    const seen: [string, number][] = [];
    const note = (name: string) => () => seen.push([name, clock.monotonicMs()]);
    clock.timer(20, note("c"));
    clock.timer(10, note("a"));
    clock.timer(10, note("b"));
    const cancel = clock.timer(15, note("never"));
    cancel();
    await clock.advance(15);
    expect(clock.monotonicMs()).toBe(15);
    await clock.advance(15);
    expect(seen).toEqual([
      ["a", 10],
      ["b", 10],
      ["c", 20],
    ]);
  });

  it("lets promises settle between timers", async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    void (async () => {
      for (let turn = 0; turn < 5; turn++) {
        await sleep(clock, 10);
        seen.push(clock.monotonicMs());
      }
    })();
    await clock.advance(100);
    expect(seen).toEqual([10, 20, 30, 40, 50]);
  });
});

describe("countingClock", () => {
  it("counts each pending timer once", async () => {
    const virtual = new VirtualClock();
    const clock = countingClock(virtual);
    const cancel = clock.timer(10, () => {});
    clock.timer(20, () => {});
    expect(clock.pendingTimers).toBe(2);
    cancel();
    cancel();
    expect(clock.pendingTimers).toBe(1);
    await virtual.advance(30);
    expect(clock.pendingTimers).toBe(0);
  });
});
