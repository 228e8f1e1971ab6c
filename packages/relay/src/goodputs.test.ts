import { describe, expect, it } from "vitest";
import { Backlogs } from "./backlogs.js";
import { Goodputs } from "./goodputs.js";
import { LIMITS } from "./limits.js";

const shore = new Uint8Array(16).fill(7);
const shoreHex = "07".repeat(16);

/** A store with a clock that stands still until told. */
class TestStore {
  time = 1_000;
  readonly values = new Map<string, Uint8Array>();
  writes = 0;
  nowMs = () => this.time;
  getState = async (name: string) => this.values.get(name) ?? null;
  putState = async (name: string, value: Uint8Array | null) => {
    this.writes += 1;
    if (value) this.values.set(name, value);
  };
}

const leg = (legId: number, link = "radio") => ({ legId, hop: { link, neighbour: shore } });

describe("learnt goodput", () => {
  it("counts a transfer from the verdict on the one before, and what was taken only", () => {
    const store = new TestStore();
    const goodputs = new Goodputs(store);
    for (const id of [1, 2, 3]) goodputs.began(id, 1_000);
    store.time += 10_000;
    goodputs.settled(leg(1), true);
    store.time += 10_000;
    goodputs.settled(leg(2), true);
    store.time += 5_000;
    goodputs.settled(leg(3), false);
    goodputs.settled(leg(99), true);
    const learnt = goodputs.of("radio").get(shoreHex);
    expect(learnt).toMatchObject({ sampleCount: 2, atMs: 21_000 });
    expect((learnt?.bytes ?? 0) / (learnt?.ms ?? 1)).toBeCloseTo(0.1);
    expect(goodputs.of("lan").size).toBe(0);
  });

  it("outlives a restart, is written once a minute and at the end", async () => {
    const store = new TestStore();
    const goodputs = new Goodputs(store);
    store.time = LIMITS.goodputStoreEveryMs;
    for (let id = 0; id < 5; id++) {
      goodputs.began(id, 1_000);
      store.time += 2_000;
      goodputs.settled(leg(id), true);
      await goodputs.store();
    }
    expect(store.writes).toBe(1);
    await goodputs.store(true);
    const again = new Goodputs(store);
    await again.restore();
    expect(again.of("radio").get(shoreHex)?.sampleCount).toBe(5);
  });

  it.each(["", "{", "[[1,2]]", '[["radio x",1,0,1,1]]', '[["radio x",-1,1,1,1]]', '[["radio x"]]', "7"])(
    "learns anew when what was kept reads %j",
    async (text) => {
      const store = new TestStore();
      store.values.set("goodput", new TextEncoder().encode(text));
      const goodputs = new Goodputs(store);
      await goodputs.restore();
      expect(goodputs.of("radio").size).toBe(0);
    },
  );

  it("stays within its bound and within one value of the store", async () => {
    const store = new TestStore();
    const goodputs = new Goodputs(store);
    for (let id = 0; id < LIMITS.goodputPairsMax + 10; id++) {
      goodputs.began(id, 123_456_789);
      store.time += 1_234_567;
      goodputs.settled(leg(id, `link-${String(id).padStart(27, "0")}`), true);
    }
    await goodputs.store(true);
    const kept = store.values.get("goodput") ?? new Uint8Array();
    expect(JSON.parse(new TextDecoder().decode(kept))).toHaveLength(LIMITS.goodputPairsMax);
    expect(kept.length).toBeLessThanOrEqual(65_536);
  });
});

describe("what waits for a link", () => {
  const note = (legId: number, ofClass: "flash" | "bulk", byteCount: number) => ({
    ...leg(legId),
    class: ofClass,
    deadlineMs: 0,
    attempts: 0,
    what: { kind: "note" as const, noteId: legId, bytes: new Uint8Array(byteCount) },
  });

  it("is counted by class, remembered for a while, and looked at no further than its bound", async () => {
    const store = new TestStore();
    let waiting = [note(1, "flash", 10), note(2, "bulk", 500), note(3, "bulk", 500)];
    let looks = 0;
    const legs = async ({ afterLegId, limit }: { afterLegId: number; limit: number }) => {
      looks += 1;
      return waiting.filter((l) => l.legId > afterLegId).slice(0, limit);
    };
    const source = { nowMs: store.nowMs, legs, message: async () => null, envelope: async () => null };
    const backlogs = new Backlogs(source, (error) => {
      throw error;
    });
    expect(backlogs.known("radio")).toEqual([0, 0, 0, 0]); // looks for the next one who asks
    await backlogs.look("radio");
    expect(backlogs.known("radio")).toEqual([10, 0, 0, 1_000]);
    const before = looks;
    backlogs.known("radio");
    expect(looks).toBe(before);
    waiting = Array.from({ length: 5_000 }, (_, index) => note(index + 1, "bulk", 1));
    await backlogs.look("radio");
    expect(backlogs.known("radio")[3]).toBe(LIMITS.backlogLegsMax);
  });
});
