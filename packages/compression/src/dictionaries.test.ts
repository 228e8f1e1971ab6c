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
    expect(DICTIONARIES.map((d) => `${d.codec} ${d.name} ${d.sha256.slice(0, 16)}`)).toMatchInlineSnapshot(`
      [
        "2 en-1 afbf2a6a8792197c",
        "3 report-1 d82065468fa55c45",
        "4 de-1 563ae96021cebff1",
        "5 es-1 92f1b6de41d817fd",
        "6 fil-1 6181eb54e7b55050",
        "7 fr-1 77f7aec7c921c15a",
        "8 no-1 764cffcd7b2ee16e",
        "9 pt-1 0b7d5961d8581a71",
        "10 ru-1 ea2894250420786b",
      ]
    `);
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
