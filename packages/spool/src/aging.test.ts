import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Aging } from "./aging.js";
import { SPOOL_LIMITS } from "./limits.js";

const { agingLegs } = SPOOL_LIMITS;

type Leg = readonly [rank: number, order: number];

function* legs(rank: number, count: number): Generator<Leg, undefined> {
  for (let order = 0; order < count; order++) yield [rank, order];
}

const inOrder = (aging: Aging, counts: readonly number[]): Leg[] => [
  ...aging.inOrder(counts.map((count, rank) => legs(rank, count))),
];

const counts = fc.array(fc.nat({ max: 60 }), { minLength: 4, maxLength: 4 });
const past = fc.array(fc.nat({ max: 3 }), { maxLength: 60 });

describe("the order of the classes", () => {
  it("gives everything once, each class in its own order", () => {
    fc.assert(
      fc.property(counts, past, (given, before) => {
        const aging = new Aging();
        for (const rank of before) aging.served(rank);
        const order = inOrder(aging, given);
        for (let rank = 0; rank <= 3; rank++) {
          const own = order.filter((leg) => leg[0] === rank).map((leg) => leg[1]);
          expect(own).toEqual(Array.from({ length: given[rank] ?? 0 }, (_, i) => i));
        }
      }),
    );
  });

  it("lets what is most urgent wait for one leg at most", () => {
    fc.assert(
      fc.property(counts, past, (given, before) => {
        const aging = new Aging();
        for (const rank of before) aging.served(rank);
        const top = given.findIndex((count) => count > 0);
        const order = inOrder(aging, given).map((leg) => leg[0]);
        const last = order.lastIndexOf(top);
        for (let i = 0; i < last; i++) expect([order[i], order[i + 1]]).toContain(top);
      }),
    );
  });

  it("has one of the next lower class among so many, down to the lowest", () => {
    const order = inOrder(new Aging(), [5_000, 500, 500, 500]).map((leg) => leg[0]);
    for (let at = 0; at + agingLegs <= 4_000; at += agingLegs) {
      expect(order.slice(at, at + agingLegs).filter((rank) => rank > 0)).toHaveLength(1);
    }
    const lower = order.slice(0, 4_500).filter((rank) => rank > 0);
    for (let at = 0; at + agingLegs <= 250; at += agingLegs) {
      expect(lower.slice(at, at + agingLegs).filter((rank) => rank > 1)).toHaveLength(1);
    }
    expect(order.slice(0, agingLegs ** 3)).toContain(3);
  });

  it("is the same, looked at once or taken one by one", () => {
    fc.assert(
      fc.property(counts, (given) => {
        const atOnce = inOrder(new Aging(), given).map((leg) => leg[0]);
        const aging = new Aging();
        const left = [...given];
        const oneByOne = atOnce.map(() => {
          const [rank] = inOrder(aging, left)[0] ?? [-1];
          left[rank] = (left[rank] ?? 0) - 1;
          aging.served(rank);
          return rank;
        });
        expect(oneByOne).toEqual(atOnce);
      }),
      { numRuns: 30 },
    );
  });
});
