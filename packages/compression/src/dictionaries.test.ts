import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DICTIONARIES, dictionaryBytes } from "./dictionaries.js";

const folder = new URL("../dictionaries/", import.meta.url);

describe("dictionaries", () => {
  it("are the files they were published as", () => {
    for (const dictionary of DICTIONARIES) {
      const bytes = readFileSync(new URL(`${dictionary.name}.dict`, folder));
      expect(createHash("sha256").update(bytes).digest("hex"), dictionary.name).toBe(dictionary.sha256);
      expect(Buffer.compare(dictionaryBytes(dictionary), bytes)).toBe(0);
    }
  });

  it("never change under their codec id", () => {
    expect(DICTIONARIES.map((d) => `${d.codec} ${d.name} ${d.sha256.slice(0, 16)}`)).toMatchInlineSnapshot();
  });

  it("have ids of their own, one file each, and fit in 400 kB", () => {
    const ids = DICTIONARIES.map((dictionary) => dictionary.codec);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...ids)).toBeLessThanOrEqual(31);
    expect(readdirSync(folder).sort()).toEqual(DICTIONARIES.map((d) => `${d.name}.dict`).sort());
    const total = DICTIONARIES.reduce((sum, dictionary) => sum + dictionaryBytes(dictionary).length, 0);
    expect(total).toBeLessThan(400_000);
  });

  it("refuse a file that is not the published one", () => {
    const forged = { codec: 99, name: DICTIONARIES[0]?.name ?? "", sha256: "00".repeat(32) };
    expect(() => dictionaryBytes(forged)).toThrow(/not the one of this version/);
  });
});
