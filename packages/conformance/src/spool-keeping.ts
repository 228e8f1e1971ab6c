import { expect } from "vitest";
import {
  arrival,
  content,
  delivery,
  envelope,
  HOUR_MS,
  hop,
  message,
  same,
  sixteen,
} from "./spool-samples.js";
import type { SpoolCases } from "./spool-world.js";

export const keepingCases: SpoolCases = {
  "a submission is kept whole, each message with its leg": async (world) => {
    const { spool } = world;
    await spool.acceptMessages([message(1, { submissionId: "S" }), message(2, { submissionId: "S" })]);
    const [second, first] = await spool.listMessages({ submissionId: "S", limit: 10 });
    const { body, hop: _, ...expected } = message(1, { submissionId: "S" });
    expect(first).toEqual({
      ...expected,
      acceptedAtMs: spool.nowMs(),
      deadlineMs: spool.nowMs() + 24 * HOUR_MS,
      bodyBytes: 100,
      envelopeId: null,
      end: null,
      endedAtMs: null,
      detail: "",
    });
    expect(second?.key.sequence).toBe(2);
    expect(await spool.messageBody(message(1).key)).toEqual(body);
    const things = (await world.ready()).map((leg) => leg.what);
    expect(things).toEqual([1, 2].map((sequence) => ({ kind: "message", key: message(sequence).key })));
    expect((await spool.stats()).waitingCount).toEqual([0, 0, 2, 0]);
  },

  "nothing of a submission is kept of which one message cannot be": async ({ spool }) => {
    await spool.acceptMessages([message(1)]);
    await expect(spool.acceptMessages([message(2), message(1)])).rejects.toThrow();
    expect(await spool.message(message(2).key)).toBeNull();
    expect((await spool.stats()).waitingCount).toEqual([0, 0, 1, 0]);
    expect((await spool.stats()).waitingBytes).toBe(100);
  },

  "one failing call does not take its company along": async ({ spool }) => {
    await spool.acceptMessages([message(1)]);
    const calls = [message(2), message(1, { body: content(70_000) }), message(3)].map((one) =>
      spool.acceptMessages([one]),
    );
    const outcomes = (await Promise.allSettled(calls)).map((outcome) => outcome.status);
    expect(outcomes).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await spool.listMessages({ limit: 9 })).map((one) => one.key.sequence)).toEqual([3, 2, 1]);
  },

  "bodies of any size come back as they were": async ({ spool }) => {
    const sizes = [0, 1, 65_536, 65_537, 1_000_000];
    for (const [index, byteCount] of sizes.entries()) {
      const body = content(byteCount, index);
      await spool.acceptMessages([message(index, { body })]);
      await spool.acceptEnvelope(envelope(50 + index, { payload: body }));
      await spool.acceptArrival(arrival(60 + index, [delivery(index, { body })]));
      expect(same(await spool.messageBody(message(index).key), body)).toBe(true);
      expect(same(await spool.envelopePayload(sixteen(50 + index)), body)).toBe(true);
      const [newest] = await spool.listDeliveries({ limit: 1 });
      expect(same(await spool.deliveryBody(newest?.deliveryId ?? -1), body)).toBe(true);
    }
    expect((await spool.stats()).waitingBytes).toBe(3 * sizes.reduce((sum, one) => sum + one, 0));
    expect(await spool.messageBody(message(77).key)).toBeNull();
    expect(await spool.envelopePayload(sixteen(77))).toBeNull();
    expect(await spool.deliveryBody(77)).toBeNull();
  },

  "an envelope is kept once, also after it has gone on": async (world) => {
    const { spool } = world;
    expect(await spool.acceptEnvelope(envelope(5))).toBe("kept");
    expect(await spool.acceptEnvelope(envelope(5, { from: sixteen(8) }))).toBe("already-held");
    const { payload, hops: _, ...expected } = envelope(5);
    expect(await spool.envelope(sixteen(5))).toEqual({
      ...expected,
      payloadBytes: payload.length,
      keptAtMs: spool.nowMs(),
      deadlineMs: spool.nowMs() + 23 * HOUR_MS,
    });
    expect(await spool.seen(sixteen(5))).toEqual({ from: sixteen(7), ackCommitment: sixteen(6) });
    expect(await spool.seen(sixteen(6))).toBeNull();
    await spool.settleLeg((await world.firstLeg()).legId, { outcome: "taken" });
    expect(await spool.envelope(sixteen(5))).toBeNull();
    expect(await spool.acceptEnvelope(envelope(5))).toBe("already-held");
  },

  "an envelope that was not planned is refused": async ({ spool }) => {
    const unplanned = spool.acceptEnvelope(envelope(5, { hops: [] }));
    await expect(unplanned).rejects.toMatchObject({ code: "EST_INVARIANT" });
    expect(await spool.seen(sixteen(5))).toBeNull();
    expect((await spool.stats()).waitingBytes).toBe(0);
  },

  "an arrival is kept once, with its notes": async (world) => {
    const { spool } = world;
    const note = { hop: hop("radio", 7), bytes: content(33), lifetimeMs: HOUR_MS };
    expect((await spool.acceptArrival(arrival(5, [delivery(1)], [note]))).outcome).toBe("kept");
    expect((await spool.acceptArrival(arrival(5, [delivery(2)], [note]))).outcome).toBe("already-held");
    expect(await spool.listDeliveries({ limit: 10 })).toHaveLength(1);
    const notes = await world.ready(10, "radio", 7);
    expect(notes.map((leg) => leg.what)).toMatchObject([{ kind: "note", bytes: content(33) }]);
    expect(await spool.seen(sixteen(5))).toEqual({ from: sixteen(7), ackCommitment: null });
    await spool.settleLeg(notes[0]?.legId ?? -1, { outcome: "taken" });
    expect(await world.ready(10, "radio", 7)).toEqual([]);
  },

  "a note of more than 256 bytes is refused": async ({ spool }) => {
    await spool.addNotes([{ hop: hop(), bytes: content(256), lifetimeMs: HOUR_MS }]);
    const tooLong = spool.addNotes([{ hop: hop(), bytes: content(257), lifetimeMs: HOUR_MS }]);
    await expect(tooLong).rejects.toMatchObject({ code: "EST_INVARIANT" });
  },

  "a message reaches a recipient once, whatever envelope brings it": async ({ spool }) => {
    await spool.acceptArrival(arrival(5, [delivery(1, { to: ["a", "b"] })]));
    await spool.acceptArrival(arrival(6, [delivery(1, { to: ["b", "c"] })]));
    await spool.acceptArrival({ envelope: null, deliveries: [delivery(1, { to: ["a"] })], notes: [] });
    const pending = (await spool.listDeliveries({ limit: 10 })).map((one) => one.pending);
    expect(pending).toEqual([["c"], ["a", "b"]]);
  },

  "composed messages give way to their envelope": async (world) => {
    const { spool } = world;
    await spool.acceptMessages([message(1), message(2), message(3)]);
    const keys = [message(1).key, message(3).key];
    await spool.compose({ messages: keys, envelope: envelope(9, { from: null }) });
    expect((await world.ready()).map((leg) => leg.what.kind)).toEqual(["envelope", "message"]);
    expect((await spool.message(message(1).key))?.envelopeId).toEqual(sixteen(9));
    expect(await spool.messageBody(message(1).key)).toBeNull();
    expect(await spool.seen(sixteen(9))).toMatchObject({ from: null });
    expect(await spool.stats()).toMatchObject({ waitingCount: [0, 0, 2, 0], waitingBytes: 400 });
    expect((await spool.messagesFor(sixteen(2), 10)).map((one) => one.key.sequence)).toEqual([2]);
  },

  "nothing is composed when one of the messages no longer waits": async ({ spool }) => {
    await spool.acceptMessages([message(1), message(2)]);
    await spool.endMessage(message(2).key, "deleted", "by the operator");
    const keys = [message(1).key, message(2).key];
    const composed = spool.compose({ messages: keys, envelope: envelope(9) });
    await expect(composed).rejects.toMatchObject({ code: "EST_PROTOCOL_STATE" });
    expect(await spool.envelope(sixteen(9))).toBeNull();
    expect(await spool.messageBody(message(1).key)).toEqual(message(1).body);
    const [leg] = await spool.legsOf({ key: message(1).key });
    expect(leg?.hop).toEqual(hop());
  },

  "small named values are kept, replaced and removed": async ({ spool }) => {
    expect(await spool.getState("pair")).toBeNull();
    await spool.putState("pair", content(32));
    await spool.putState("pair", content(65_536));
    expect(same(await spool.getState("pair"), content(65_536))).toBe(true);
    await expect(spool.putState("pair", content(65_537))).rejects.toThrow();
    await spool.putState("pair", null);
    await spool.putState("pair", null);
    expect(await spool.getState("pair")).toBeNull();
  },
};
