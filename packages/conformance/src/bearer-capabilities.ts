import { describe, expect } from "vitest";
import { inWorld } from "./bearer-test.js";
import { type BearerWorld, patterned, runBoth, SESSION_MS, sendOnce, settled } from "./bearer-world.js";

/** What a bearer says about itself, and whether it keeps to it. */
export function describeCapabilities(setup: () => Promise<BearerWorld>): void {
  describe("capabilities", () => {
    inWorld(setup, "are within their ranges and plain data", async ({ a, b }) => {
      for (const { capabilities } of [a, b]) {
        expect(capabilities.parcelBytesMax).toBeGreaterThanOrEqual(48);
        expect(capabilities.parcelBytesMax).toBeLessThanOrEqual(65_535);
        expect(capabilities.turnaroundMs).toBeGreaterThanOrEqual(0);
        expect(capabilities.answerMs).toBeGreaterThanOrEqual(0);
        expect(capabilities.cost.perContact).toBeGreaterThanOrEqual(0);
        expect(capabilities.cost.perByte).toBeGreaterThanOrEqual(0);
        expect(structuredClone(capabilities)).toEqual(capabilities);
      }
    });

    inWorld(setup, "airtime never falls as parcels grow, and is the same each time", async ({ a }) => {
      const { parcelBytesMax, bitsPerSecond } = a.capabilities;
      const sizes = [0, 1, 2, 48, Math.floor(parcelBytesMax / 2), parcelBytesMax - 1, parcelBytesMax];
      const airtimes = sizes.map((size) => a.airtimeMs(size));
      expect(airtimes).toEqual([...airtimes].sort((left, right) => left - right));
      expect(sizes.map((size) => a.airtimeMs(size))).toEqual(airtimes);
      expect(a.airtimeMs(parcelBytesMax) > 0).toBe(bitsPerSecond !== null);
    });

    inWorld(setup, "one more byte than the largest parcel is refused", async (world) => {
      const { a, b } = await runBoth(world);
      const result = await sendOnce(a, patterned(world.a.capabilities.parcelBytesMax + 1, 1));
      expect(result).toEqual({ outcome: "refused", why: "too-large" });
      expect(b.heard).toEqual([]);
    });

    inWorld(setup, "a neighbour that does not exist is refused", async (world) => {
      const { a } = await runBoth(world);
      const { signal } = new AbortController();
      const refused = { outcome: "refused", why: "unknown-neighbour" };
      const contact = world.a.contact({ to: "nobody here", purpose: "send", maxMs: SESSION_MS }, signal);
      expect(await settled(world, contact)).toEqual(refused);
      const sent = world.a.send({ to: "nobody here", bytes: patterned(48, 1) }, signal);
      expect(await settled(world, sent)).toEqual(refused);
      expect(a.ending).toBeNull();
    });

    inWorld(setup, "neighbours carry the names that were announced", async (world) => {
      const { a, b } = await runBoth(world);
      for (const end of [a, b]) {
        const isOne = end.bearer.capabilities.neighbours === "one";
        for (const name of end.neighbours) expect(name === "").toBe(isOne);
      }
    });

    inWorld(setup, "an answer proves no more than was announced", async (world) => {
      const { a } = await runBoth(world);
      const result = await sendOnce(a, patterned(48, 3));
      if (world.a.capabilities.acknowledges === "nobody") expect(result).toEqual({ outcome: "sent" });
      else expect(["acknowledged", "deferred"]).toContain(result.outcome);
    });

    describeContact(setup);
    describeBudget(setup);
  });
}

function describeContact(setup: () => Promise<BearerWorld>): void {
  inWorld(setup, "a contact opens as announced, and costs what was announced", async (world) => {
    const { a } = await runBoth(world);
    const { capabilities } = world.a;
    const to = a.neighbour;
    const { signal } = new AbortController();
    if (capabilities.contact === "dialled") {
      const early = await settled(world, world.a.send({ to, bytes: patterned(48, 1) }, signal));
      expect(early).toMatchObject({ outcome: "deferred", why: "no-contact" });
    }
    const contact = await settled(world, world.a.contact({ to, purpose: "send", maxMs: 5_000 }, signal));
    expect(contact).toEqual({ outcome: "open", paid: capabilities.cost.perContact });
    const within = await settled(world, world.a.send({ to, bytes: patterned(48, 1) }, signal));
    expect(["sent", "acknowledged"]).toContain(within.outcome);
    if (capabilities.contact === "dialled") {
      await world.advance(SESSION_MS);
      const late = await settled(world, world.a.send({ to, bytes: patterned(48, 1) }, signal));
      expect(late, "a session ends by itself").toMatchObject({ outcome: "deferred", why: "no-contact" });
    }
  });
}

function describeBudget(setup: () => Promise<BearerWorld>): void {
  inWorld(setup, "airtime in an hour stays within the budget", async (world, skip) => {
    const { parcelBytesMax, airtimeMsPerHourMax } = world.a.capabilities;
    if (airtimeMsPerHourMax === null) skip("unlimited");
    const budgetMs = Number(airtimeMsPerHourMax);
    const { a } = await runBoth(world);
    const airtimeMs = world.a.airtimeMs(parcelBytesMax);
    let usedMs = 0;
    for (;;) {
      const result = await sendOnce(a, patterned(parcelBytesMax, 1));
      if (result.outcome === "deferred" && result.why === "budget") {
        expect(result.retryAfterMs).toBeGreaterThan(0);
        break;
      }
      usedMs += airtimeMs;
      expect(usedMs).toBeLessThanOrEqual(budgetMs);
    }
    expect(usedMs).toBeGreaterThan(budgetMs / 2);
  });
}
