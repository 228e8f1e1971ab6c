import type { Leg } from "@estafette/spool";
import { expect } from "vitest";
import { content, envelope, HOUR_MS, hop, message, sixteen } from "./spool-samples.js";
import type { SpoolCases } from "./spool-world.js";

const FAR = new Uint8Array(16).fill(0xff);

/** Sequence of a message, or the kind of another thing. */
function names(legs: readonly Leg[]): (number | string)[] {
  return legs.map((leg) => (leg.what.kind === "message" ? leg.what.key.sequence : leg.what.kind));
}

export const carryingCases: SpoolCases = {
  "the urgent goes first, then what ends soonest, then what came first": async (world) => {
    const { spool } = world;
    await spool.acceptMessages([
      message(1, { class: "bulk" }),
      message(2, { lifetimeMs: 9 * HOUR_MS }),
      message(3, { lifetimeMs: 2 * HOUR_MS }),
      message(4, { class: "flash" }),
      message(5, { lifetimeMs: 2 * HOUR_MS }),
      message(6, { hop: hop("radio", 8) }),
      message(7, { hop: hop("satellite") }),
      message(8, { hop: hop(null) }),
    ]);
    await spool.addNotes([{ hop: hop(), bytes: content(9), lifetimeMs: HOUR_MS }]);
    expect(names(await world.ready())).toEqual([4, "note", 3, 5, 2, 1]);
    expect(names(await world.ready(3))).toEqual([4, "note", 3]);
    expect(names(await world.ready(0))).toEqual([]);
    expect(names(await world.ready(9, "satellite"))).toEqual([7]);
  },

  "what is past its deadline is not offered": async (world) => {
    await world.spool.acceptMessages([message(1, { lifetimeMs: HOUR_MS })]);
    world.clock.advance(HOUR_MS - 1);
    expect(names(await world.ready())).toEqual([1]);
    world.clock.advance(1);
    expect(names(await world.ready())).toEqual([]);
  },

  "legs move to another hop, page by page": async (world) => {
    const { spool } = world;
    await spool.acceptMessages([1, 2, 3].map((sequence) => message(sequence, { hop: hop(null) })));
    const [first] = await spool.legs({ link: null, afterLegId: 0, limit: 1 });
    const rest = await spool.legs({ link: null, afterLegId: first?.legId ?? 0, limit: 9 });
    expect(names(rest)).toEqual([2, 3]);
    for (const leg of rest) await spool.replan(leg.legId, hop("satellite", 4));
    expect(names(await world.ready(9, "satellite", 4))).toEqual([2, 3]);
    expect(names(await spool.legs({ link: null, afterLegId: 0, limit: 9 }))).toEqual([1]);
    expect(names(await spool.legs({ link: "satellite", afterLegId: 0, limit: 9 }))).toEqual([2, 3]);
    await spool.replan(987_654, hop());
  },

  "a leg waits until its time has come": async (world) => {
    const { spool, clock } = world;
    await spool.acceptMessages([message(1)]);
    const { legId } = await world.firstLeg();
    const atMs = spool.nowMs() + 60_000;
    expect(await spool.settleLeg(legId, { outcome: "retry", atMs, why: "no answer" })).toEqual({
      ended: [],
      cancelled: [],
    });
    expect(await world.ready()).toEqual([]);
    expect((await spool.message(message(1).key))?.detail).toBe("no answer");
    expect(await spool.promote()).toEqual({ hops: [], nextAtMs: atMs });
    clock.advance(60_000);
    expect(await spool.promote()).toEqual({ hops: [hop()], nextAtMs: null });
    expect(await world.firstLeg()).toMatchObject({ legId, attempts: 1 });
    await spool.settleLeg(legId, { outcome: "retry", atMs: spool.nowMs(), why: "at once" });
    expect(await world.firstLeg()).toMatchObject({ legId, attempts: 2 });
  },

  "promotion names each hop once and the next time": async ({ spool, clock }) => {
    await spool.acceptMessages([1, 2, 3].map((sequence) => message(sequence)));
    const startMs = spool.nowMs();
    for (const [index, leg] of (await spool.legs({ link: "radio", afterLegId: 0, limit: 9 })).entries()) {
      const atMs = startMs + (index < 2 ? 10 + index : 500);
      await spool.settleLeg(leg.legId, { outcome: "retry", atMs, why: "" });
    }
    clock.advance(100);
    expect(await spool.promote()).toEqual({ hops: [hop()], nextAtMs: startMs + 500 });
  },

  "envelopes and messages are found by destination and by prefix": async ({ spool }) => {
    await spool.acceptEnvelope(envelope(30, { destination: sixteen(4) }));
    await spool.acceptEnvelope(envelope(20, { destination: FAR }));
    await spool.acceptEnvelope(envelope(10, { destination: sixteen(4) }));
    const ids = async (prefix: Uint8Array, limit = 9) =>
      (await spool.envelopesFor(prefix, limit)).map((one) => one.id[0]);
    expect(await ids(sixteen(4))).toEqual([10, 30]);
    expect(await ids(sixteen(4), 1)).toEqual([10]);
    expect(await ids(new Uint8Array(0))).toEqual([10, 20, 30]);
    expect(await ids(FAR.subarray(0, 3))).toEqual([20]);
    expect(await ids(sixteen(5))).toEqual([]);
    await spool.acceptMessages([message(1), message(2, { destination: FAR })]);
    const sequences = async (prefix: Uint8Array) =>
      (await spool.messagesFor(prefix, 9)).map((one) => one.key.sequence);
    expect(await sequences(FAR)).toEqual([2]);
    expect(await sequences(new Uint8Array(0))).toEqual([1, 2]);
  },

  "the legs of one thing can be told": async ({ spool }) => {
    await spool.acceptMessages([message(1)]);
    await spool.acceptEnvelope(envelope(5, { hops: [hop("radio", 1), hop("satellite", 2)] }));
    expect(names(await spool.legsOf({ key: message(1).key }))).toEqual([1]);
    const hops = (await spool.legsOf({ id: sixteen(5) })).map((leg) => leg.hop);
    expect(hops).toEqual([hop("radio", 1), hop("satellite", 2)]);
    expect(await spool.legsOf({ id: sixteen(6) })).toEqual([]);
    expect(await spool.legsOf({ key: message(6).key })).toEqual([]);
  },

  "lists tell the newest first": async ({ spool }) => {
    await spool.acceptMessages([1, 2, 3].map((sequence) => message(sequence)));
    await spool.endMessage(message(2).key, "deleted", "");
    const sequences = async (filter: Parameters<typeof spool.listMessages>[0]) =>
      (await spool.listMessages(filter)).map((one) => one.key.sequence);
    expect(await sequences({ limit: 2 })).toEqual([3, 2]);
    expect(await sequences({ limit: 9, openOnly: true })).toEqual([3, 1]);
    expect(await sequences({ limit: 9, submissionId: "S-1" })).toEqual([1]);
    expect(await sequences({ limit: 9, submissionId: "S-2", openOnly: true })).toEqual([]);
    for (const id of [8, 5]) await spool.acceptEnvelope(envelope(id));
    expect((await spool.listEnvelopes(9)).map((one) => one.id[0])).toEqual([5, 8]);
  },
};
