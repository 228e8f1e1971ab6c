import { expect } from "vitest";
import { arrival, content, delivery, HOUR_MS, hop } from "./spool-samples.js";
import type { SpoolCases, SpoolWorld } from "./spool-world.js";

async function one({ spool }: SpoolWorld, to: readonly string[] = ["a", "b"]): Promise<number> {
  await spool.acceptArrival(arrival(5, [delivery(1, { to })]));
  const [due] = (await spool.dueDeliveries(1)).due;
  return due?.deliveryId ?? -1;
}

export const deliveryCases: SpoolCases = {
  "a delivery is due at once and tells what it is": async ({ spool }) => {
    await spool.acceptArrival(arrival(5, [delivery(1)]));
    const { body: _, ...expected } = delivery(1);
    const { due, nextAtMs } = await spool.dueDeliveries(9);
    expect(due).toEqual([
      {
        ...expected,
        deliveryId: expect.any(Number),
        arrivedAtMs: spool.nowMs(),
        deadlineMs: spool.nowMs() + 24 * HOUR_MS,
        attempts: 0,
        deliveredCount: 0,
        uncertain: false,
        pending: expected.to,
        end: null,
        detail: "",
      },
    ]);
    expect(nextAtMs).toBeNull();
  },

  "all served: delivered, and never again": async (world) => {
    const { spool } = world;
    const id = await one(world);
    await spool.beginDelivery(id);
    expect((await spool.dueDeliveries(9)).due).toEqual([]);
    const note = { hop: hop(), bytes: content(33), lifetimeMs: HOUR_MS };
    const result = { delivered: ["a", "b"], refused: [], retryAtMs: null, detail: "ok", notes: [note] };
    const settled = await spool.settleDelivery(id, result);
    expect(settled).toMatchObject({ end: "delivered", pending: [], attempts: 1, uncertain: false });
    expect(settled.context).toEqual(delivery(1).context);
    expect(await spool.deliveryBody(id)).toBeNull();
    expect(await world.ready()).toHaveLength(1);
    expect(await spool.stats()).toMatchObject({ deliveriesPending: 0, waitingBytes: 0 });
    await spool.acceptArrival(arrival(6, [delivery(1, { to: ["b"] })]));
    expect(await spool.listDeliveries({ openOnly: true, limit: 9 })).toEqual([]);
    await expect(spool.beginDelivery(id)).rejects.toMatchObject({ code: "EST_PROTOCOL_STATE" });
    expect(await spool.settleDelivery(id, result)).toMatchObject({ end: "delivered" });
    expect(await world.ready()).toHaveLength(1);
  },

  "part served: the rest waits for its next attempt": async (world) => {
    const { spool, clock } = world;
    const id = await one(world, ["a", "b", "c"]);
    await spool.beginDelivery(id);
    const retryAtMs = spool.nowMs() + 5_000;
    const result = { delivered: ["a"], refused: ["b"], retryAtMs, detail: "busy" };
    expect(await spool.settleDelivery(id, result)).toMatchObject({ end: null, pending: ["c"] });
    expect(await spool.dueDeliveries(9)).toEqual({ due: [], nextAtMs: retryAtMs });
    clock.advance(5_000);
    expect((await spool.dueDeliveries(9)).due).toMatchObject([
      { deliveryId: id, pending: ["c"], detail: "busy" },
    ]);
    await spool.beginDelivery(id);
    const last = { delivered: [], refused: ["c"], retryAtMs: null, detail: "no" };
    expect(await spool.settleDelivery(id, last)).toMatchObject({ end: "delivered", attempts: 2 });
  },

  "none served: refused, and open to another copy": async (world) => {
    const { spool } = world;
    const id = await one(world, ["a"]);
    const result = { delivered: [], refused: ["a"], retryAtMs: null, detail: "no such user" };
    expect(await spool.settleDelivery(id, result)).toMatchObject({ end: "refused", detail: "no such user" });
    await spool.acceptArrival(arrival(6, [delivery(1, { to: ["a"] })]));
    expect(await spool.listDeliveries({ openOnly: true, limit: 9 })).toHaveLength(1);
  },

  "an attempt that leaves recipients without a time is refused whole": async (world) => {
    const id = await one(world);
    const result = { delivered: ["a"], refused: [], retryAtMs: null, detail: "" };
    await expect(world.spool.settleDelivery(id, result)).rejects.toMatchObject({ code: "EST_INVARIANT" });
    expect((await world.spool.listDeliveries({ limit: 1 }))[0]?.pending).toEqual(["a", "b"]);
  },

  "an attempt nobody settled leaves it uncertain": async (world) => {
    const id = await one(world);
    await world.spool.beginDelivery(id);
    await world.crash();
    const { due } = await world.spool.dueDeliveries(9);
    expect(due).toMatchObject([{ deliveryId: id, uncertain: true, attempts: 1 }]);
    await world.spool.beginDelivery(id);
    const result = { delivered: [], refused: [], retryAtMs: world.spool.nowMs(), detail: "" };
    expect(await world.spool.settleDelivery(id, result)).toMatchObject({ uncertain: true, attempts: 2 });
  },

  "an attempt settled before a crash is not uncertain": async (world) => {
    const id = await one(world);
    await world.spool.beginDelivery(id);
    const result = { delivered: ["a"], refused: [], retryAtMs: world.spool.nowMs(), detail: "" };
    await world.spool.settleDelivery(id, result);
    await world.crash();
    const [due] = (await world.spool.dueDeliveries(9)).due;
    expect(due).toMatchObject({ uncertain: false, pending: ["b"] });
  },

  "what is being handed over does not expire under the hand": async (world) => {
    const { spool, clock } = world;
    const id = await one(world);
    await spool.beginDelivery(id);
    clock.advance(25 * HOUR_MS);
    expect((await spool.expire(9)).deliveries).toEqual([]);
    const result = { delivered: ["a"], refused: [], retryAtMs: spool.nowMs(), detail: "" };
    await spool.settleDelivery(id, result);
    expect((await spool.dueDeliveries(9)).due).toEqual([]);
    expect((await spool.expire(9)).deliveries).toMatchObject([{ end: "expired", pending: ["b"] }]);
  },

  "due deliveries come in the order of their time, in portions": async ({ spool }) => {
    for (const sequence of [1, 2, 3]) {
      await spool.acceptArrival(arrival(sequence, [delivery(sequence)]));
    }
    const { due, nextAtMs } = await spool.dueDeliveries(2);
    expect(due.map((one) => one.key.sequence)).toEqual([1, 2]);
    expect(nextAtMs).toBe(spool.nowMs());
  },

  "an unknown delivery cannot be begun or settled": async ({ spool }) => {
    const result = { delivered: [], refused: [], retryAtMs: 1, detail: "" };
    await expect(spool.beginDelivery(77)).rejects.toMatchObject({ code: "EST_PROTOCOL_STATE" });
    await expect(spool.settleDelivery(77, result)).rejects.toMatchObject({ code: "EST_PROTOCOL_STATE" });
  },
};
