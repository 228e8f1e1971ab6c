import { seededRng, VirtualClock } from "@estafette/conformance";
import type { Bearer, BearerEvent, BearerHost, SendResult } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import memoryPlugin, {
  createMemoryMedium,
  MEMORY_LIMITS,
  type MemoryProfile,
  memoryProfiles,
} from "./index.js";

const NEVER = new AbortController().signal;

interface Air {
  readonly clock: VirtualClock;
  readonly medium: ReturnType<typeof createMemoryMedium>;
  join(station: string, topics?: string[]): { bearer: Bearer; events: BearerEvent[]; leave: () => void };
}

function air(profile: MemoryProfile, seed = 1): Air {
  const clock = new VirtualClock();
  const medium = createMemoryMedium({ clock, rng: seededRng(seed), profile });
  const host: BearerHost = {
    ...{ clock, rng: seededRng(2), log() {} },
    open: () => Promise.reject(new Error("not here")),
    listen: () => Promise.reject(new Error("not here")),
  };
  return {
    clock,
    medium,
    join(station, topics = []) {
      const bearer = memoryPlugin.create(memoryPlugin.parse({ medium, station, topics }), host);
      const events: BearerEvent[] = [];
      const stop = new AbortController();
      void (async () => {
        for await (const event of bearer.run(stop.signal)) {
          events.push(event);
          if (event.type === "heard") await bearer.settle(event.parcelId, "accepted");
        }
      })();
      return { bearer, events, leave: () => stop.abort() };
    },
  };
}

const heard = (events: BearerEvent[]): number[] =>
  events.flatMap((event) => (event.type === "heard" ? [event.bytes[0] ?? -1] : []));
const parcel = (mark: number, to = "", size = 48) => ({ to, bytes: new Uint8Array(size).fill(mark) });

