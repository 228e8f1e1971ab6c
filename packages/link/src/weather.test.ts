import { describe, expect, it } from "vitest";
import type { ChannelTraits } from "./api.js";
import { hex, neighbour, person, radio, stream, transferOf } from "./testing/fixtures.js";
import { type End, type Weather, World } from "./testing/world.js";

const ship = person("ship", 1);
const shore = person("shore", 2);
const HOUR_MS = 3_600_000;
const SEEDS = Number(process.env.LINK_SEEDS ?? 200);

interface Run {
  readonly channel: ChannelTraits;
  readonly weather: Weather;
  readonly seed: number;
  readonly payloads: readonly number[];
  readonly cutsEveryMs?: number;
  readonly commitMs?: number;
}

/** Both ends offer; after a cut or `lost` they talk anew and offer what is not settled, as a relay would. */
function carry(run: Run): { world: World; ends: readonly [End, End] } {
  const world = new World(run.channel, run.weather, run.seed);
  const commitMs = run.commitMs ?? 20;
  const a = world.add({ self: ship, expected: neighbour(shore), commitMs });
  const b = world.add({ self: shore, expected: neighbour(ship), commitMs });
  const work = [a, b].map((end, side) => {
    const transfers = run.payloads.map((size, i) => transferOf(run.seed * 1000 + side * 100 + i, size));
    return { end, transfers, open: new Set<number>(), seen: 0 };
  });
  const finished = (w: (typeof work)[number]): boolean =>
    w.transfers.every(({ key }) =>
      w.end.keeper.results.some((r) => r.key === key && r.result.result !== "broken"),
    );
  const feed = (): boolean => {
    for (const w of work) {
      const { conversation } = w.end;
      const { state } = conversation.status();
      if (state === "lost") {
        w.end.react();
        w.end.conversation = w.end.create();
        w.end.conversation.start(world.nowMs);
        w.open.clear();
      }
      for (const event of w.end.log.splice(0)) if (event.type === "settled") w.open.delete(event.key);
      if (!w.end.conversation.canOffer()) continue;
      for (const transfer of w.transfers) {
        const settled = w.end.keeper.results.some(
          (r) => r.key === transfer.key && r.result.result !== "broken",
        );
        if (settled || w.open.has(transfer.key) || !w.end.conversation.canOffer()) continue;
        w.open.add(transfer.key);
        w.end.conversation.offer(transfer, world.nowMs);
      }
    }
    return work.every(finished);
  };
  a.conversation.start(world.nowMs);
  b.conversation.start(world.nowMs);
  let done = false;
  for (let cuts = 0; !done && cuts < 500; cuts++) {
    done = world.run(world.nowMs + (run.cutsEveryMs ?? 3 * HOUR_MS), feed);
    if (done || run.cutsEveryMs === undefined) break; // without cuts nothing may stall
    world.cut();
    for (const w of work) {
      w.open.clear();
      w.end.conversation.start(world.nowMs);
    }
  }
  expect(done, `seed ${run.seed} finishes`).toBe(true);
  for (const [side, w] of work.entries()) {
    const other = work[1 - side]!.end.keeper;
    for (const transfer of w.transfers) {
      const got = other.committed.get(hex(transfer.id));
      expect(got?.times, `seed ${run.seed} key ${transfer.key}`).toBe(1);
      expect(hex(got!.payload) === hex(transfer.payload)).toBe(true);
      expect(hex(got!.head) === hex(transfer.head)).toBe(true);
      const settled = w.end.keeper.results.filter(
        (r) => r.key === transfer.key && r.result.result !== "broken",
      );
      expect(settled).toHaveLength(1);
    }
  }
  return { world, ends: [a, b] };
}

const calm = { duplicate: 0, late: 0, lateMs: 0, bitError: 0 };

describe("a conversation in bad weather", () => {
  for (const loss of [0, 0.05, 0.2, 0.4]) {
    it(`finishes at ${loss * 100} % loss`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        carry({
          channel: radio(128),
          weather: { ...calm, loss },
          seed,
          payloads: [0, 200, 1500],
        });
      }
    });
  }

  it(`finishes with ${SEEDS} seeds of loss, duplicates, disorder, bit errors and cuts`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const pick = (n: number): number => (Math.imul(seed, 2654435761) >>> (n * 3)) % 8;
      const half = pick(0) < 5;
      const size = [48, 64, 128, 219, 255, 255, 1024, 500][pick(1)]!;
      const base = half ? radio(size, [300, 1200, 2400, 9600][pick(2) % 4]) : stream(size);
      const channel: ChannelTraits = half
        ? { ...base, encrypt: pick(5) > 1 }
        : { ...base, lossy: true, ordered: false };
      carry({
        channel,
        weather: {
          loss: [0, 0.05, 0.2, 0.4][pick(3) % 4]!,
          duplicate: pick(4) > 3 ? 0.3 : 0,
          late: half ? 0 : 0.5,
          lateMs: 3000,
          bitError: pick(6) > 4 ? 0.1 : 0,
        },
        seed,
        payloads: [10, 900, pick(7) * 300],
        ...(pick(2) > 4 ? { cutsEveryMs: 120_000 } : {}),
        commitMs: [0, 20, 3000, 0][pick(5) % 4]!,
      });
    }
  });
});
