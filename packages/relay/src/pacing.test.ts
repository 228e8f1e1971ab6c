import type { ContactResult, SendResult } from "@estafette/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "./session.js";
import { HOUR_MS, LaneWorld, TestSession } from "./testing/lane-world.js";

let world: LaneWorld;
let { time, sent, dialled, events }: LaneWorld = new LaneWorld();
const laneOf: LaneWorld["laneOf"] = (...args) => world.laneOf(...args);
beforeEach(() => {
  world = new LaneWorld();
  ({ time, sent, dialled, events } = world);
});
afterEach(async () => await world.lane?.stop());

describe("a lane with a drain rate", () => {
  it("sends at the rate and no faster, neighbours in turn", async () => {
    const sessions = [new TestSession("a", 100, 50), new TestSession("b", 100, 50)];
    laneOf(sessions, { budget: { drainBytesPerS: 100 } }).wake();
    await time.pass(20_000);
    expect(sent.length).toBeGreaterThanOrEqual(40);
    expect(sent.length).toBeLessThanOrEqual(41);
    for (const one of sent) {
      const within = sent.filter((s) => s.atMs >= one.atMs && s.atMs < one.atMs + 5_000);
      expect(within.length * 50).toBeLessThanOrEqual(5 * 100 + 50);
    }
    const ofA = sent.filter((s) => s.to === "a").length;
    expect(Math.abs(ofA - (sent.length - ofA))).toBeLessThanOrEqual(1);
  });

  it("honours the neighbour's rate for this neighbour alone", async () => {
    const slow = new TestSession("a", 100, 50);
    laneOf([slow, new TestSession("b", 100, 50)]);
    world.lane?.setPeerDrain(slow as unknown as Session, 10);
    world.lane?.wake();
    await time.pass(20_000);
    expect(sent.filter((s) => s.to === "b")).toHaveLength(100);
    expect(sent.filter((s) => s.to === "a").map((s) => s.atMs)).toEqual([0, 5_000, 10_000, 15_000, 20_000]);
    world.lane?.forget(slow as unknown as Session);
    await time.pass(1);
    expect(sent.filter((s) => s.to === "a").length).toBeGreaterThan(90);
  });
});

describe("a lane with an airtime budget", () => {
  const capabilities = { airtimeMsPerHourMax: 10_000 };

  it("builds nothing that would have to wait, and says until when it waits", async () => {
    const session = new TestSession("a", 100, 100);
    laneOf([session], { capabilities }).wake();
    await time.pass(60_000);
    expect(sent).toHaveLength(10);
    expect(session.built).toBe(10);
    const { picks } = session;
    expect(world.lane?.pacing.status().pause).toMatchObject({ why: "airtime" });
    expect(world.lane?.pacing.status().limits).toEqual([
      { resource: "airtime", windowMs: HOUR_MS, max: 10_000, used: 10_000 },
    ]);
    await time.pass(HOUR_MS - 90_000);
    expect(session.picks).toBe(picks);
    expect(events).toEqual([{ type: "paused", link: "test", why: "airtime", waitMs: expect.any(Number) }]);
    await time.pass(60_000);
    expect(sent).toHaveLength(20);
  });

  it("keeps a share for what is urgent, asked at the last moment", async () => {
    const session = new TestSession("a", 100, 100);
    laneOf([session], { capabilities, budget: { urgentShare: 0.3 } }).wake();
    await time.pass(60_000);
    expect(sent).toHaveLength(7);
    session.urgentParcels = 5;
    world.lane?.wake();
    await time.pass(1_000);
    expect(sent).toHaveLength(10);
    expect(session.urgentParcels).toBe(2);
  });

  it("spends that share on nothing else while the urgent message waits for its answer", async () => {
    const session = new TestSession("a", 100, 100);
    laneOf([session], { capabilities, budget: { urgentShare: 0.3 } }).wake();
    await time.pass(60_000);
    session.urgentParcels = 1;
    session.awaitsUrgent = true;
    world.lane?.wake();
    await time.pass(60_000);
    expect(sent).toHaveLength(8);
    session.awaitsUrgent = false;
    await time.pass(HOUR_MS);
    expect(sent).toHaveLength(15);
  });

  it("counts what was not answered, and not what never left", async () => {
    const answers: SendResult[] = [
      { outcome: "deferred", why: "timeout", retryAfterMs: 10 },
      { outcome: "deferred", why: "busy", retryAfterMs: 10 },
      { outcome: "deferred", why: "no-contact", retryAfterMs: 10 },
    ];
    const session = new TestSession("a", 1, 100);
    laneOf([session], { capabilities, send: () => answers.shift() ?? { outcome: "sent" } }).wake();
    await time.pass(1_000);
    expect(sent).toHaveLength(4);
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(2_000);
  });

  it("remembers over a crash, and never less than was used", async () => {
    laneOf([new TestSession("a", 5, 100)], { capabilities }).wake();
    await time.pass(60_000);
    expect(sent).toHaveLength(5);
    const crashed = world.lane;
    laneOf([new TestSession("a", 100, 100)], { capabilities }).wake();
    await time.pass(60_000);
    expect(sent.length).toBeGreaterThanOrEqual(8);
    expect(sent.length).toBeLessThanOrEqual(10);
    await crashed?.stop();
  });

  it("remembers exactly over an orderly stop", async () => {
    laneOf([new TestSession("a", 5, 100)], { capabilities }).wake();
    await time.pass(60_000);
    await world.lane?.stop();
    laneOf([new TestSession("a", 100, 100)], { capabilities }).wake();
    await time.pass(60_000);
    expect(sent).toHaveLength(10);
  });
});

