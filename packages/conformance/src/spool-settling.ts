import type { EndState, LegOutcome, LegSettled, MessageRecord } from "@estafette/spool";
import { expect } from "vitest";
import { arrival, content, delivery, envelope, HOUR_MS, hop, message, sixteen } from "./spool-samples.js";
import type { SpoolCases, SpoolWorld } from "./spool-world.js";

const TAKEN: LegOutcome = { outcome: "taken" };
const REFUSED: LegOutcome = { outcome: "refused", why: "never here" };

/** Two messages composed into envelope 9 that goes over two hops; the second may ask for a receipt. */
async function batch({ spool }: SpoolWorld, receipt = false): Promise<readonly [number, number]> {
  await spool.acceptMessages([message(1), message(2, { receipt })]);
  const hops = [hop("radio", 1), hop("radio", 2)];
  const keys = [message(1).key, message(2).key];
  await spool.compose({ messages: keys, envelope: envelope(9, { from: null, hops }) });
  const [first, second] = await spool.legsOf({ id: sixteen(9) });
  return [first?.legId ?? -1, second?.legId ?? -1];
}

const NOTHING: LegSettled = { ended: [], cancelled: [] };

function ends(records: readonly MessageRecord[]): (readonly [number, EndState | null])[] {
  return records.map((record) => [record.key.sequence, record.end] as const);
}

