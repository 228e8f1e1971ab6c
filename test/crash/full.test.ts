import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { samples } from "@estafette/conformance";
import { SPOOL_LIMITS, type Spool } from "@estafette/spool";
import { afterEach, describe, expect, it } from "vitest";
import { Shelf } from "./shelf.js";

const shelf = new Shelf();
afterEach(() => shelf.clear());

const { arrival, content, delivery, envelope, HOUR_MS, hop, message, sixteen } = samples;
const FULL = { code: "EST_OPERATING_DISK_FULL" };
const QUOTA_BYTES = 2 * 1024 * 1024;

/** Keeps messages until the store takes no more; returns how many it took. */
async function fill(store: Spool, bodyBytes: number, from = 1): Promise<number> {
  for (let sequence = from; sequence < from + 5_000; sequence++) {
    try {
      await store.acceptMessages([message(sequence, { body: content(bodyBytes, sequence) })]);
    } catch (error) {
      expect(error).toMatchObject(FULL);
      return sequence - from;
    }
  }
  throw new Error("the store has no end");
}

describe("a store that has reached its quota", () => {
  it.each([1_000, 40_000, 100_000])(
    "refuses bodies of %d bytes, settles, and recovers",
    async (bodyBytes) => {
      const store = await shelf.store(shelf.directory(), { quotaBytes: QUOTA_BYTES });
      const kept = await fill(store, bodyBytes);
      expect(kept).toBeGreaterThan(10);
      expect((await store.stats()).fill).toBeGreaterThan(0.85);
      await expect(store.acceptEnvelope(envelope(5, { payload: content(bodyBytes) }))).rejects.toMatchObject(
        FULL,
      );
      expect(await store.seen(sixteen(5))).toBeNull();
      await expect(
        store.acceptArrival(arrival(6, [delivery(1, { body: content(bodyBytes) })])),
      ).rejects.toMatchObject(FULL);

      // What frees space, and the small things that tell others, go on.
      await store.addNotes([{ hop: hop(), bytes: content(33), lifetimeMs: HOUR_MS }]);
      const composed = envelope(9, { from: null, payload: content(bodyBytes) });
      await store.compose({ messages: [message(1).key], envelope: composed });
      for (let sequence = 2; sequence <= kept; sequence++) {
        expect(await store.endMessage(message(sequence).key, "deleted", "")).not.toBeNull();
      }
      await store.settleEnvelope(sixteen(9), "delivered", "");
      expect((await store.stats()).waitingBytes).toBe(0);
      expect(await fill(store, bodyBytes, 10_000)).toBeGreaterThan(kept / 2);
      expect(await store.check()).toEqual([]);
    },
  );

  it("replaces small values, as long as they do not grow", async () => {
    const store = await shelf.store(shelf.directory(), { quotaBytes: QUOTA_BYTES });
    await store.putState("pair", content(3_000));
    await fill(store, 40_000);
    await fill(store, 100, 10_000);
    await expect(store.putState("another", content(3_000))).rejects.toMatchObject(FULL);
    await store.putState("pair", content(3_000, 2));
    await store.putState("pair", content(9, 3));
    expect(await store.getState("pair")).toEqual(content(9, 3));
    await expect(store.putState("pair", content(60_000))).rejects.toMatchObject(FULL);
    await store.putState("pair", null);
    expect(await store.getState("pair")).toBeNull();
  });

  it("refuses the growing call of a group and keeps its company", async () => {
    const store = await shelf.store(shelf.directory(), { quotaBytes: QUOTA_BYTES });
    const kept = await fill(store, 40_000);
    const outcomes = await Promise.allSettled([
      store.acceptMessages([message(9_001, { body: content(40_000) })]),
      store.endMessage(message(1).key, "deleted", ""),
      store.acceptMessages([message(9_002, { body: content(40_000) })]),
      store.settleLeg(2, { outcome: "retry", atMs: 1, why: "later" }),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect((await store.stats()).waitingCount[2]).toBe(kept - 1);
  });

  it("lets unfinished payloads have a part of it only; the one left longest gives way", async () => {
    const store = await shelf.store(shelf.directory(), { quotaBytes: QUOTA_BYTES });
    for (let id = 1; id <= 12; id++) {
      await store.writePartial(sixteen(id), 100_000, 0, content(90_000, id));
      await store.flush();
      shelf.clock.advance(1_000);
    }
    const share = QUOTA_BYTES * SPOOL_LIMITS.partialQuotaShare;
    expect((await store.stats()).partialBytes).toBeLessThanOrEqual(share);
    expect(await store.partial(sixteen(1))).toBeNull();
    expect(await store.partial(sixteen(12))).not.toBeNull();
    await store.acceptMessages([message(1, { body: content(100_000) })]);
  });

  it("tells who writes ranges that there is no room, if later", async () => {
    const store = await shelf.store(shelf.directory(), { quotaBytes: QUOTA_BYTES });
    await fill(store, 1_000);
    await store.writePartial(sixteen(1), 100_000, 0, content(90_000));
    await expect(store.flush()).rejects.toMatchObject(FULL);
    await store.flush();
    expect(await store.partial(sixteen(1))).toBeNull();
  });
});

describe("the ballast", () => {
  it("is set aside, and again when it was gone", async () => {
    const directory = shelf.directory();
    const first = await shelf.store(directory, { ballastBytes: 1_000_000 });
    expect(existsSync(join(directory, "ballast"))).toBe(true);
    await first.close();
    rmSync(join(directory, "ballast"));
    await shelf.store(directory, { ballastBytes: 1_000_000 });
    expect(existsSync(join(directory, "ballast"))).toBe(true);
  });

  it("is at least twice the write-ahead log", () => {
    expect(SPOOL_LIMITS.ballastBytes).toBeGreaterThanOrEqual(2 * SPOOL_LIMITS.walBytesMax);
  });
});

describe("a quota too small to hold anything", () => {
  it("is refused at the start", async () => {
    const opened = shelf.store(shelf.directory(), { quotaBytes: 1_000 });
    await expect(opened).rejects.toMatchObject({ code: "EST_CONFIG_VALUE" });
  });
});
