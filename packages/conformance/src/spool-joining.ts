import type { Leg, MessageRecord, NewMessage } from "@estafette/spool";
import { expect } from "vitest";
import { content, envelope, HOUR_MS, hop, message, sixteen } from "./spool-samples.js";
import type { SpoolCases, SpoolWorld } from "./spool-world.js";

const PLENTY = { limit: 99, bodyBytesMax: 1_000_000 };
const SEALED = (sequence: number) => content(70 + sequence, sequence + 40);
const STATE = { code: "EST_PROTOCOL_STATE" };

async function legOf({ spool }: SpoolWorld, sequence: number): Promise<Leg> {
  const [leg] = await spool.legsOf({ key: message(sequence).key });
  if (leg === undefined) throw new Error(`message ${sequence} has a leg`);
  return leg;
}

/** Sequences of what may be joined with a message. */
async function joined(world: SpoolWorld, sequence: number, limits = PLENTY): Promise<readonly number[]> {
  const found = await world.spool.companions(await legOf(world, sequence), limits);
  for (const { leg, record } of found) expect(leg.what).toEqual({ kind: "message", key: record.key });
  return found.map(({ record }) => record.key.sequence);
}

/** Messages of these sequences in envelope 9, which goes over two hops. */
async function batch({ spool }: SpoolWorld, changes: readonly Partial<NewMessage>[]): Promise<void> {
  const messages = changes.map((change, index) => message(index + 1, change));
  await spool.acceptMessages(messages);
  const hops = [hop("radio", 1), hop("radio", 2)];
  const keys = messages.map((one) => one.key);
  await spool.compose({ messages: keys, envelope: envelope(9, { from: null, hops }) });
}

const returning = (...sequences: readonly number[]) =>
  sequences.map((sequence) => ({
    key: message(sequence).key,
    body: SEALED(sequence),
    hop: hop("satellite", 4),
  }));

function ends(records: readonly MessageRecord[]) {
  return records.map((record) => [record.key.sequence, record.end] as const);
}

