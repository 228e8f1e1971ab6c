import type { SendResult } from "@estafette/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LIMITS } from "./limits.js";
import { HOUR_MS, LaneWorld, TestSession } from "./testing/lane-world.js";

let world: LaneWorld;
let { time, sent, dialled }: LaneWorld = new LaneWorld();
const laneOf: LaneWorld["laneOf"] = (...args) => world.laneOf(...args);
beforeEach(() => {
  world = new LaneWorld();
  ({ time, sent, dialled } = world);
});
afterEach(async () => await world.lane?.stop());

describe("a lane", () => {
  it("sends everything, neighbours in turn", async () => {
    const sessions = [new TestSession("a", LIMITS.parcelsInTurnMax + 5), new TestSession("b", 3)];
    laneOf(sessions).wake();
    await time.pass(1);
    expect(sent.filter((s) => s.to === "a")).toHaveLength(LIMITS.parcelsInTurnMax + 5);
    const firstOfB = sent.findIndex((s) => s.to === "b");
    expect(firstOfB).toBeGreaterThan(0);
    expect(firstOfB).toBeLessThanOrEqual(LIMITS.parcelsInTurnMax);
  });

  it("does not let a neighbour that cannot be reached hold up another", async () => {
    const sessions = [new TestSession("away", 1), new TestSession("b", 100)];
    const away = { outcome: "deferred", why: "no-contact", retryAfterMs: 5_000 } as const;
    laneOf(sessions, { send: ({ to }) => (to === "away" ? away : { outcome: "sent" }) }).wake();
    await time.pass(100);
    expect(sent.filter((s) => s.to === "b")).toHaveLength(100);
    expect(sent.filter((s) => s.to === "away")).toHaveLength(1);
    await time.pass(60_000);
    expect(sent.filter((s) => s.to === "away").length).toBeLessThanOrEqual(13);
  });

  it("keeps everybody waiting while the airtime budget is spent", async () => {
    let budgetAtMs = 600_000;
    const send = (): SendResult =>
      time.nowMs < budgetAtMs
        ? { outcome: "deferred", why: "budget", retryAfterMs: budgetAtMs - time.nowMs }
        : { outcome: "sent" };
    laneOf([new TestSession("a", 2), new TestSession("b", 2)], { send }).wake();
    await time.pass(599_000);
    expect(sent).toHaveLength(1);
    await time.pass(2_000);
    expect(sent).toHaveLength(5);
    budgetAtMs = 0;
  });

  it("neither spins nor stops when the bearer throws", async () => {
    let isBroken = true;
    const send = (): SendResult => {
      if (isBroken) throw new Error("port gone");
      return { outcome: "sent" };
    };
    laneOf([new TestSession("a", 2)], { send }).wake();
    await time.pass(10_000);
    expect(sent.length).toBeGreaterThan(5);
    expect(sent.length).toBeLessThanOrEqual(11);
    isBroken = false;
    await time.pass(2_000);
    const before = sent.length;
    await time.pass(10_000);
    expect(sent.length).toBe(before);
  });

  it("keeps a bearer that defers for no time from taking the processor", async () => {
    const busy = { outcome: "deferred", why: "busy", retryAfterMs: 0 } as const;
    laneOf([new TestSession("a", 1)], { send: () => busy }).wake();
    await time.pass(1_000);
    expect(sent.length).toBeLessThanOrEqual(1_000 / LIMITS.pauseMsMin + 1);
  });

  it("closes the conversation with a neighbour the bearer does not know", async () => {
    const session = new TestSession("a", 1);
    laneOf([session], { send: () => ({ outcome: "refused", why: "unknown-neighbour" }) }).wake();
    await time.pass(1);
    expect(session.closedWith).toContain("unknown-neighbour");
  });
});

describe("a dialled lane", () => {
  it("dials once for everything that waits", async () => {
    laneOf([new TestSession("", 5)], { contact: "dialled" }).wake();
    await time.pass(1_000);
    expect(sent).toHaveLength(5);
    expect(dialled).toEqual([{ purpose: "send", atMs: 0 }]);
  });

  it("collects soon after a start, then every six hours while nothing is awaited", async () => {
    laneOf([new TestSession("", 0)], { contact: "dialled" }).wake();
    await time.pass(25 * HOUR_MS);
    expect(dialled.map((d) => d.purpose)).toEqual(Array.from({ length: 5 }, () => "collect"));
    expect(dialled[0]?.atMs).toBe(LIMITS.firstCollectMs);
    expect((dialled[1]?.atMs ?? 0) - (dialled[0]?.atMs ?? 0)).toBe(LIMITS.collectEveryMs);
  });

  it("collects an answer's time after something was sent, then with growing patience", async () => {
    const session = new TestSession("", 1);
    session.isAwaiting = true;
    laneOf([session], { contact: "dialled" }).wake();
    await time.pass(16 * HOUR_MS);
    const hours = dialled.map((d) => Math.round(d.atMs / HOUR_MS));
    expect(dialled[0]?.purpose).toBe("send");
    expect(hours).toEqual([0, 1, 3, 7, 13]);
  });

  it("does not spin when a visit falls due while a contact is open: what waits comes by itself then", async () => {
    const session = new TestSession("", 1);
    session.isAwaiting = true;
    laneOf([session], { contact: "dialled", capabilities: { answerMs: 3_000 } }).wake();
    await time.pass(LIMITS.contactMsMax + 1_000);
    expect(dialled.map((d) => d.atMs)).toEqual([0, LIMITS.contactMsMax]);
    expect(session.picks).toBeLessThan(10);
  });

  it("asks again only after a while when no contact comes about, and pays nothing twice", async () => {
    const none = { outcome: "deferred", why: "no-contact", retryAfterMs: 60_000 } as const;
    laneOf([new TestSession("", 1)], { contact: "dialled", dial: () => none }).wake();
    await time.pass(600_000);
    expect(dialled).toHaveLength(11);
    expect(sent).toHaveLength(0);
  });
});
