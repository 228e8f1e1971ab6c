import { describe, expect, it } from "vitest";
import { RadioChannel, type RadioEvent, type RadioOptions, radioOptions } from "./index.js";

function channel(options: Partial<RadioOptions> = {}): RadioChannel {
  return new RadioChannel(radioOptions({ turnaroundMs: 100, frameOverheadBytes: 0, ...options }), 0);
}

/** Runs until nothing is due any more. */
function settle(radio: RadioChannel, untilMs = Number.POSITIVE_INFINITY): RadioEvent[] {
  const events: RadioEvent[] = [];
  for (let nextMs = radio.nextMs(); nextMs !== null && nextMs <= untilMs; nextMs = radio.nextMs()) {
    events.push(...radio.tick(nextMs));
  }
  return events;
}

const received = (events: RadioEvent[]): Extract<RadioEvent, { type: "received" }>[] =>
  events.filter((event) => event.type === "received");

describe("radio channel", () => {
  it("takes the time of its bit rate, the pause before, and turnaround", () => {
    const radio = channel({ bitsPerSecond: 1_200, idleGapMs: 20 });
    radio.write("a", new Uint8Array(150).fill(1), 0);
    expect(received(settle(radio))).toMatchObject([{ side: "b", atMs: 20 + 100 + 1_000 }]);
  });

  it("runs faster by its time scale; the pause that ends a frame does not", () => {
    const radio = channel({ bitsPerSecond: 1_200, timeScale: 10 });
    radio.write("a", new Uint8Array(150).fill(1), 0);
    expect(received(settle(radio))).toMatchObject([{ atMs: 20 + 110 }]);
  });

  it("makes one frame of one write, and two of two writes with a pause between", () => {
    const radio = channel();
    radio.write("a", new Uint8Array(10).fill(1), 0);
    radio.write("a", new Uint8Array(10).fill(2), 5);
    radio.tick(30);
    radio.write("a", new Uint8Array(10).fill(3), 40);
    const sizes = received(settle(radio)).map((event) => event.bytes.length);
    expect(sizes).toEqual([20, 10]);
  });

  it("sends a full frame without waiting for the pause", () => {
    const radio = channel({ frameBytesMax: 100, idleGapMs: 10_000 });
    expect(radio.write("a", new Uint8Array(250).fill(1), 0)).toBe(true);
    const events = settle(radio, 9_000);
    expect(received(events).map((event) => event.bytes.length)).toEqual([100, 100]);
    expect(received(settle(radio)).map((event) => event.bytes.length)).toEqual([50]);
  });

  it("holds no more than its buffer", () => {
    const radio = channel({ bufferBytesMax: 600, frameBytesMax: 200 });
    expect(radio.write("a", new Uint8Array(600), 0)).toBe(true);
    expect(radio.write("a", new Uint8Array(1), 0)).toBe(false);
    radio.tick(1);
    expect(radio.write("a", new Uint8Array(200), 1), "a frame on the air has left the buffer").toBe(true);
    expect(radio.write("a", new Uint8Array(1), 1)).toBe(false);
  });

  it("loses frames as often as it is told", () => {
    const radio = channel({ frameLoss: 0.3, seed: 3 });
    let nowMs = 0;
    for (let index = 0; index < 3_000; index++) {
      radio.write("a", Uint8Array.of(1), nowMs);
      nowMs += 5_000;
      radio.tick(nowMs);
    }
    const { lost, delivered } = radio.counters().fates;
    expect(lost + delivered).toBe(3_000);
    expect(lost / 3_000).toBeGreaterThan(0.27);
    expect(lost / 3_000).toBeLessThan(0.33);
  });

  it("damages bits as often as it is told", () => {
    const radio = channel({ bitErrorRate: 0.01, bitsPerSecond: 1_000_000 });
    let wrong = 0;
    for (let index = 0; index < 500; index++) {
      radio.write("a", new Uint8Array(100), index * 1_000);
      for (const event of received([...radio.tick(index * 1_000 + 999)])) {
        for (const byte of event.bytes) for (let bits = byte; bits > 0; bits >>= 1) wrong += bits & 1;
      }
    }
    expect(wrong / (500 * 800)).toBeGreaterThan(0.009);
    expect(wrong / (500 * 800)).toBeLessThan(0.011);
  });

  it("waits while the channel is taken, and collides within the turnaround", () => {
    const polite = channel({ idleGapMs: 0 });
    polite.write("a", new Uint8Array(150), 0);
    polite.tick(0);
    polite.write("b", new Uint8Array(150), 100);
    const events = settle(polite);
    expect(received(events)).toHaveLength(2);
    const clash = channel({ idleGapMs: 0 });
    clash.write("a", new Uint8Array(150), 0);
    clash.tick(0);
    clash.write("b", new Uint8Array(150), 99);
    expect(received(settle(clash))).toHaveLength(0);
    expect(clash.counters().fates.collided).toBe(2);
  });

  it("lets two busy sides take turns", () => {
    const radio = channel({ frameBytesMax: 50, bufferBytesMax: 1_000, idleGapMs: 0 });
    radio.write("a", new Uint8Array(1_000), 0);
    radio.tick(0);
    radio.write("b", new Uint8Array(1_000), 150);
    const order = received(settle(radio)).map((event) => event.side);
    expect(radio.counters().fates.collided).toBe(0);
    expect(order).toHaveLength(40);
    for (let at = 2; at < 38; at++) expect(order[at], `turn ${at}`).not.toBe(order[at + 1]);
  });

  it("carries nothing while cut, by script or by hand", () => {
    const radio = channel({ cuts: [{ fromMs: 1_000, toMs: 5_000 }], idleGapMs: 0 });
    const at = (startMs: number): RadioEvent[] => {
      radio.tick(startMs);
      radio.write("a", Uint8Array.of(1), startMs);
      return [...radio.tick(startMs + 400)];
    };
    expect(received(at(0))).toHaveLength(1);
    expect(received(at(900)), "the cut came during the frame").toHaveLength(0);
    expect(received(at(3_000))).toHaveLength(0);
    expect(received(at(5_001))).toHaveLength(1);
    radio.setCut(true, 6_000);
    expect(received(at(6_001))).toHaveLength(0);
    expect(radio.counters().fates).toMatchObject({ delivered: 2, cut: 3 });
  });

  it("is interrupted by chance as long as it is told", () => {
    const radio = channel({ randomCuts: { meanUpMs: 20_000, meanDownMs: 10_000 }, seed: 9 });
    let downMs = 0;
    let sinceMs = 0;
    for (const event of settle(radio, 40_000_000)) {
      if (event.type === "air-cut") sinceMs = event.atMs;
      if (event.type === "air-restored") downMs += event.atMs - sinceMs;
    }
    expect(downMs / 40_000_000).toBeGreaterThan(0.29);
    expect(downMs / 40_000_000).toBeLessThan(0.38);
  });

  it("gives the same run for the same seed, and another for another", () => {
    const run = (seed: number): string => {
      const radio = channel({ frameLoss: 0.3, bitErrorRate: 0.001, seed });
      const events: RadioEvent[] = [];
      for (let index = 0; index < 100; index++) {
        radio.write(index % 3 === 0 ? "a" : "b", new Uint8Array(40).fill(index), index * 900);
        events.push(...radio.tick(index * 900 + 899));
      }
      return JSON.stringify(events);
    };
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });

  it("refuses options out of range, by name", () => {
    expect(() => radioOptions({ frameLoss: 2 })).toThrow(/frameLoss must be from 0 to 1/);
    expect(() => radioOptions({ frameBytesMax: 2_048 })).toThrow(/bufferBytesMax must be at least/);
    expect(() => radioOptions({ timeScale: Number.NaN })).toThrow(/timeScale/);
    expect(() => radioOptions({ cuts: [{ fromMs: 5, toMs: 5 }] })).toThrow(/cuts must be in order/);
  });
});