describe("a lane with contact windows", () => {
  const budget = { windows: ["cron 0 6 * * * for 30m"] };

  it("is silent outside them, and says when it opens", async () => {
    const session = new TestSession("a", 5);
    laneOf([session], { budget }).wake();
    await time.pass(6 * HOUR_MS - 1);
    expect(sent).toHaveLength(0);
    expect(session.picks).toBe(0);
    expect(world.lane?.pacing.status()).toMatchObject({ window: "closed", pause: { why: "window" } });
    await time.pass(1_000);
    expect(sent).toHaveLength(5);
    expect(world.lane?.pacing.status()).toMatchObject({ window: "open", pause: null });
  });

  it("begins nothing that would end after the window", async () => {
    time.nowMs = 6.5 * HOUR_MS - 500;
    laneOf([new TestSession("a", 1, 100)], { budget }).wake();
    await time.pass(HOUR_MS);
    expect(sent).toHaveLength(0);
    await time.pass(23 * HOUR_MS);
    expect(sent).toHaveLength(1);
  });

  it("does not enforce them by a clock that may be wrong", async () => {
    time.trust = "untrusted";
    laneOf([new TestSession("a", 5)], { budget }).wake();
    await time.pass(1_000);
    expect(sent).toHaveLength(5);
    expect(world.lane?.pacing.status()).toMatchObject({ window: "not-enforced", pause: null });
  });

  it("stays silent by such a clock where somebody must be there, until it can be believed", async () => {
    time.trust = "untrusted";
    time.nowMs = 6 * HOUR_MS;
    laneOf([new TestSession("a", 5)], { budget: { ...budget, attended: true } }).wake();
    await time.pass(300_000);
    expect(sent).toHaveLength(0);
    expect(world.lane?.pacing.status()).toMatchObject({ window: "closed", pause: { why: "window" } });
    time.trust = "trusted";
    await time.pass(60_000);
    expect(sent).toHaveLength(5);
  });
});

describe("a paid lane", () => {
  const credits = { perContact: 10, perKilobyte: 100, perDay: 30, perMonth: null };

  it("pays for the contact and for the bytes, and waits for the next day", async () => {
    const session = new TestSession("", 100, 50);
    laneOf([session], { contact: "dialled", budget: { credits } }).wake();
    await time.pass(24 * HOUR_MS - 1);
    expect(dialled.map((d) => d.purpose)).toEqual(["send"]);
    expect(sent).toHaveLength(4);
    expect(session.built).toBe(4);
    expect(world.lane?.pacing.status()).toMatchObject({
      limits: [{ resource: "credits", used: 30 }],
      pause: { why: "credits" },
    });
    await time.pass(10_000);
    expect(sent.length).toBeGreaterThan(4);
  });

  it("gets back what a call cost that did not come about", async () => {
    let isBusy = true;
    const busy = { outcome: "deferred", why: "busy", retryAfterMs: 60_000 } as const;
    const dial = (): ContactResult => (isBusy ? busy : { outcome: "open", paid: 0 });
    laneOf([new TestSession("", 1, 50)], { contact: "dialled", budget: { credits }, dial }).wake();
    await time.pass(600_000);
    expect(dialled.length).toBeGreaterThan(8);
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(0);
    isBusy = false;
    await time.pass(60_000);
    expect(sent).toHaveLength(1);
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(15);
  });

  it("counts what the bearer says it paid, where the bearer has the prices", async () => {
    const capabilities = { cost: { perContact: 10, perByte: 0 } };
    const budget = { credits: { ...credits, perKilobyte: 0 } };
    const dial = (): ContactResult => ({ outcome: "open", paid: 7 });
    laneOf([new TestSession("", 1, 50)], { contact: "dialled", capabilities, budget, dial }).wake();
    await time.pass(1_000);
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(7);
  });

  it("takes the bearer's prices where the owner gives only bounds", async () => {
    const capabilities = { cost: { perContact: 1, perByte: 0.02 } };
    const budget = { credits: { ...credits, perContact: 0, perKilobyte: 0 } };
    laneOf([new TestSession("", 1, 50)], { contact: "dialled", capabilities, budget }).wake();
    await time.pass(1_000);
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(2);
  });

  it("counts a call nobody knows the end of, also after a crash", async () => {
    const dial = (): ContactResult => {
      throw new Error("modem gone");
    };
    laneOf([new TestSession("", 1, 50)], { contact: "dialled", budget: { credits }, dial }).wake();
    await time.pass(500);
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(10);
    const crashed = world.lane;
    laneOf([new TestSession("", 1, 50)], { contact: "dialled", budget: { credits } });
    await world.lane?.pacing.ready();
    expect(world.lane?.pacing.status().limits[0]?.used).toBe(10);
    await crashed?.stop();
  });
});
