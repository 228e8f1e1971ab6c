import { expect } from "vitest";
import { arrival, content, delivery, envelope, HOUR_MS, hop, message, sixteen } from "./spool-samples.js";
import type { SpoolCases } from "./spool-world.js";

const NOTHING = { messages: [], deliveries: [], notes: [] };
const note = (seed: number) => ({ hop: hop("radio", 7), bytes: content(33, seed), lifetimeMs: HOUR_MS });

/** Ends that somebody is to be told of, and notes that travel towards an origin. */
export const tellingCases: SpoolCases = {
  "a message that ends badly is to be told, one that ends well is not": async ({ spool }) => {
    await spool.acceptMessages([1, 2, 3, 4].map((sequence) => message(sequence)));
    await spool.endMessage(message(1).key, "refused", "never here");
    await spool.endMessage(message(2).key, "delivered", "");
    await spool.endMessage(message(3).key, "deleted", "");
    const untold = await spool.untold(9);
    expect(untold).toMatchObject([
      { kind: "message", key: message(1).key, submissionId: "S-1", end: "refused", detail: "never here" },
    ]);
    expect(untold[0]?.failures).toEqual([
      { recipient: "ben@shore.example", status: null, detail: "never here" },
    ]);
  },

  "a notice that ends badly is not answered": async ({ spool }) => {
    await spool.acceptMessages([message(1, { from: "" })]);
    await spool.endMessage(message(1).key, "refused", "");
    expect(await spool.untold(9)).toEqual([]);
  },

  "who refused may have told the sender already": async ({ spool }) => {
    await spool.acceptMessages([message(1)]);
    await spool.compose({ messages: [message(1).key], envelope: envelope(9, { from: null }) });
    await spool.settleEnvelope(sixteen(9), "refused", "no such user", true);
    expect((await spool.message(message(1).key))?.end).toBe("refused");
    expect(await spool.untold(9)).toEqual([]);
  },

  "what is to be told survives a crash, and telling is one commit with what tells": async (world) => {
    await world.spool.acceptMessages([message(1)]);
    await world.spool.endMessage(message(1).key, "refused", "no");
    await world.crash();
    const [one] = await world.spool.untold(9);
    const untoldId = one?.untoldId ?? -1;
    const told = { untoldId, messages: [message(2)], deliveries: [delivery(5)], notes: [note(1)] };
    expect((await world.spool.tell(told)).told).toBe(true);
    await world.crash();
    expect(await world.spool.untold(9)).toEqual([]);
    expect(await world.spool.message(message(2).key)).not.toBeNull();
    expect((await world.spool.dueDeliveries(9)).due).toHaveLength(1);
    expect(await world.ready(9, "radio", 7)).toHaveLength(1);
  },

  "nobody is told twice": async ({ spool }) => {
    await spool.acceptMessages([message(1)]);
    await spool.endMessage(message(1).key, "expired", "");
    const [one] = await spool.untold(9);
    const untoldId = one?.untoldId ?? -1;
    expect((await spool.tell({ untoldId, ...NOTHING })).told).toBe(true);
    expect((await spool.tell({ untoldId, ...NOTHING, messages: [message(2)] })).told).toBe(false);
    expect(await spool.message(message(2).key)).toBeNull();
  },

  "a transit copy that goes no further is to be told, one that is taken is not": async (world) => {
    const { spool } = world;
    await spool.acceptEnvelope(envelope(5));
    await spool.settleLeg((await world.firstLeg()).legId, { outcome: "refused", why: "no", reason: 5 });
    await spool.acceptEnvelope(envelope(6));
    await spool.settleLeg((await world.firstLeg()).legId, { outcome: "taken" });
    await spool.acceptEnvelope(envelope(7, { lifetimeMs: 2 * HOUR_MS }));
    world.clock.advance(HOUR_MS);
    await spool.expire(9);
    expect(await spool.untold(9)).toMatchObject([
      { kind: "envelope", envelopeId: sixteen(5), end: "refused", reason: 5, key: null },
      { kind: "envelope", envelopeId: sixteen(7), end: "expired", reason: 1 },
    ]);
  },

  "of a delivery those are told of who failed, with its context": async ({ spool, clock }) => {
    const to = ["a", "b", "c"];
    await spool.acceptArrival(arrival(7, [delivery(1, { to, lifetimeMs: HOUR_MS })]));
    const [due] = (await spool.dueDeliveries(9)).due;
    const id = due?.deliveryId ?? -1;
    await spool.beginDelivery(id);
    const failures = [{ recipient: "b", status: "5.1.1", detail: "unknown" }];
    const result = { delivered: ["a"], refused: ["b"], retryAtMs: spool.nowMs() + 1, detail: "", failures };
    expect(await spool.settleDelivery(id, result)).toMatchObject({ deliveredCount: 1, pending: ["c"] });
    clock.advance(HOUR_MS);
    await spool.expire(9);
    expect(await spool.untold(9)).toMatchObject([
      { kind: "delivery", end: "refused", failures, deliveredCount: 1, context: delivery(1).context },
      { kind: "delivery", end: "expired", failures: [{ recipient: "c" }], context: delivery(1).context },
    ]);
  },

  "an attempt of unknown outcome makes the next one uncertain": async ({ spool }) => {
    await spool.acceptArrival(arrival(7, [delivery(1)]));
    const [due] = (await spool.dueDeliveries(9)).due;
    const id = due?.deliveryId ?? -1;
    const result = { delivered: [], refused: [], retryAtMs: spool.nowMs(), detail: "" };
    await spool.beginDelivery(id);
    expect(await spool.settleDelivery(id, result)).toMatchObject({ uncertain: false });
    await spool.beginDelivery(id);
    expect(await spool.settleDelivery(id, { ...result, uncertain: true })).toMatchObject({ uncertain: true });
    await spool.beginDelivery(id);
    expect(await spool.settleDelivery(id, result)).toMatchObject({ uncertain: true });
  },

  "a note of each kind is passed on once, refusals a few times": async (world) => {
    const { spool } = world;
    await spool.acceptEnvelope(envelope(5));
    expect(await spool.passOn(sixteen(5), "accepted", note(1))).toBe(true);
    expect(await spool.passOn(sixteen(5), "accepted", note(1))).toBe(false);
    expect(await spool.passOn(sixteen(5), "final", note(2))).toBe(true);
    await world.crash();
    expect(await world.spool.passOn(sixteen(5), "final", note(2))).toBe(false);
    const refusals = [];
    for (let i = 0; i < 9; i++) refusals.push(await world.spool.passOn(sixteen(5), "refusal", note(i)));
    expect(refusals.filter(Boolean)).toHaveLength(3);
    expect(await world.spool.passOn(sixteen(6), "final", note(3))).toBe(false);
    expect(await world.ready(99, "radio", 7)).toHaveLength(5);
  },

  "a submission for here and elsewhere is one commit": async (world) => {
    await expect(world.spool.acceptMessages([message(1), message(1)], [delivery(1)])).rejects.toThrow();
    expect((await world.spool.dueDeliveries(9)).due).toEqual([]);
    await world.spool.acceptMessages([message(1)], [delivery(1)]);
    await world.crash();
    expect((await world.spool.dueDeliveries(9)).due).toHaveLength(1);
    expect(await world.ready()).toHaveLength(1);
  },
};
