import memoryPlugin, {
  createMemoryMedium,
  type MemoryProfile,
  memoryProfiles,
} from "@estafette/bearer-memory";
import type { Bearer, BearerHost, SendResult } from "@estafette/contract";
import { describe, expect, it, vi } from "vitest";
import { describeBearer } from "./bearer.js";
import type { BearerWorld } from "./bearer-world.js";
import { seededRng } from "./seeded-rng.js";
import { VirtualClock } from "./virtual-clock.js";

/** Titles of the suite's tests that failed, by planted defect. */
const caught = vi.hoisted(() => ({ defect: "", failed: new Map<string, string[]>() }));

// The suite's own tests run, but their failure is noted, not reported: here a failure is what we want.
vi.mock("./bearer-test.js", () => ({
  inWorld(
    setup: () => Promise<BearerWorld>,
    title: string,
    test: (world: BearerWorld, skip: (why: string) => never) => Promise<void>,
  ): void {
    const { defect } = caught;
    const failed: string[] = caught.failed.get(defect) ?? [];
    caught.failed.set(defect, failed);
    it(title, async ({ skip }) => {
      const world = await setup();
      let skipped: string | null = null;
      const stopHere = (why: string): never => {
        skipped = why;
        throw new Error(why);
      };
      await test(world, stopHere).catch(() => {
        if (skipped === null) failed.push(title);
      });
      await world.close();
      if (skipped !== null) skip(skipped);
    });
  },
}));

type Spoil = (bearer: Bearer, host: BearerHost) => Partial<Bearer>;

/** A bearer with one planted defect, the medium it lies on, and a test that must notice. */
const DEFECTS: readonly [string, MemoryProfile, Spoil | null, RegExp | null][] = [
  ["nothing", memoryProfiles.stream, null, null],
  ["nothing, with a mailbox", memoryProfiles.storeBuffer, null, null],
  [
    "throws for weather",
    memoryProfiles.stream,
    (bearer) => ({
      async send(parcel, signal) {
        const result = await bearer.send(parcel, signal);
        if (result.outcome === "deferred") throw new Error("no carrier");
        return result;
      },
    }),
    /a cut is weather/,
  ],
  [
    "truncates what is too large",
    memoryProfiles.stream,
    (bearer) => ({
      send(parcel, signal) {
        const bytes = parcel.bytes.slice(0, bearer.capabilities.parcelBytesMax);
        return bearer.send({ ...parcel, bytes }, signal);
      },
    }),
    /one more byte than the largest/,
  ],
  [
    "refuses the largest parcel",
    memoryProfiles.stream,
    (bearer) => ({
      async send(parcel, signal): Promise<SendResult> {
        const tooLarge = parcel.bytes.length >= bearer.capabilities.parcelBytesMax;
        return tooLarge ? { outcome: "refused", why: "too-large" } : bearer.send(parcel, signal);
      },
    }),
    /small and largest parcels pass/,
  ],
  [
    "claims an acknowledgement",
    memoryProfiles.stream,
    (bearer) => ({
      async send(parcel, signal): Promise<SendResult> {
        const result = await bearer.send(parcel, signal);
        return result.outcome === "sent" ? { outcome: "acknowledged" } : result;
      },
    }),
    /proves no more than was announced/,
  ],
  [
    "sends to anybody",
    memoryProfiles.stream,
    (bearer) => ({ send: (parcel, signal) => bearer.send({ ...parcel, to: "" }, signal) }),
    /a neighbour that does not exist/,
  ],
  [
    "confirms before it is settled",
    memoryProfiles.publishSubscribe,
    (bearer) => ({
      async *run(signal) {
        for await (const event of bearer.run(signal)) {
          if (event.type === "heard") await bearer.settle(event.parcelId, "accepted");
          yield event;
        }
      },
    }),
    /nothing is confirmed before/,
  ],
  [
    "can be run only once",
    memoryProfiles.stream,
    (bearer) => {
      let ran = false;
      return {
        async *run(signal) {
          if (ran) throw new Error("used up");
          ran = true;
          yield* bearer.run(signal);
        },
      };
    },
    /runs again after it was stopped/,
  ],
  [
    "ends an aborted run with an error",
    memoryProfiles.stream,
    (bearer) => ({
      async *run(signal) {
        yield* bearer.run(signal);
        throw new Error("aborted");
      },
    }),
    /aborted at once or while opening/,
  ],
  [
    "leaves a timer behind",
    memoryProfiles.stream,
    (bearer, host) => ({
      async *run(signal) {
        host.clock.timer(1_000_000, () => {});
        yield* bearer.run(signal);
      },
    }),
    /runs again after it was stopped/,
  ],
  [
    "sends what the bytes became",
    memoryProfiles.stream,
    (bearer, host) => ({
      async send(parcel, signal) {
        host.clock.timer(500, () => {
          // A copy made too late: the caller has its buffer back already.
          void bearer.send(parcel, signal);
        });
        return { outcome: "sent" };
      },
    }),
    /the sender's bytes at the moment/,
  ],
  [
    "mixes up the order",
    { ...memoryProfiles.stream, ordered: false, delayMs: { min: 0, max: 9_000 } },
    (bearer) => ({ capabilities: { ...bearer.capabilities, ordered: true } }),
    /arrive as announced/,
  ],
  [
    "loses without a word",
    { ...memoryProfiles.stream, lossy: true, loss: 0.3 },
    (bearer) => ({ capabilities: { ...bearer.capabilities, lossy: false } }),
    /arrive as announced/,
  ],
  [
    "exceeds its airtime",
    { ...memoryProfiles.lossyDatagram, airtimeMsPerHourMax: null },
    (bearer) => ({ capabilities: { ...bearer.capabilities, airtimeMsPerHourMax: 10_000 } }),
    /stays within the budget/,
  ],
  [
    "has airtime that falls",
    memoryProfiles.radio,
    () => ({ airtimeMs: (byteCount) => 10_000 - byteCount }),
    /airtime never falls/,
  ],
  [
    "needs no contact though it says so",
    { ...memoryProfiles.publishSubscribe, neighbours: "one" },
    (bearer) => ({ capabilities: { ...bearer.capabilities, contact: "dialled" } }),
    /a contact opens as announced/,
  ],
];