describe("memory medium", () => {
  it("takes the airtime it announces", async () => {
    const { clock, join } = air({ ...memoryProfiles.radio, loss: 0 });
    const [ship, shore] = [join("ship"), join("shore")];
    await clock.advance(0);
    const startMs = clock.monotonicMs();
    let doneMs = 0;
    void ship.bearer.send(parcel(1, "", 142), NEVER).then(() => {
      doneMs = clock.monotonicMs();
    });
    await clock.advance(5_000);
    expect(ship.bearer.airtimeMs(142)).toBe(1_000);
    expect(doneMs - startMs).toBe(200 + 1_000);
    expect(heard(shore.events)).toEqual([1]);
  });

  it("loses and repeats as often as told, and the same each time for the same seed", async () => {
    const run = async (seed: number): Promise<string> => {
      const profile = {
        ...memoryProfiles.lossyDatagram,
        airtimeMsPerHourMax: null,
        loss: 0.3,
        duplication: 0.2,
      };
      const { clock, medium, join } = air(profile, seed);
      const [ship, shore] = [join("ship"), join("shore")];
      await clock.advance(0);
      for (let index = 0; index < 1_000; index++) {
        void ship.bearer.send(parcel(index & 0xff, "shore"), NEVER);
        await clock.advance(2_000);
      }
      const { lost, duplicated } = medium.counters();
      expect(lost / 1_000).toBeGreaterThan(0.25);
      expect(lost / 1_000).toBeLessThan(0.35);
      expect(duplicated / 1_000).toBeGreaterThan(0.16);
      expect(duplicated / 1_000).toBeLessThan(0.24);
      return JSON.stringify([medium.counters(), heard(shore.events)]);
    };
    expect(await run(5)).toBe(await run(5));
    expect(await run(5)).not.toBe(await run(6));
  });

  it("lets parcels overtake each other only where it is not ordered", async () => {
    const order = async (ordered: boolean): Promise<number[]> => {
      const { clock, join } = air({ ...memoryProfiles.stream, ordered, delayMs: { min: 0, max: 5_000 } });
      const [ship, shore] = [join("ship"), join("shore")];
      await clock.advance(0);
      for (let mark = 0; mark < 30; mark++) await ship.bearer.send(parcel(mark), NEVER);
      await clock.advance(10_000);
      return heard(shore.events);
    };
    const sorted = Array.from({ length: 30 }, (_, mark) => mark);
    expect(await order(true)).toEqual(sorted);
    const mixed = await order(false);
    expect(mixed).not.toEqual(sorted);
    expect(mixed.sort((left, right) => left - right)).toEqual(sorted);
  });

  it("listens before it speaks, and collides when two begin at once", async () => {
    const profile = { ...memoryProfiles.radio, loss: 0 };
    const { clock, medium, join } = air(profile);
    const [ship, shore] = [join("ship"), join("shore")];
    await clock.advance(0);
    void ship.bearer.send(parcel(1), NEVER);
    await clock.advance(300);
    void shore.bearer.send(parcel(2), NEVER);
    await clock.advance(10_000);
    expect([heard(shore.events), heard(ship.events)]).toEqual([[1], [2]]);
    expect(medium.counters().collided).toBe(0);
    void ship.bearer.send(parcel(3), NEVER);
    void shore.bearer.send(parcel(4), NEVER);
    await clock.advance(10_000);
    expect(medium.counters().collided).toBe(2);
    expect([heard(shore.events), heard(ship.events)]).toEqual([[1], [2]]);
  });

  it("reaches every subscriber of a topic, and only those", async () => {
    const { clock, join } = air({ ...memoryProfiles.publishSubscribe, duplication: 0 });
    const [ship, shore, buoy] = [join("ship"), join("shore", ["weather"]), join("buoy", ["weather"])];
    await clock.advance(0);
    expect(await ship.bearer.send(parcel(1, "weather"), NEVER)).toEqual({ outcome: "acknowledged" });
    expect(await ship.bearer.send(parcel(2, "buoy"), NEVER)).toEqual({ outcome: "acknowledged" });
    await clock.advance(1_000);
    expect(heard(shore.events)).toEqual([1]);
    expect(heard(buoy.events)).toEqual([1, 2]);
  });

  it("keeps mail for who is away, up to its bound", async () => {
    const { clock, join } = air({
      ...memoryProfiles.publishSubscribe,
      mailbox: { parcelsMax: 3 },
      duplication: 0,
    });
    const ship = join("ship");
    const shore = join("shore");
    await clock.advance(0);
    shore.leave();
    await clock.advance(0);
    const results: SendResult[] = [];
    for (let mark = 1; mark <= 4; mark++) {
      results.push(await ship.bearer.send(parcel(mark, "shore"), NEVER));
      await clock.advance(1_000);
    }
    expect(results.map((result) => result.outcome)).toEqual([
      ...["acknowledged", "acknowledged", "acknowledged", "deferred"],
    ]);
    const back = join("shore");
    await clock.advance(0);
    expect(heard(back.events)).toEqual([1, 2, 3]);
  });

  it("offers again what was put off", async () => {
    const { clock, medium } = air(memoryProfiles.publishSubscribe);
    const host: BearerHost = {
      ...{ clock, rng: seededRng(2), log() {} },
      open: () => Promise.reject(new Error("not here")),
      listen: () => Promise.reject(new Error("not here")),
    };
    const [ship, shore] = ["ship", "shore"].map((station) =>
      memoryPlugin.create(memoryPlugin.parse({ medium, station }), host),
    ) as [Bearer, Bearer];
    const verdicts = ["later", "later", "accepted"] as const;
    let offers = 0;
    void (async () => {
      for await (const event of shore.run(NEVER)) {
        if (event.type === "heard") await shore.settle(event.parcelId, verdicts[offers++] ?? "never");
      }
    })();
    void ship.run(NEVER)[Symbol.asyncIterator]().next();
    await clock.advance(0);
    await ship.send(parcel(1, "shore"), NEVER);
    await clock.advance(10 * 60_000);
    expect(offers).toBe(3);
  });

  it("defers the sender when a lossless receiver does not read; a lossy one misses parcels", async () => {
    for (const lossy of [false, true]) {
      const { clock, medium, join } = air({ ...memoryProfiles.stream, lossy });
      const ship = join("ship");
      const reader = memoryPlugin.create(memoryPlugin.parse({ medium, station: "shore" }), {
        ...{ clock, rng: seededRng(2), log() {} },
        open: () => Promise.reject(new Error("not here")),
        listen: () => Promise.reject(new Error("not here")),
      });
      await reader.run(NEVER)[Symbol.asyncIterator]().next();
      await clock.advance(0);
      let last: SendResult = { outcome: "sent" };
      for (let index = 0; index < MEMORY_LIMITS.heardWaitingMax + 50; index++) {
        last = await ship.bearer.send(parcel(1), NEVER);
      }
      if (lossy) expect(medium.counters().lost).toBeGreaterThan(0);
      else expect(last).toMatchObject({ outcome: "deferred", why: "busy" });
    }
  });

  it("cuts one station or all, and tells those who can know", async () => {
    const { clock, medium, join } = air({ ...memoryProfiles.stream, neighbours: "many" });
    const [ship, shore, buoy] = [join("ship"), join("shore"), join("buoy")];
    await clock.advance(0);
    medium.cut("buoy");
    await clock.advance(0);
    expect(ship.events.at(-1)).toEqual({ type: "down", neighbour: "buoy", why: "the medium is cut" });
    expect(buoy.events.slice(-2)).toMatchObject([{ type: "down" }, { type: "down" }]);
    expect(await ship.bearer.send(parcel(1, "shore"), NEVER)).toEqual({ outcome: "sent" });
    const toBuoy = await ship.bearer.send(parcel(1, "buoy"), NEVER);
    expect(toBuoy).toMatchObject({ outcome: "deferred", why: "no-contact" });
    medium.restore();
    await clock.advance(0);
    expect(ship.events.at(-1)).toEqual({ type: "up", neighbour: "buoy" });
    expect(heard(shore.events)).toEqual([1]);
  });

  it("makes a call without a mailbox that of both ends, until it ends or one goes away", async () => {
    const { clock, medium, join } = air({ ...memoryProfiles.modem, sessionMsMax: 60_000 });
    const [ship, shore] = [join("ship"), join("shore")];
    const call = (from: typeof ship) => {
      const answer = from.bearer.contact({ to: "", purpose: "send", maxMs: 600_000 }, NEVER);
      return clock.advance(15_000).then(() => answer);
    };
    const send = async (from: typeof ship, mark: number) => {
      const answer = from.bearer.send(parcel(mark), NEVER);
      await clock.advance(5_000);
      return answer;
    };
    await clock.advance(0);
    expect(await send(shore, 1)).toMatchObject({ outcome: "deferred", why: "no-contact" });
    expect(await call(ship)).toEqual({ outcome: "open", paid: 0 });
    expect(await send(shore, 2)).toEqual({ outcome: "sent" });
    expect(await send(ship, 3)).toEqual({ outcome: "sent" });
    expect([heard(ship.events), heard(shore.events)]).toEqual([[2], [3]]);
    await clock.advance(60_000);
    expect(await send(shore, 4)).toMatchObject({ outcome: "deferred", why: "no-contact" });
    await call(ship);
    medium.cut("shore");
    medium.restore("shore");
    expect(await send(ship, 5)).toMatchObject({ outcome: "deferred", why: "no-contact" });
    shore.leave();
    await clock.advance(0);
    expect(await call(ship)).toMatchObject({ outcome: "deferred", why: "no-contact" });
  });

  it("sends from each end at the rate of that end", async () => {
    const { medium, join } = air(memoryProfiles.radio);
    const host = {
      open: () => Promise.reject(new Error("no")),
      listen: () => Promise.reject(new Error("no")),
    };
    const config = memoryPlugin.parse({ medium, station: "shore", bitsPerSecond: 300 });
    const shore = memoryPlugin.create(config, {
      ...host,
      clock: new VirtualClock(),
      rng: seededRng(1),
      log() {},
    });
    expect(join("ship").bearer.airtimeMs(142)).toBe(1_000);
    expect(shore.airtimeMs(142)).toBe(4_000);
    expect(shore.capabilities.bitsPerSecond).toBe(300);
  });

  it("lets a successor take a place that was never left", async () => {
    const { clock, join } = air(memoryProfiles.stream);
    const ship = join("ship");
    const crashed = join("shore");
    await clock.advance(0);
    const successor = join("shore");
    await clock.advance(0);
    crashed.leave();
    await clock.advance(0);
    await ship.bearer.send(parcel(9), NEVER);
    await clock.advance(0);
    expect(heard(successor.events)).toEqual([9]);
    expect(heard(crashed.events)).toEqual([]);
  });
});

