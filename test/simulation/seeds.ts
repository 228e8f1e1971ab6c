import { readFileSync } from "node:fs";
import { deriveParameters, type WorldLinks, type WorldReport } from "@estafette/simulation";
import { describe, expect, it } from "vitest";
import { playSeed } from "./play.js";

/** Worlds in one test; a failing one names its seed. */
const SEEDS_PER_TEST = 5;
/** Longest time for that many, in milliseconds of real time; our choice, about ten times what they need. */
const TEST_MS_MAX = 180_000;

interface ChosenWorld {
  readonly seed: number;
  readonly links: WorldLinks;
}

/** Worlds that once failed, then the seeds 1…SIM_SEEDS (default 250, so that a run of all tests stays short; 500 by hand). */
export function chosenWorlds(): ChosenWorld[] {
  const lines = readFileSync(new URL("seeds.txt", import.meta.url), "utf8").split("\n");
  const failed = lines.flatMap((line): ChosenWorld[] => {
    const [, seed, plain] = /^(\d+)( plain)?: /.exec(line) ?? [];
    return seed === undefined ? [] : [{ seed: Number(seed), links: plain === undefined ? "mixed" : "plain" }];
  });
  const count = Number(process.env.SIM_SEEDS ?? 250);
  const drawn = Array.from(
    { length: count },
    (_, index): ChosenWorld => ({ seed: index + 1, links: "mixed" }),
  );
  return [...failed.filter(({ seed, links }) => links === "plain" || seed > count), ...drawn];
}

/** Plays every second world of the list, so that two workers share it. */
export function describeSeeds(shard: 0 | 1): void {
  const worlds = chosenWorlds().filter((_, index) => index % 2 === shard);
  const reports: WorldReport[] = [];
  describe(`${worlds.length} worlds keep every promise`, () => {
    for (let first = 0; first < worlds.length; first += SEEDS_PER_TEST) {
      const some = worlds.slice(first, first + SEEDS_PER_TEST);
      const names = some.map(({ seed, links }) => (links === "plain" ? `${seed} plain` : seed));
      it(`seeds ${names.join(", ")}`, { timeout: TEST_MS_MAX }, async () => {
        for (const { seed, links } of some) {
          const report = await playSeed(seed, { links });
          reports.push(report);
          const advice = `npm run sim -- --seed ${seed} --links ${links} shows it`;
          expect(report.violations, advice).toEqual([]);
        }
      });
    }

    it("looked at something", () => {
      const total = (count: (report: WorldReport) => number): number =>
        reports.reduce((sum, report) => sum + count(report), 0);
      expect(reports).toHaveLength(worlds.length);
      expect(total((report) => report.counts.accepted)).toBeGreaterThan(worlds.length * 3);
      expect(total((report) => report.counts.delivered)).toBeGreaterThan(worlds.length * 3);
      expect(total((report) => report.counts.powerCuts)).toBeGreaterThan(worlds.length);
      expect(total((report) => report.counts.custodyChecks)).toBeGreaterThan(worlds.length * 2);
      expect(total((report) => report.counts.boundedTransmissions)).toBeGreaterThan(worlds.length * 20);
      expect(total((report) => report.counts.searchedBytes)).toBeGreaterThan(worlds.length * 10_000);
    });

    it("a budget held traffic back in a third of the worlds, each kind of budget in some", () => {
      const reached = reports.map(({ counts }) => counts.boundsReached.join());
      expect(reached.filter((bounds) => bounds !== "").length).toBeGreaterThanOrEqual(worlds.length / 3);
      for (const kind of ["airtime in an hour", "airtime in a day", "credits in a day", "drain rate"]) {
        const held = reached.filter((bounds) => bounds.includes(kind));
        expect(held.length, kind).toBeGreaterThanOrEqual(Math.max(1, worlds.length / 100));
      }
    });

    it("every kind of link carried something", () => {
      const kinds = worlds.flatMap(({ seed, links }) =>
        deriveParameters(seed, links).media.map(({ kind }) => kind),
      );
      for (const kind of ["stream", "radio", "parcels", "modem", "buffer", "broker"] as const)
        expect(kinds.filter((one) => one === kind).length, kind).toBeGreaterThanOrEqual(worlds.length / 20);
    });
  });
}
