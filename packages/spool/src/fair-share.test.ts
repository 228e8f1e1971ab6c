import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairShare, type FlowSource } from "./fair-share.js";
import { SPOOL_LIMITS } from "./limits.js";

const QUANTUM = 1_000;

interface Thing {
  readonly flow: number;
  readonly order: number;
  readonly bytes: number;
}

/** What waits, as an index would give it. */
class Waiting implements FlowSource<Thing> {
  probes = 0;

  constructor(private things: readonly Thing[]) {}

  next(after: Uint8Array): Uint8Array | null {
    this.probes++;
    const flows = this.things.map((thing) => thing.flow).filter((flow) => flow > (after[0] ?? -1));
    return flows.length === 0 ? null : idOf(Math.min(...flows));
  }

  first(flow: Uint8Array, limit: number): readonly Thing[] {
    this.probes++;
    return this.things.filter((thing) => thing.flow === flow[0]).slice(0, limit);
  }

  remove(gone: Thing): void {
    this.things = this.things.filter((thing) => thing !== gone);
  }

  add(thing: Thing): void {
    this.things = [...this.things, thing];
  }
}

const idOf = (flow: number): Uint8Array => Uint8Array.of(flow);

/** Takes the first again and again, as a link does that carries one after the other. */
function carry(share: FairShare, waiting: Waiting, count = 10_000): Thing[] {
  const gone: Thing[] = [];
  while (gone.length < count) {
    const [first] = share.inOrder(waiting);
    if (first === undefined) break;
    waiting.remove(first);
    share.charge(idOf(first.flow), first.bytes);
    gone.push(first);
  }
  return gone;
}

const sizes = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 5_000 }), fc.constant(0));
const things = fc
  .array(fc.record({ flow: fc.nat({ max: 7 }), bytes: sizes }), { maxLength: 120 })
  .map((list) => list.map((one, order): Thing => ({ ...one, order })));

describe("turns of flows", () => {
  it("give everything once, each flow in its own order", () => {
    fc.assert(
      fc.property(things, (list) => {
        const order = [...new FairShare(QUANTUM).inOrder(new Waiting(list))];
        expect([...order].sort((a, b) => a.order - b.order)).toEqual(list);
        for (let flow = 0; flow < 8; flow++) {
          const own = order.filter((one) => one.flow === flow).map((one) => one.order);
          expect(own).toEqual([...own].sort((a, b) => a - b));
        }
      }),
    );
  });

  it("are the same, looked at once or taken one by one", () => {
    fc.assert(
      fc.property(things, (list) => {
        const atOnce = [...new FairShare(QUANTUM).inOrder(new Waiting(list))];
        expect(carry(new FairShare(QUANTUM), new Waiting(list))).toEqual(atOnce);
      }),
    );
  });

  it("share bytes evenly among those who have enough (Jain)", () => {
    const busy = fc.record({
      flowCount: fc.integer({ min: 2, max: 12 }),
      sizes: fc.array(fc.integer({ min: 100, max: 2_500 }), { minLength: 12, maxLength: 12 }),
    });
    fc.assert(
      fc.property(busy, ({ flowCount, sizes: each }) => {
        const share = new FairShare(QUANTUM);
        const waiting = new Waiting(
          Array.from({ length: flowCount }, (_, flow) => ({ flow, order: flow, bytes: each[flow] ?? 1 })),
        );
        const bytes = Array.from({ length: flowCount }, () => 0);
        for (let order = flowCount; Math.min(...bytes) < 15 * QUANTUM; order++) {
          const [one] = carry(share, waiting, 1);
          if (one === undefined) throw new Error("something waits");
          bytes[one.flow] = (bytes[one.flow] ?? 0) + one.bytes;
          waiting.add({ ...one, order });
        }
        const sum = bytes.reduce((a, b) => a + b, 0);
        const squares = bytes.reduce((a, b) => a + b * b, 0);
        expect((sum * sum) / (flowCount * squares)).toBeGreaterThan(0.97);
        expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThanOrEqual(2 * QUANTUM + Math.max(...each));
      }),
      { numRuns: 40 },
    );
  });

  it("let nobody starve: a flow waits at most for one turn of each other", () => {
    fc.assert(
      fc.property(things, fc.nat({ max: 7 }), (list, late) => {
        const share = new FairShare(QUANTUM);
        const waiting = new Waiting(list.filter((one) => one.flow !== late));
        carry(share, waiting, 20);
        waiting.add({ flow: late, order: 999, bytes: 100 });
        const gone = carry(share, waiting);
        const before = gone.slice(
          0,
          gone.findIndex((one) => one.flow === late),
        );
        for (let flow = 0; flow < 8; flow++) {
          const own = before.filter((one) => one.flow === flow);
          const bytes = own.reduce((sum, one) => sum + one.bytes, 0);
          // Two turns where the newcomer's place in the round was just over; the last of a turn may overdraw.
          expect(bytes - (own.at(-1)?.bytes ?? 0)).toBeLessThanOrEqual(2 * QUANTUM);
        }
      }),
    );
  });

  it("give no credit for having been away", () => {
    const share = new FairShare(QUANTUM);
    const own = (flow: number, count: number, from: number) =>
      Array.from({ length: count }, (_, i) => ({ flow, order: from + i, bytes: 500 }));
    carry(share, new Waiting(own(1, 400, 0)));
    const order = carry(share, new Waiting([...own(1, 10, 0), ...own(2, 10, 100)]));
    const first = order.slice(0, 8).map((one) => one.flow);
    expect(first.filter((flow) => flow === 1)).toHaveLength(4);
  });

  it("cost a few probes however many flows wait", () => {
    const list = Array.from({ length: 250 }, (_, flow) => ({ flow, order: flow, bytes: 2_000 }));
    const share = new FairShare(QUANTUM);
    const waiting = new Waiting(list);
    const costs: number[] = [];
    for (let turn = 0; turn < 250; turn++) {
      const before = waiting.probes;
      carry(share, waiting, 1);
      costs.push(waiting.probes - before);
    }
    expect(Math.max(...costs)).toBeLessThanOrEqual(4);
  });

  it("remember so many flows at most", () => {
    const share = new FairShare(QUANTUM);
    const id = (flow: number) => Uint8Array.of(flow >> 8, flow & 0xff);
    const count = SPOOL_LIMITS.flowsRememberedMax * 3;
    for (let flow = count - 1; flow >= 0; flow--) share.charge(id(flow), 5 * QUANTUM);
    expect(share.rememberedCount).toBe(SPOOL_LIMITS.flowsRememberedMax);
    const source: FlowSource<{ readonly bytes: number; readonly flow: number }> = {
      next: (after) => (after.length === 0 ? id(0) : after[1] === 0 ? id(count - 1) : null),
      first: (flow) => [{ bytes: 1, flow: ((flow[0] ?? 0) << 8) | (flow[1] ?? 0) }],
    };
    // The one of long ago is level again, the latest still has to wait.
    expect([...share.inOrder(source)].map((one) => one.flow)).toEqual([count - 1, 0]);
  });
});
