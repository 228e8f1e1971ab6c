import { describe, expect, it } from "vitest";
import { PacketChannel, type PacketEvent, type PacketOptions, packetOptions } from "./index.js";

/** A channel whose stations key at once: persistence 255. */
function channel(options: Partial<PacketOptions> = {}): PacketChannel {
  const air = new PacketChannel(packetOptions(options));
  for (let station = 0; station < (options.stations ?? 2); station++) set(air, station, 2, 255);
  return air;
}

function set(air: PacketChannel, station: number, command: number, value: number, nowMs = 0): void {
  air.obey(station, { port: 0, command, data: Uint8Array.of(value) }, nowMs);
}

function send(air: PacketChannel, station: number, byteCount: number, nowMs = 0): readonly PacketEvent[] {
  return air.obey(station, { port: 0, command: 0, data: new Uint8Array(byteCount).fill(station + 1) }, nowMs);
}

function settle(air: PacketChannel, untilMs = Number.POSITIVE_INFINITY): PacketEvent[] {
  const events: PacketEvent[] = [];
  for (let nextMs = air.nextMs(); nextMs !== null && nextMs <= untilMs; nextMs = air.nextMs())
    events.push(...air.tick(nextMs));
  return events;
}

const received = (events: readonly PacketEvent[]) => events.filter((event) => event.type === "received");
const missed = (events: readonly PacketEvent[]) => events.filter((event) => event.type === "missed");
const bodyMs = (byteCount: number): number => ((byteCount + 4) * 8 * 1.02 * 1_000) / 1_200;