describe("configuration", () => {
  it("names the key and the fix", () => {
    const { medium } = air(memoryProfiles.stream);
    const cases: [unknown, string][] = [
      [null, ""],
      [{ station: "a" }, "medium"],
      [{ medium: {}, station: "a" }, "medium"],
      [{ medium, station: "" }, "station"],
      [{ medium, station: "a", topics: "b" }, "topics"],
      [{ medium, station: "a", speed: 1 }, "speed"],
      [{ medium, station: "a", bitsPerSecond: 300 }, "bitsPerSecond"],
    ];
    for (const [raw, key] of cases) {
      const failure = expect.objectContaining({ place: expect.objectContaining({ key }) });
      expect(() => memoryPlugin.parse(raw), key).toThrow(failure);
    }
  });

  it("refuses profiles that contradict themselves, and a third station between two", () => {
    const clock = new VirtualClock();
    const make = (change: Partial<MemoryProfile>) => () =>
      createMemoryMedium({ clock, rng: seededRng(1), profile: { ...memoryProfiles.stream, ...change } });
    expect(make({ loss: 0.1 })).toThrow(/loss must be 0, or set lossy/);
    expect(make({ lossy: true, loss: 1.1 })).toThrow(/probability/);
    expect(make({ duplex: "half" })).toThrow(/half-duplex/);
    expect(make({ contact: "dialled", neighbours: "many" })).toThrow(/mailbox/);
    expect(make({ parcelBytesMax: 10 })).toThrow(/48 to 65535/);
    expect(make({ delayMs: { min: 5, max: 1 } })).toThrow(/delayMs/);
    const { join } = air(memoryProfiles.stream);
    join("a");
    join("b");
    expect(() => join("c")).toThrow(/at most 2 stations/);
  });
});
