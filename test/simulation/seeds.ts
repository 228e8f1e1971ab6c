import { readFileSync } from "node:fs";
import type { WorldReport } from "@estafette/simulation";
import { describe, expect, it } from "vitest";
import { playSeed } from "./play.js";

/** Worlds in one test; a failing one names its seed. */
const SEEDS_PER_TEST = 5;
/** Longest time for that many, in milliseconds of real time; our choice, about ten times what they need. */
const TEST_MS_MAX = 120_000;

/** Seeds that once failed, then 1…SIM_SEEDS (default 250). */
export function seedList(): number[] {
  const lines = readFileSync(new URL("seeds.txt", import.meta.url), "utf8").split("\n");
  const failed = lines.filter((line) => /^\d+/.test(line)).map((line) => Number.parseInt(line, 10));
  const count = Number(process.env.SIM_SEEDS ?? 250);
  return [...new Set([...failed, ...Array.from({ length: count }, (_, index) => index + 1)])];
}

/** Plays every second seed of the list, so that two workers share it. */
export function describeSeeds(shard: 0 | 1): void {
  const seeds = seedList().filter((_, index) => index % 2 === shard);
  const reports: WorldReport[] = [];
  describe(`${seeds.length} worlds keep every promise`, () => {
    for (let first = 0; first < seeds.length; first += SEEDS_PER_TEST) {
      const some = seeds.slice(first, first + SEEDS_PER_TEST);
      it(`seeds ${some.join(", ")}`, { timeout: TEST_MS_MAX }, async () => {
        for (const seed of some) {
          const report = await playSeed(seed);
          reports.push(report);
          const advice = `npm run sim -- --seed ${seed} shows it`;
          expect(report.violations, advice).toEqual([]);
        }
      });
    }

    it("looked at something", () => {
      const total = (count: (report: WorldReport) => number): number =>
        reports.reduce((sum, report) => sum + count(report), 0);
      expect(reports).toHaveLength(seeds.length);
      expect(total((report) => report.counts.accepted)).toBeGreaterThan(seeds.length * 3);
      expect(total((report) => report.counts.delivered)).toBeGreaterThan(seeds.length * 3);
      expect(total((report) => report.counts.powerCuts)).toBeGreaterThan(seeds.length);
      expect(total((report) => report.counts.custodyChecks)).toBeGreaterThan(seeds.length * 2);
      expect(total((report) => report.counts.boundedTransmissions)).toBeGreaterThan(seeds.length * 20);
      expect(total((report) => report.counts.searchedBytes)).toBeGreaterThan(seeds.length * 10_000);
    });
  });
}
