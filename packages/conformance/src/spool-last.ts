import type { DeliveryRecord, NewNote, WhenLast } from "@estafette/spool";
import { expect } from "vitest";
import { arrival, content, delivery, HOUR_MS, hop, sixteen } from "./spool-samples.js";
import type { SpoolCases, SpoolWorld } from "./spool-world.js";

const ORIGIN = hop("radio", 7);
const ID = sixteen(5);
const note = (seed: number): NewNote => ({ hop: ORIGIN, bytes: content(33, seed), lifetimeMs: HOUR_MS });
const part = (place: number, changes = {}) => delivery(place + 1, { envelopeId: ID, place, ...changes });

/** Says one note per delivery, and remembers what it was asked with. */
function listening(): { readonly last: WhenLast; readonly heard: (readonly DeliveryRecord[])[] } {
  const heard: (readonly DeliveryRecord[])[] = [];
  const last: WhenLast = (deliveries) => {
    heard.push(deliveries);
    return deliveries.map((one) => note(one.place ?? 99));
  };
  return { last, heard };
}

async function handOver({ spool }: SpoolWorld, place: number, last: WhenLast, refused = false) {
  const found = (await spool.deliveriesOf(ID)).find((one) => one.place === place);
  const [who] = found?.pending ?? [];
  const to = who === undefined ? [] : [who];
  const outcome = refused ? { delivered: [], refused: to } : { delivered: to, refused: [] };
  return await spool.settleDelivery(found?.deliveryId ?? -1, {
    ...outcome,
    retryAtMs: null,
    detail: "so",
    last,
  });
}

async function notesThere(world: SpoolWorld): Promise<number> {
  return (await world.ready(99, "radio", 7)).length;
}

/** Deliveries of one envelope: kept one by one while it arrives, and what its origin is told when all have ended. */
export const lastCases: SpoolCases = {
  "the deliveries of an envelope are told in the order they came, ended or not": async (world) => {
    const { spool } = world;
    await spool.acceptArrival({ envelope: null, deliveries: [part(1), part(0)], notes: [] });
    await spool.acceptArrival(arrival(5, [part(0), part(1), part(2)]));
    await spool.acceptArrival(arrival(6, [delivery(9, { envelopeId: sixteen(6), place: null })]));
    await handOver(world, 0, () => []);
    const told = (await spool.deliveriesOf(ID)).map((one) => [one.place, one.key.sequence, one.end]);
    expect(told).toEqual([
      [1, 2, null],
      [0, 1, "delivered"],
      [2, 3, null],
    ]);
    expect((await spool.deliveriesOf(sixteen(6))).map((one) => one.place)).toEqual([null]);
    expect(await spool.deliveriesOf(sixteen(8))).toEqual([]);
    await world.restart();
    expect((await world.spool.deliveriesOf(ID)).map((one) => one.place)).toEqual([1, 0, 2]);
  },

  "when the last one has ended its origin is told of all, once": async (world) => {
    const { last, heard } = listening();
    await world.spool.acceptArrival(arrival(5, [part(0), part(1)]));
    expect((await handOver(world, 1, last, true)).noteHops).toEqual([]);
    expect(heard).toEqual([]);
    expect((await handOver(world, 0, last)).noteHops).toEqual([ORIGIN, ORIGIN]);
    expect(heard.map((all) => all.map((one) => [one.place, one.end]))).toEqual([
      [
        [0, "delivered"],
        [1, "refused"],
      ],
    ]);
    expect(await notesThere(world)).toBe(2);
    expect((await handOver(world, 0, last)).noteHops).toEqual([]);
    await world.spool.acceptArrival({ ...arrival(5, [part(0)]), last });
    expect(await notesThere(world)).toBe(2);
    await world.crash();
    expect(await notesThere(world)).toBe(2);
  },

  "nobody is told before the whole envelope is here": async (world) => {
    const { last, heard } = listening();
    const { spool } = world;
    await spool.acceptArrival({ envelope: null, deliveries: [part(0)], notes: [], last });
    expect((await handOver(world, 0, last)).noteHops).toEqual([]);
    const whole = await spool.acceptArrival({ ...arrival(5, [part(0), part(1)], [note(50)]), last });
    expect(whole).toEqual({ outcome: "kept", noteHops: [ORIGIN] });
    expect(heard).toEqual([]);
    expect((await handOver(world, 1, last)).noteHops).toHaveLength(2);
    expect(await notesThere(world)).toBe(3);
  },

  "an envelope that repeats what was handed over is told of with its arrival": async (world) => {
    const { last, heard } = listening();
    const { spool } = world;
    await spool.acceptArrival({ envelope: null, deliveries: [part(0), part(1)], notes: [] });
    await handOver(world, 0, last);
    await handOver(world, 1, last);
    const whole = await spool.acceptArrival({ ...arrival(5, [part(0), part(1)], [note(50)]), last });
    expect(whole).toEqual({ outcome: "kept", noteHops: [ORIGIN, ORIGIN, ORIGIN] });
    expect(heard).toHaveLength(1);
    const again = await spool.acceptArrival({ ...arrival(5, [part(0), part(1)], [note(50)]), last });
    expect(again).toEqual({ outcome: "already-held", noteHops: [] });
    expect(await notesThere(world)).toBe(3);
  },

  "telling of an expiry may be the last word": async (world) => {
    const { last, heard } = listening();
    const { spool, clock } = world;
    await spool.acceptArrival(arrival(5, [part(0), part(1, { lifetimeMs: HOUR_MS })]));
    await handOver(world, 0, last);
    clock.advance(HOUR_MS);
    await spool.expire(9);
    const [one] = await spool.untold(9);
    expect(one).toMatchObject({ kind: "delivery", end: "expired", envelopeId: ID });
    const telling = { untoldId: one?.untoldId ?? -1, messages: [], deliveries: [], notes: [], last };
    const told = await spool.tell({ ...telling, envelopeId: ID });
    expect(told).toEqual({ told: true, noteHops: [ORIGIN, ORIGIN] });
    expect(heard[0]?.map((d) => d.end)).toEqual(["delivered", "expired"]);
    expect(await spool.tell({ ...telling, envelopeId: ID })).toEqual({ told: false, noteHops: [] });
  },

  "the end and what is told of it are one commit": async (world) => {
    const { last } = listening();
    await world.spool.acceptArrival(arrival(5, [part(0)]));
    const [one] = await world.spool.deliveriesOf(ID);
    const settled = { delivered: one?.pending ?? [], refused: [], retryAtMs: null, detail: "", last };
    void world.spool.settleDelivery(one?.deliveryId ?? -1, settled);
    await world.crash();
    const [after] = await world.spool.deliveriesOf(ID);
    expect(await notesThere(world)).toBe(after?.end === null ? 0 : 1);
    const told = await world.spool.settleDelivery(after?.deliveryId ?? -1, settled);
    expect(told.noteHops).toHaveLength(after?.end === null ? 1 : 0);
    await world.crash();
    expect(await notesThere(world)).toBe(1);
  },

  "what goes wrong in telling leaves the delivery open": async (world) => {
    await world.spool.acceptArrival(arrival(5, [part(0)]));
    const long: WhenLast = () => [{ ...note(1), bytes: content(257) }];
    await expect(handOver(world, 0, long)).rejects.toMatchObject({ code: "EST_INVARIANT" });
    expect(await world.spool.deliveriesOf(ID)).toMatchObject([{ end: null, deliveredCount: 0 }]);
    expect(await notesThere(world)).toBe(0);
  },
};
