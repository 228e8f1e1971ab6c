import { describe, expect, it } from "vitest";
import { createChance } from "./chance.js";
import { describeParameters } from "./describe.js";
import { LIMITS } from "./limits.js";
import { deriveParameters } from "./parameters.js";
import { drawWorkload, INTERNET_USER, MARKER_PREFIX } from "./workload.js";

const SEEDS = Array.from({ length: 300 }, (_, index) => index + 1);

describe("what a seed decides", () => {
  it("is the same every time, and differs between seeds", () => {
    expect(deriveParameters(48)).toEqual(deriveParameters(48));
    expect(new Set(SEEDS.map((seed) => JSON.stringify(deriveParameters(seed)))).size).toBe(SEEDS.length);
  });

  it("stays what it was for seeds that failed before there were other links", () => {
    const media = SEEDS.flatMap((seed) => deriveParameters(seed, "plain").media);
    expect(new Set(media.map(({ kind }) => kind))).toEqual(new Set(["radio", "stream"]));
    expect(media.every((one) => one.bitsPerSecond === one.backBitsPerSecond)).toBe(true);
    const mixed = deriveParameters(48);
    expect(mixed.nodes).toEqual(deriveParameters(48, "plain").nodes);
  });

  it("covers every topology, medium and fault, within bounds", () => {
    const worlds = SEEDS.map((seed) => deriveParameters(seed));
    expect(new Set(worlds.map((world) => world.topology))).toEqual(new Set(["pair", "line", "star"]));
    const media = worlds.flatMap((world) => world.media);
    const nodes = worlds.flatMap((world) => world.nodes);
    expect(new Set(media.map((medium) => medium.kind))).toEqual(
      new Set(["radio", "stream", "parcels", "modem", "buffer", "broker"]),
    );
    const pairs = worlds.filter((world) => world.media.length > 1 && world.nodes.length === 2);
    expect(pairs.some(({ media: [a, b] }) => a?.kind !== b?.kind)).toBe(true);
    expect(media.some((medium) => medium.bitsPerSecond !== medium.backBitsPerSecond)).toBe(true);
    const bounds = media.map((medium) => medium.bounds);
    for (const name of [
      "airtimeMsPerHourMax",
      "airtimeMsPerDayMax",
      "drainBytesPerS",
      "credits",
      "window",
    ] as const)
      expect(bounds.filter((one) => one[name] !== null).length, name).toBeGreaterThan(5);
    for (const world of worlds) {
      expect(world.nodes.length).toBeGreaterThanOrEqual(2);
      expect(world.nodes.length).toBeLessThanOrEqual(LIMITS.nodesMax);
      expect(world.submissions).toBeLessThanOrEqual(LIMITS.submissionsMax);
    }
    expect(Math.max(...media.map((medium) => medium.loss))).toBeGreaterThan(0.3);
    expect(media.some((medium) => medium.asymmetric > 0 && medium.outageEveryMs > 0)).toBe(true);
    expect(nodes.filter((node) => node.cutAtPoint > 0).length).toBeGreaterThan(nodes.length / 3);
    const years = nodes.map((node) => node.wallErrorMs / (365 * 86_400_000));
    expect(Math.min(...years)).toBeLessThan(-2);
    expect(Math.max(...years)).toBeGreaterThan(15);
  });

  it("is told to a person with every node and medium by name", () => {
    const world = deriveParameters(7);
    const lines = describeParameters(world).join("\n");
    for (const { name } of [...world.nodes, ...world.media]) expect(lines).toContain(`${name}: `);
  });
});

describe("the workload", () => {
  it("mixes everything that can be sent, each with a marker of its own", () => {
    const sent = SEEDS.flatMap((seed) =>
      drawWorkload(deriveParameters(seed), createChance(`workload ${seed}`)),
    );
    expect(new Set(sent.map((one) => one.marker)).size).toBe(sent.length);
    const recipients = sent.flatMap((one) => one.recipients);
    expect(new Set(recipients.map((one) => one.expect))).toEqual(
      new Set(["delivered", "refused", "expired"]),
    );
    expect(recipients.some((one) => one.bcc)).toBe(true);
    expect(recipients.some((one) => one.address === INTERNET_USER)).toBe(true);
    expect(new Set(sent.map((one) => one.submission.class)).size).toBe(4);
    expect(sent.some((one) => one.submission.account === null)).toBe(true);
    expect(sent.some((one) => one.submission.content.kind === "text")).toBe(true);
    for (const { submission, marker } of sent) {
      const { content } = submission;
      const shown = content.kind === "text" ? content.text : Buffer.from(content.rfc5322).toString("latin1");
      expect(shown).toContain(marker);
      expect(marker.startsWith(MARKER_PREFIX)).toBe(true);
    }
  });
});