export const joiningCases: SpoolCases = {
  "what waits for the same hop, destination, mode and class may be joined": async (world) => {
    await world.spool.acceptMessages([
      message(1),
      message(2, { hop: hop("radio", 8) }),
      message(3, { hop: hop("satellite") }),
      message(4, { destination: sixteen(3) }),
      message(5, { mode: "exit" }),
      message(6, { class: "bulk" }),
      message(7, { from: "eva@ship.example" }),
      message(8, { hop: hop(null) }),
    ]);
    await world.spool.addNotes([{ hop: hop(), bytes: content(9), lifetimeMs: HOUR_MS }]);
    expect(await joined(world, 1)).toEqual([1, 7]);
    expect(await joined(world, 5)).toEqual([5]);
    expect(await joined(world, 8)).toEqual([]);
    const [note] = (await world.ready()).filter((leg) => leg.what.kind === "note");
    expect(note && (await world.spool.companions(note, PLENTY))).toEqual([]);
  },

  "the one asked for comes first, then nearest deadline, then what came first": async (world) => {
    const lifetimes = [9, 5, 7, 5, 9].map((hours, index) =>
      message(index + 1, { lifetimeMs: hours * HOUR_MS }),
    );
    await world.spool.acceptMessages(lifetimes);
    expect(await joined(world, 3)).toEqual([3, 2, 4, 1, 5]);
    expect(await joined(world, 3, { ...PLENTY, limit: 3 })).toEqual([3, 2, 4]);
    expect(await joined(world, 3, { ...PLENTY, limit: 1 })).toEqual([3]);
  },

  "as many are joined as their bodies fit, and always the first": async (world) => {
    await world.spool.acceptMessages([1, 2, 3].map((sequence) => message(sequence)));
    expect(await joined(world, 2, { ...PLENTY, bodyBytesMax: 200 })).toEqual([2, 1]);
    expect(await joined(world, 2, { ...PLENTY, bodyBytesMax: 199 })).toEqual([2]);
    expect(await joined(world, 2, { ...PLENTY, bodyBytesMax: 0 })).toEqual([2]);
  },

  "what ended, waits for a retry, was composed or is past its deadline is not joined": async (world) => {
    const { spool, clock } = world;
    await spool.acceptMessages([1, 2, 3, 4].map((sequence) => message(sequence)));
    await spool.acceptMessages([message(5, { lifetimeMs: HOUR_MS })]);
    const gone = await legOf(world, 2);
    await spool.endMessage(message(2).key, "deleted", "");
    const atMs = spool.nowMs() + 2 * HOUR_MS;
    await spool.settleLeg((await legOf(world, 3)).legId, { outcome: "retry", atMs, why: "" });
    await spool.compose({ messages: [message(4).key], envelope: envelope(9, { from: null }) });
    clock.advance(HOUR_MS);
    expect(await joined(world, 1)).toEqual([1]);
    expect(await spool.companions(gone, PLENTY)).toEqual([]);
    clock.advance(HOUR_MS);
    await spool.promote();
    expect(await joined(world, 1)).toEqual([1, 3]);
  },

  "companions follow their messages to another hop": async (world) => {
    await world.spool.acceptMessages([1, 2, 3].map((sequence) => message(sequence)));
    await world.spool.replan((await legOf(world, 2)).legId, hop("satellite"));
    expect(await joined(world, 1)).toEqual([1, 3]);
    expect(await joined(world, 2)).toEqual([2]);
  },

  "an envelope taken apart gives its messages back, with the bodies given": async (world) => {
    const { spool, clock } = world;
    await batch(world, [{ lifetimeMs: 2 * HOUR_MS }, { class: "normal" }]);
    clock.advance(HOUR_MS);
    expect(await spool.decompose(sixteen(9), returning(1, 2))).toBe(true);
    expect(await spool.envelope(sixteen(9))).toBeNull();
    expect(await spool.legsOf({ id: sixteen(9) })).toEqual([]);
    for (const sequence of [1, 2]) {
      expect(await spool.messageBody(message(sequence).key)).toEqual(SEALED(sequence));
      const record = await spool.message(message(sequence).key);
      expect(record).toMatchObject({ envelopeId: null, end: null, bodyBytes: 70 + sequence });
    }
    const legs = await world.ready(9, "satellite", 4);
    expect(legs.map((leg) => [leg.what, leg.deadlineMs - spool.nowMs(), leg.attempts])).toEqual([
      [{ kind: "message", key: message(1).key }, HOUR_MS, 0],
      [{ kind: "message", key: message(2).key }, 23 * HOUR_MS, 0],
    ]);
    expect(await joined(world, 2)).toEqual([2, 1]);
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 2, 0], waitingBytes: 71 + 72 });
    expect(await spool.decompose(sixteen(9), returning(1, 2))).toBe(false);
    await spool.compose({
      messages: [message(1).key, message(2).key],
      envelope: envelope(10, { from: null }),
    });
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 1, 0], waitingBytes: 300 });
  },

  "an envelope is not taken apart while one of its open messages is left out": async (world) => {
    const { spool } = world;
    await batch(world, [{}, {}, {}]);
    await expect(spool.decompose(sixteen(9), returning(1, 3))).rejects.toMatchObject(STATE);
    expect(await spool.envelopePayload(sixteen(9))).toEqual(envelope(9).payload);
    expect(await spool.legsOf({ id: sixteen(9) })).toHaveLength(2);
    expect(await world.ready(9, "satellite", 4)).toEqual([]);
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 1, 0], waitingBytes: 300 });
    await spool.endMessage(message(2).key, "deleted", "");
    expect(await spool.decompose(sixteen(9), returning(1, 3))).toBe(true);
  },

  "what ended meanwhile stays ended, what is elsewhere stays there": async (world) => {
    const { spool } = world;
    await batch(world, [{}, {}]);
    await spool.acceptMessages([message(7)]);
    await spool.endMessage(message(1).key, "delivered", "receipt");
    expect(await spool.decompose(sixteen(9), returning(1, 2, 7, 8, 2))).toBe(true);
    expect(await spool.message(message(1).key)).toMatchObject({ end: "delivered", detail: "receipt" });
    expect(await spool.messageBody(message(1).key)).toBeNull();
    expect(await spool.messageBody(message(7).key)).toEqual(message(7).body);
    expect(await world.ready(9, "satellite", 4)).toHaveLength(1);
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 2, 0], waitingBytes: 72 + 100 });
  },

  "an envelope of somebody else is not taken apart": async ({ spool }) => {
    await spool.acceptEnvelope(envelope(5));
    await expect(spool.decompose(sixteen(5), [])).rejects.toMatchObject(STATE);
    expect(await spool.envelopePayload(sixteen(5))).toEqual(envelope(5).payload);
  },

  "taking apart happens whole or not at all, and is there after a crash": async (world) => {
    await batch(world, [{}, {}]);
    void world.spool.decompose(sixteen(9), returning(1, 2));
    await world.crash();
    const isHeld = (await world.spool.envelope(sixteen(9))) !== null;
    expect(await world.ready(9, "satellite", 4)).toHaveLength(isHeld ? 0 : 2);
    await world.spool.decompose(sixteen(9), returning(1, 2));
    await world.crash();
    expect(await world.spool.envelope(sixteen(9))).toBeNull();
    expect(await world.spool.messageBody(message(2).key)).toEqual(SEALED(2));
    expect(await world.ready(9, "satellite", 4)).toHaveLength(2);
  },

  "some messages of an envelope end, the others go on in it": async (world) => {
    const { spool } = world;
    await batch(world, [{}, {}, {}]);
    const keys = [message(3).key, message(1).key, message(8).key];
    expect(ends(await spool.settleMessages(keys, "delivered", "receipt"))).toEqual([
      [3, "delivered"],
      [1, "delivered"],
    ]);
    expect(await spool.settleMessages(keys, "refused", "late")).toEqual([]);
    expect(await spool.legsOf({ id: sixteen(9) })).toHaveLength(2);
    expect(await spool.untold(9)).toEqual([]);
    const last = [message(2).key, message(2).key];
    expect(ends(await spool.settleMessages(last, "refused", "no such user"))).toEqual([[2, "refused"]]);
    expect(await spool.envelope(sixteen(9))).toBeNull();
    expect(await spool.legsOf({ id: sixteen(9) })).toEqual([]);
    expect(await spool.untold(9)).toMatchObject([{ key: message(2).key, detail: "no such user" }]);
    expect((await spool.stats()).ended).toMatchObject({ delivered: 2, refused: 1 });
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 0, 0], waitingBytes: 0 });
  },

  "whoever refused some messages may have told their senders": async (world) => {
    await batch(world, [{}, {}]);
    await world.spool.settleMessages([message(1).key], "refused", "no such user", true);
    expect(await world.spool.untold(9)).toEqual([]);
    await world.spool.settleMessages([message(2).key], "refused", "no such user");
    expect(await world.spool.untold(9)).toHaveLength(1);
  },

  "ends of some messages survive a crash, whole or not at all": async (world) => {
    await batch(world, [{}, {}, {}]);
    const keys = [message(1).key, message(2).key];
    void world.spool.settleMessages(keys, "refused", "no");
    await world.crash();
    const open = (await world.spool.listMessages({ openOnly: true, limit: 9 })).length;
    expect([1, 3]).toContain(open);
    expect(await world.spool.untold(9)).toHaveLength(3 - open);
    await world.spool.settleMessages(keys, "refused", "no");
    await world.crash();
    expect(await world.spool.listMessages({ openOnly: true, limit: 9 })).toHaveLength(1);
    expect(await world.spool.untold(9)).toHaveLength(2);
  },

  "one message of a batch expires or is deleted, the rest is carried": async (world) => {
    const { spool, clock } = world;
    await batch(world, [{ lifetimeMs: HOUR_MS }, {}, {}]);
    clock.advance(HOUR_MS);
    expect(ends((await spool.expire(9)).messages)).toEqual([[1, "expired"]]);
    await spool.endMessage(message(2).key, "deleted", "");
    expect(await spool.untold(9)).toMatchObject([{ key: message(1).key, end: "expired" }]);
    const [first, second] = await spool.legsOf({ id: sixteen(9) });
    await spool.settleLeg(first?.legId ?? -1, { outcome: "taken" });
    await spool.settleLeg(second?.legId ?? -1, { outcome: "taken" });
    const { ended } = await spool.stats();
    expect(ended).toMatchObject({ expired: 1, deleted: 1, forwarded: 1, refused: 0 });
  },
};
