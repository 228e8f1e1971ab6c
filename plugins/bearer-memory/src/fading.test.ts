import { seededRng } from "@estafette/conformance";
import { describe, expect, it } from "vitest";
import { Fading } from "./fading.js";
import { checkProfile, memoryProfiles } from "./profile.js";

const BURSTS = { everyMs: 9_000, meanMs: 1_000, loss: 0.9 };

/** Looks once a tenth of a second, and returns the lengths of the bad times in tenths. */
function badTimes(seed: number, looks: number): readonly number[] {
  const fading = new Fading(BURSTS, seededRng(seed));
  const lengths: number[] = [];
  for (let look = 0, bad = 0; look < looks; look++) {
    if (fading.isBad(look * 100)) bad++;
    else if (bad > 0) bad = lengths.push(bad) * 0;
  }
  return lengths;
}

describe("fading", () => {
  it("is bad for as much of the time, and for as long at once, as it was told", () => {
    const lengths = badTimes(3, 400_000);
    const bad = lengths.reduce((sum, one) => sum + one, 0);
    expect(bad / 400_000).toBeGreaterThan(0.08);
    expect(bad / 400_000).toBeLessThan(0.12);
    expect(bad / lengths.length).toBeGreaterThan(8);
    expect(bad / lengths.length).toBeLessThan(13);
  });

  it("is the same for a seed and another for another", () => {
    expect(badTimes(5, 20_000)).toEqual(badTimes(5, 20_000));
    expect(badTimes(5, 20_000)).not.toEqual(badTimes(6, 20_000));
  });

  it("goes on after a silence of years", () => {
    const fading = new Fading(BURSTS, seededRng(7));
    const year = 365 * 86_400_000;
    const looks = Array.from({ length: 1_000 }, (_, at) => fading.isBad(9 * year + at * 1_000));
    expect(new Set(looks)).toEqual(new Set([true, false]));
  });

  it("is refused on a medium that loses nothing, and with a share that is none", () => {
    expect(() => checkProfile({ ...memoryProfiles.stream, bursts: BURSTS })).toThrow(/bursts/);
    const over = { ...BURSTS, loss: 1.5 };
    expect(() => checkProfile({ ...memoryProfiles.radio, bursts: over })).toThrow(/bursts\.loss/);
  });
});