describe("packet channel", () => {
  it("takes TXDELAY, the frame with its check and stuffing at 1200 Bd, and TXTAIL", () => {
    const air = channel();
    send(air, 0, 146);
    const events = settle(air);
    expect(received(events)[0]?.atMs).toBeCloseTo(300 + bodyMs(146), 6);
    expect(events.at(-1)).toMatchObject({ type: "unkeyed", station: 0 });
    expect(air.counters().airtimeMs[0]).toBeCloseTo(300 + bodyMs(146) + 100, 6);
  });

  it("obeys the parameters a computer sets", () => {
    const air = channel();
    set(air, 0, 1, 10);
    set(air, 0, 4, 2);
    send(air, 0, 20);
    settle(air);
    expect(air.counters().airtimeMs[0]).toBeCloseTo(100 + bodyMs(20) + 20, 6);
  });

  it("ignores what is meant for another port, commands without a value, and unknown commands", () => {
    const air = channel();
    air.obey(0, { port: 1, command: 0, data: new Uint8Array(9) }, 0);
    air.obey(0, { port: 0, command: 1, data: new Uint8Array(0) }, 0);
    air.obey(0, { port: 0, command: 13, data: Uint8Array.of(1) }, 0);
    expect(air.nextMs()).toBeNull();
    send(air, 0, 20);
    expect(received(settle(air))[0]?.atMs).toBeCloseTo(300 + bodyMs(20), 6);
  });

  it("keys once for the frames that wait, and again when there are too many", () => {
    const air = channel({ framesPerKeyingMax: 3 });
    for (let frame = 0; frame < 4; frame++) send(air, 0, 50);
    const events = settle(air);
    expect(events.filter((event) => event.type === "keyed")).toHaveLength(2);
    expect(received(events)).toHaveLength(4);
  });

  it("drops what exceeds its queue or its buffer, and tells nobody", () => {
    const air = channel({ queueFramesMax: 2 });
    expect(send(air, 0, 3_000)).toMatchObject([{ type: "dropped", why: "length" }]);
    for (let frame = 0; frame < 2; frame++) expect(send(air, 0, 50)).toEqual([]);
    expect(send(air, 0, 50)).toMatchObject([{ type: "dropped", why: "full" }]);
    expect(received(settle(air))).toHaveLength(2);
    expect(air.counters().framesDropped).toEqual([2, 0]);
  });

  it("waits while it hears another", () => {
    const air = channel();
    send(air, 0, 100, 0);
    air.tick(0);
    send(air, 1, 100, 200);
    const keyed = settle(air).filter((event) => event.type === "keyed");
    expect(keyed.at(-1)).toMatchObject({ station: 1 });
    expect(keyed.at(-1)?.atMs).toBeCloseTo(400 + bodyMs(100), 6);
    expect(air.counters().fates).toMatchObject({ heard: 2, collided: 0 });
  });

  it("loses both frames of two that key within the time it takes to notice a carrier", () => {
    const air = channel({ stations: 3, carrierDetectMs: 40 });
    send(air, 0, 100, 0);
    air.tick(0);
    send(air, 1, 100, 30);
    const events = settle(air);
    expect(received(events)).toHaveLength(0);
    expect(missed(events).map((event) => event.fate)).toEqual(Array(4).fill("collided"));
  });

  it("lets hidden stations spoil each other at a third one only", () => {
    const air = channel({ stations: 3, hidden: [[0, 1]] });
    send(air, 0, 100, 0);
    air.tick(0);
    send(air, 1, 100, 500);
    const events = settle(air);
    expect(received(events)).toHaveLength(0);
    expect(missed(events).map((event) => event.station)).toEqual([2, 2]);
  });

  it("spreads keying by persistence and slot time", () => {
    const air = channel({ seed: 3 });
    set(air, 0, 2, 63);
    let slots = 0;
    let nowMs = 0;
    for (let round = 0; round < 400; round++) {
      send(air, 0, 20, nowMs);
      const events = settle(air);
      const keyedMs = events.find((event) => event.type === "keyed")?.atMs ?? 0;
      slots += Math.round((keyedMs - nowMs) / 100);
      nowMs = events.at(-1)?.atMs ?? nowMs;
    }
    expect(slots / 400, "mean of a geometric distribution with p = 1/4").toBeGreaterThan(2.5);
    expect(slots / 400).toBeLessThan(3.5);
  });

  it("turns bit errors into missing frames, by length, and never into wrong ones", () => {
    const air = channel({ bitErrorRate: 0.0005, queueFramesMax: 1_000, seed: 9 });
    for (let frame = 0; frame < 500; frame++) send(air, 0, 116);
    const events = settle(air);
    const heard = received(events);
    for (const { frame } of heard) expect(frame.every((byte) => byte === 1)).toBe(true);
    expect(heard.length / 500).toBeGreaterThan((1 - 0.0005) ** 960 - 0.07);
    expect(heard.length / 500).toBeLessThan((1 - 0.0005) ** 960 + 0.07);
    expect(missed(events).every((event) => event.fate === "damaged")).toBe(true);
  });

  it("forgets frames and parameters when its power fails, and hears nothing meanwhile", () => {
    const air = channel();
    set(air, 0, 1, 5);
    send(air, 0, 100);
    send(air, 0, 100);
    air.tick(0);
    const [ended] = air.powerCycle(0, 5_000, 100);
    expect(ended).toMatchObject({ type: "unkeyed" });
    send(air, 1, 20, 200);
    send(air, 0, 20, 300);
    expect(missed(settle(air))).toMatchObject([{ station: 0, fate: "cut" }]);
    send(air, 0, 20, 6_000);
    set(air, 0, 2, 255, 6_000);
    const [again] = received(settle(air));
    expect(again?.atMs).toBeCloseTo(6_000 + 300 + bodyMs(20), 6);
  });

  it("runs faster by its time scale", () => {
    const air = channel({ timeScale: 10 });
    send(air, 0, 146);
    expect(received(settle(air))[0]?.atMs).toBeCloseTo((300 + bodyMs(146)) / 10, 6);
    expect(air.counters().airtimeMs[0]).toBeCloseTo(400 + bodyMs(146), 6);
  });

  it("has the same weather for the same seed", () => {
    const play = (seed: number): unknown => {
      const air = channel({ frameLoss: 0.4, seed, queueFramesMax: 99 });
      for (let frame = 0; frame < 50; frame++) send(air, 0, 30);
      return settle(air);
    };
    expect(play(4)).toEqual(play(4));
    expect(play(4)).not.toEqual(play(5));
  });

  it("refuses options out of range", () => {
    expect(() => packetOptions({ frameLoss: 2 })).toThrow(/frameLoss/);
    expect(() => packetOptions({ stations: 0 })).toThrow(/stations/);
    expect(() => packetOptions({ hidden: [[0, 2]] })).toThrow(/hidden/);
    expect(() => packetOptions({ defects: ["no-such"] as never })).toThrow(/own-echo/);
  });
});
