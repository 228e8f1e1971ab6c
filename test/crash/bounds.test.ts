import { statSync } from "node:fs";
import { join } from "node:path";
import { samples } from "@estafette/conformance";
import { SPOOL_LIMITS } from "@estafette/spool";
import { afterEach, describe, expect, it } from "vitest";
import { Shelf, sequences } from "./shelf.js";

const shelf = new Shelf();
const original = { ...SPOOL_LIMITS };
afterEach(() => {
  Object.assign(SPOOL_LIMITS, original);
  shelf.clear();
});

/** Bounds of millions, brought within reach of a test. */
function narrow(changes: Partial<Record<keyof typeof SPOOL_LIMITS, number>>): void {
  Object.assign(SPOOL_LIMITS, changes);
}

const { arrival, content, delivery, envelope, HOUR_MS, message, sixteen } = samples;

describe("what grows has a bound", () => {
  it("history: the oldest go, their count stays", async () => {
    narrow({ historyRowsMax: 5 });
    const store = await shelf.store(shelf.directory());
    for (let sequence = 1; sequence <= 12; sequence++) {
      await store.acceptMessages([message(sequence)]);
      await store.endMessage(message(sequence).key, "delivered", "");
      await store.acceptArrival(arrival(sequence, [delivery(sequence)]));
      const [due] = (await store.dueDeliveries(1)).due;
      const result = { delivered: due?.to ?? [], refused: [], retryAtMs: null, detail: "" };
      await store.settleDelivery(due?.deliveryId ?? -1, result);
      shelf.clock.advance(1_000);
    }
    expect(sequences(await store.listMessages({ limit: 99 }))).toEqual([8, 9, 10, 11, 12]);
    expect(sequences(await store.listDeliveries({ limit: 99 }))).toEqual([8, 9, 10, 11, 12]);
    expect((await store.stats()).ended.delivered).toBe(12);
    // Forgotten in the history, and still never delivered a second time.
    await store.acceptArrival(arrival(100, [delivery(1)]));
    expect((await store.dueDeliveries(9)).due).toEqual([]);
  });

  it("seen ids are remembered beyond their lifetime, then forgotten, and the watermark says so", async () => {
    const store = await shelf.store(shelf.directory());
    await store.acceptEnvelope(envelope(5, { lifetimeMs: HOUR_MS, ageMs: 0 }));
    const forgottenAtMs = store.nowMs() + HOUR_MS + SPOOL_LIMITS.seenMarginMs;
    shelf.clock.advance(HOUR_MS + SPOOL_LIMITS.seenMarginMs - 1);
    await store.expire(9);
    expect(await store.seen(sixteen(5))).not.toBeNull();
    expect(await store.seenWatermarkMs()).toBe(0);
    shelf.clock.advance(SPOOL_LIMITS.forgetEveryMs);
    await store.expire(9);
    expect(await store.seen(sixteen(5))).toBeNull();
    expect(await store.seenWatermarkMs()).toBe(forgottenAtMs);
  });

  it("seen ids above their number: the one nearest to its end goes", async () => {
    narrow({ seenRowsMax: 3 });
    const store = await shelf.store(shelf.directory());
    for (const [id, hours] of [
      [1, 9],
      [2, 4],
      [3, 8],
      [4, 7],
    ] as const) {
      await store.acceptEnvelope(envelope(id, { lifetimeMs: hours * HOUR_MS, ageMs: 0 }));
    }
    const seen = await Promise.all([1, 2, 3, 4].map((id) => store.seen(sixteen(id))));
    expect(seen.map((one) => one !== null)).toEqual([true, false, true, true]);
    expect(await store.seenWatermarkMs()).toBeGreaterThan(0);
  });

  it("unfinished payloads above their number: the one left longest goes", async () => {
    narrow({ partialsMax: 3 });
    const store = await shelf.store(shelf.directory());
    for (let id = 1; id <= 5; id++) {
      await store.writePartial(sixteen(id), 10, 0, content(5));
      await store.flush();
      shelf.clock.advance(1_000);
    }
    const held = await Promise.all([1, 2, 3, 4, 5].map((id) => store.partial(sixteen(id))));
    expect(held.map((one) => one !== null)).toEqual([false, false, true, true, true]);
    shelf.clock.advance(SPOOL_LIMITS.partialIdleMsMax);
    await store.expire(9);
    expect((await store.stats()).partialBytes).toBe(0);
  });

  it("named values above their number are refused", async () => {
    narrow({ stateNamesMax: 2 });
    const store = await shelf.store(shelf.directory());
    await store.putState("a", content(1));
    await store.putState("b", content(1));
    await expect(store.putState("c", content(1))).rejects.toMatchObject({ code: "EST_INVARIANT" });
    await store.putState("a", null);
    await store.putState("c", content(1));
  });

  it("the write-ahead log is cut when it reached its bound", async () => {
    const directory = shelf.directory();
    const store = await shelf.store(directory);
    let largest = 0;
    for (let sequence = 0; sequence < 60; sequence++) {
      await store.acceptMessages([message(sequence, { body: content(60_000) })]);
      largest = Math.max(largest, statSync(join(directory, "spool.db-wal")).size);
    }
    expect(largest).toBeLessThan(2 * SPOOL_LIMITS.walBytesMax);
  });

  it("one call never returns more rows than its bound", async () => {
    narrow({ rowsPerCallMax: 3 });
    const store = await shelf.store(shelf.directory());
    await store.acceptMessages([1, 2, 3, 4, 5].map((sequence) => message(sequence)));
    expect(await store.listMessages({ limit: 1e9 })).toHaveLength(3);
    expect(await store.legs({ link: "radio", afterLegId: 0, limit: 1e9 })).toHaveLength(3);
    shelf.clock.advance(48 * HOUR_MS);
    expect((await store.expire(1e9)).messages).toHaveLength(3);
  });

  it("what is longer than it may be is refused, and nothing of it stays", async () => {
    const store = await shelf.store(shelf.directory());
    const tooMany = Array.from({ length: SPOOL_LIMITS.recipientsMax + 1 }, (_, index) => `${index}@x`);
    const refused = [
      message(1, { to: tooMany }),
      message(2, { to: ["x".repeat(SPOOL_LIMITS.wordCharsMax + 1)] }),
      message(3, { lifetimeMs: SPOOL_LIMITS.lifetimeMsMax + 1 }),
      message(4, { lifetimeMs: Number.NaN }),
      message(5, { destination: new Uint8Array(15) }),
      message(6, { body: new Uint8Array(SPOOL_LIMITS.bodyBytesMax + 1) }),
      message(7, { hop: { link: "x".repeat(SPOOL_LIMITS.wordCharsMax + 1), neighbour: sixteen(1) } }),
    ];
    for (const one of refused) {
      await expect(store.acceptMessages([one])).rejects.toMatchObject({ code: "EST_INVARIANT" });
    }
    expect((await store.stats()).waitingBytes).toBe(0);
    expect(await store.listMessages({ limit: 9 })).toEqual([]);
  });
});