for (const [defect, profile, spoil, expected] of DEFECTS) {
  describe(`a bearer that ${defect}`, () => {
    caught.defect = defect;
    describeBearer(defect, async () => worldOf(profile, spoil));

    it(expected ? "is noticed" : "passes", () => {
      const failed = caught.failed.get(defect) ?? [];
      if (expected) expect(failed).toContainEqual(expect.stringMatching(expected));
      else expect(failed).toEqual([]);
    });
  });
}

function worldOf(profile: MemoryProfile, spoil: Spoil | null): BearerWorld {
  const clock = new VirtualClock();
  const medium = createMemoryMedium({ clock, rng: seededRng(4), profile });
  const bearerClock = new VirtualClock();
  const host: BearerHost = {
    ...{ clock: bearerClock, rng: seededRng(8), log() {} },
    open: () => Promise.reject(new Error("not here")),
    listen: () => Promise.reject(new Error("not here")),
  };
  const make = (station: string): Bearer => {
    const bearer = memoryPlugin.create(memoryPlugin.parse({ medium, station }), host);
    const sound: Bearer = {
      capabilities: bearer.capabilities,
      run: (signal) => bearer.run(signal),
      send: (parcel, signal) => bearer.send(parcel, signal),
      settle: (parcelId, verdict) => bearer.settle(parcelId, verdict),
      contact: (request, signal) => bearer.contact(request, signal),
      airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
    };
    return { ...sound, ...spoil?.(bearer, host) };
  };
  return {
    ...{ a: make("ship"), b: make("shore"), patienceMs: 60_000 },
    async advance(durationMs) {
      await clock.advance(durationMs);
      await bearerClock.advance(durationMs);
    },
    pendingTimers: () => bearerClock.pendingTimers,
    cut: () => medium.cut(),
    restore: () => medium.restore(),
    keepsUnsettled: profile.mailbox !== null,
    async close() {},
  };
}