export const settlingCases: SpoolCases = {
  "messages end forwarded when the last copy is taken": async (world) => {
    const { spool } = world;
    const [first, second] = await batch(world);
    expect(await spool.settleLeg(first, TAKEN)).toEqual(NOTHING);
    expect(await spool.envelope(sixteen(9))).not.toBeNull();
    expect(ends((await spool.settleLeg(second, TAKEN)).ended)).toEqual([
      [1, "forwarded"],
      [2, "forwarded"],
    ]);
    expect(await spool.envelope(sixteen(9))).toBeNull();
    expect(await spool.settleLeg(second, TAKEN)).toEqual(NOTHING);
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 0, 0], waitingBytes: 0 });
    expect((await spool.stats()).ended).toMatchObject({ forwarded: 2, refused: 0 });
  },

  "messages end refused when nobody took a copy": async (world) => {
    const [first, second] = await batch(world);
    expect(await world.spool.settleLeg(first, REFUSED)).toEqual(NOTHING);
    const { ended } = await world.spool.settleLeg(second, REFUSED);
    expect(ends(ended)).toEqual([
      [1, "refused"],
      [2, "refused"],
    ]);
    expect(ended[0]?.detail).toBe("never here");
    expect(await world.spool.envelope(sixteen(9))).toBeNull();
  },

  "one taker is enough, whoever refused before or after": async (world) => {
    const [first, second] = await batch(world);
    await world.spool.settleLeg(first, TAKEN);
    expect(ends((await world.spool.settleLeg(second, REFUSED)).ended)).toEqual([
      [1, "forwarded"],
      [2, "forwarded"],
    ]);
  },

  "the copy stays until the receipt": async (world) => {
    const { spool } = world;
    const [first, second] = await batch(world, true);
    await spool.settleLeg(first, REFUSED);
    expect(ends((await spool.settleLeg(second, TAKEN)).ended)).toEqual([[1, "forwarded"]]);
    expect(await spool.envelopePayload(sixteen(9))).toEqual(envelope(9).payload);
    expect(await spool.legsOf({ id: sixteen(9) })).toEqual([]);
    expect(ends(await spool.settleEnvelope(sixteen(9), "delivered", "receipt"))).toEqual([[2, "delivered"]]);
    expect(await spool.envelope(sixteen(9))).toBeNull();
    expect(await spool.settleEnvelope(sixteen(9), "delivered", "again")).toEqual([]);
  },

  "a receipt purges copies that have not left": async (world) => {
    await batch(world);
    expect(ends(await world.spool.settleEnvelope(sixteen(9), "refused", "no such user"))).toEqual([
      [1, "refused"],
      [2, "refused"],
    ]);
    expect(await world.spool.legs({ link: "radio", afterLegId: 0, limit: 9 })).toEqual([]);
  },

  "taken by the destination itself, the copies for other hops are cancelled": async (world) => {
    const { spool } = world;
    await spool.acceptMessages([message(1), message(2, { receipt: true })]);
    const hops = [hop("radio", 2), hop("satellite", 2), hop("radio", 7)];
    const keys = [message(1).key, message(2).key];
    await spool.compose({ messages: keys, envelope: envelope(9, { from: null, hops }) });
    const legs = await spool.legsOf({ id: sixteen(9) });
    const atMs = spool.nowMs() + HOUR_MS;
    await spool.settleLeg(legs[1]?.legId ?? -1, { outcome: "retry", atMs, why: "no answer" });
    const settled = await spool.settleLeg(legs[0]?.legId ?? -1, TAKEN);
    expect(ends(settled.ended)).toEqual([[1, "forwarded"]]);
    expect(settled.cancelled.map((leg) => [leg.legId, leg.hop])).toEqual([
      [legs[1]?.legId, hops[1]],
      [legs[2]?.legId, hops[2]],
    ]);
    expect(await spool.legsOf({ id: sixteen(9) })).toEqual([]);
    expect(await spool.promote()).toEqual({ hops: [], nextAtMs: null });
    expect(await spool.settleLeg(legs[2]?.legId ?? -1, REFUSED)).toEqual(NOTHING);
    expect(await spool.envelopePayload(sixteen(9))).toEqual(envelope(9).payload);
    await world.crash();
    expect(await world.spool.legsOf({ id: sixteen(9) })).toEqual([]);
    expect(ends(await world.spool.settleEnvelope(sixteen(9), "delivered", ""))).toEqual([[2, "delivered"]]);
  },

  "taken by another node, or refused by the destination, the other copies go on": async (world) => {
    const { spool } = world;
    for (const [id, neighbour, outcome] of [[5, 7, TAKEN] as const, [6, 2, REFUSED] as const]) {
      await spool.acceptEnvelope(envelope(id, { hops: [hop("radio", neighbour), hop("satellite", 2)] }));
      const [first, second] = await spool.legsOf({ id: sixteen(id) });
      expect(await spool.settleLeg(first?.legId ?? -1, outcome)).toEqual(NOTHING);
      expect(await spool.legsOf({ id: sixteen(id) })).toEqual([second]);
      expect(await spool.settleLeg(second?.legId ?? -1, TAKEN)).toEqual(NOTHING);
      expect(await spool.envelope(sixteen(id))).toBeNull();
    }
    expect(await spool.untold(9)).toEqual([]);
  },

  "a transit copy is released when taken, and when refused": async (world) => {
    const { spool } = world;
    for (const [id, outcome] of [[5, TAKEN] as const, [6, REFUSED] as const]) {
      await spool.acceptEnvelope(envelope(id));
      expect(await spool.settleLeg((await world.firstLeg()).legId, outcome)).toEqual(NOTHING);
      expect(await spool.envelope(sixteen(id))).toBeNull();
      expect(await spool.seen(sixteen(id))).not.toBeNull();
    }
  },

  "a message ends once": async (world) => {
    const { spool } = world;
    await spool.acceptMessages([message(1)]);
    const ended = await spool.endMessage(message(1).key, "deleted", "by the operator");
    expect(ended).toMatchObject({ end: "deleted", endedAtMs: spool.nowMs(), detail: "by the operator" });
    expect(await spool.endMessage(message(1).key, "delivered", "late")).toBeNull();
    expect(await spool.endMessage(message(2).key, "deleted", "unknown")).toBeNull();
    expect(await spool.message(message(1).key)).toEqual(ended);
    expect(await spool.messageBody(message(1).key)).toBeNull();
    expect(await world.ready()).toEqual([]);
    expect((await spool.stats()).ended).toMatchObject({ deleted: 1, delivered: 0 });
  },

  "the last message of a batch takes the copy along": async (world) => {
    await batch(world);
    await world.spool.endMessage(message(1).key, "deleted", "");
    expect(await world.spool.legsOf({ id: sixteen(9) })).toHaveLength(2);
    await world.spool.endMessage(message(2).key, "delivered", "");
    expect(await world.spool.envelope(sixteen(9))).toBeNull();
  },

  "an uncomposed message can be refused or taken by its leg": async (world) => {
    for (const [sequence, outcome] of [[1, REFUSED] as const, [2, TAKEN] as const]) {
      await world.spool.acceptMessages([message(sequence)]);
      const { ended } = await world.spool.settleLeg((await world.firstLeg()).legId, outcome);
      expect(ends(ended)).toEqual([[sequence, outcome.outcome === "taken" ? "forwarded" : "refused"]]);
    }
  },

  "what is past its deadline ends and is told": async (world) => {
    const { spool, clock } = world;
    await spool.acceptMessages([message(1, { lifetimeMs: HOUR_MS }), message(2)]);
    await spool.acceptEnvelope(envelope(5, { lifetimeMs: 2 * HOUR_MS }));
    await spool.acceptEnvelope(envelope(6));
    await spool.acceptArrival(arrival(7, [delivery(1, { lifetimeMs: HOUR_MS }), delivery(2)]));
    await spool.addNotes([{ hop: hop(), bytes: content(3), lifetimeMs: HOUR_MS }]);
    expect(await spool.expire(9)).toEqual({ messages: [], envelopes: [], deliveries: [] });
    clock.advance(HOUR_MS);
    const expired = await spool.expire(9);
    expect(ends(expired.messages)).toEqual([[1, "expired"]]);
    expect(expired.envelopes.map((one) => one.id)).toEqual([sixteen(5)]);
    expect(expired.deliveries).toMatchObject([{ end: "expired", pending: ["anna@ship.example"] }]);
    expect(await spool.legs({ link: "radio", afterLegId: 0, limit: 9 })).toHaveLength(2);
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 3, 0], deliveriesPending: 1 });
    expect(await spool.expire(9)).toEqual({ messages: [], envelopes: [], deliveries: [] });
  },

  "expiry goes in portions": async ({ spool, clock }) => {
    await spool.acceptMessages([1, 2, 3].map((sequence) => message(sequence)));
    await spool.acceptEnvelope(envelope(5));
    clock.advance(24 * HOUR_MS);
    const counts: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { messages, envelopes, deliveries } = await spool.expire(2);
      counts.push(messages.length + envelopes.length + deliveries.length);
    }
    expect(counts).toEqual([2, 2, 0]);
  },

  "an envelope of ours ends with its messages": async (world) => {
    await batch(world);
    world.clock.advance(23 * HOUR_MS);
    const expired = await world.spool.expire(9);
    expect(ends(expired.messages)).toEqual([
      [1, "expired"],
      [2, "expired"],
    ]);
    expect(expired.envelopes).toEqual([]);
    expect(await world.spool.envelope(sixteen(9))).toBeNull();
  },
};
