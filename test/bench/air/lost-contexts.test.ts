import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import { submissionOf } from "./messages.js";
import { AirPair } from "./pair.js";
import { STREAM } from "./profiles.js";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** A time or a number may need a byte more; a digest that differs costs about 14. */
const SLACK_BYTES = 3;

const TEXTS = [
  "All well on board. We expect to be alongside on Thursday.",
  "The pump is repaired, fuel for nine days is left.",
  "Wind has gone round to the west, we stay at anchor.",
  "Thank you for the forecast. Next call tomorrow at noon.",
  "Anchor is up, course two four zero, nothing to report.",
];

async function restart(pair: AirPair, who: "ship" | "shore", remembers: boolean): Promise<void> {
  await pair[who].stop();
  if (!remembers) rmSync(pair.world.directoryOf(who), { recursive: true, force: true });
  await pair[who].start();
}

/** Bytes of each meeting, one text at each; before `lossBefore` one of the two has forgotten all it knew. */
async function meetings(loses: "ship" | "shore" | null, lossBefore: number): Promise<number[]> {
  return await AirPair.play({ seed: "meetings", profile: STREAM, cut: true }, async (pair) => {
    const costs: number[] = [];
    for (const [index, text] of TEXTS.entries()) {
      // A new start numbers its messages anew: from here on the shore knows two kinds of heads.
      if (index === 1) await restart(pair, "ship", true);
      if (loses && index === lossBefore) await restart(pair, loses, false);
      await pair.submit([submissionOf({ name: text, bytes: new TextEncoder().encode(text), kind: "text" })]);
      const before = pair.bytesOnLink;
      pair.air.restore();
      await pair.untilDelivered(index + 1, HOUR_MS);
      await pair.world.runFor(MINUTE_MS);
      pair.air.cut();
      await pair.world.runFor(MINUTE_MS);
      costs.push(pair.bytesOnLink - before);
    }
    return costs;
  });
}

it.each(["ship", "shore"] as const)(
  "the meetings after a %s lost everything cost more once, then as ever",
  async (who) => {
    const undisturbed = await meetings(null, 0);
    const disturbed = await meetings(who, 2);
    const more = disturbed.map((bytes, i) => bytes - (undisturbed[i] ?? 0));
    expect(more.slice(0, 2)).toEqual([0, 0]);
    expect(more[2]).toBeGreaterThan(SLACK_BYTES);
    expect(Math.max(...more.slice(3)), `${undisturbed} and ${disturbed}`).toBeLessThanOrEqual(SLACK_BYTES);
  },
);
