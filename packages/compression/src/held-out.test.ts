import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CODEC, compressContent } from "./compression.js";
import { DICTIONARIES } from "./dictionaries.js";

/*
 * Messages no dictionary was trained with, on subjects the training sentences do not have. The bounds are what was
 * measured and a little more; README.md prints the numbers.
 */
const read = (name: string): string =>
  readFileSync(new URL(`../training/held-out/${name}`, import.meta.url), "utf8");
const texts = read("texts.txt").trim().split("\n");
const mails = read("mails.txt").trim().split("\n=====\n");
const others = read("others.txt").trim().split("\n");
const reports = read("reports.txt").trim().split("\n");

interface Cost {
  readonly raw: number;
  readonly zstd: number;
  readonly best: number;
}

const encoder = new TextEncoder();

/** Bytes per message, rounded: as it is, with zstd alone, with what is chosen. */
function cost(contents: readonly string[], messages: number): Cost {
  const total = (codecs?: readonly number[]): number =>
    contents.reduce((sum, content) => {
      return sum + compressContent(encoder.encode(content), codecs ? { codecs } : {}).bytes.length;
    }, 0);
  const mean = (bytes: number): number => Math.round((bytes * 10) / messages) / 10;
  return { raw: mean(total([])), zstd: mean(total([CODEC.zstd])), best: mean(total()) };
}

describe("messages no dictionary knows", () => {
  it("cost these bytes", () => {
    expect({
      "short texts, each alone": cost(texts, texts.length),
      "40 short texts together": cost([texts.join("\n")], texts.length),
      "mails, each alone": cost(mails, mails.length),
      "8 mails together": cost([mails.join("\n")], mails.length),
      "reports, each alone": cost(reports, reports.length),
      "texts in seven other languages": cost(
        others.map((line) => line.replace(/^\w+: /, "")),
        others.length,
      ),
    }).toMatchInlineSnapshot(`
      {
        "40 short texts together": {
          "best": 39.8,
          "raw": 99.1,
          "zstd": 53.3,
        },
        "8 mails together": {
          "best": 313.9,
          "raw": 766.9,
          "zstd": 386.3,
        },
        "mails, each alone": {
          "best": 330.8,
          "raw": 766,
          "zstd": 476.1,
        },
        "reports, each alone": {
          "best": 59,
          "raw": 92.6,
          "zstd": 77.8,
        },
        "short texts, each alone": {
          "best": 49.1,
          "raw": 98.1,
          "zstd": 78.1,
        },
        "texts in seven other languages": {
          "best": 53.1,
          "raw": 87.7,
          "zstd": 71.3,
        },
      }
    `);
  });

  it("are served by the dictionary of their own language", () => {
    for (const { codec, name } of DICTIONARIES) {
      const language = name.replace(/-\d+$/, "");
      const own = others.filter((line) => line.startsWith(`${language}: `)).map((line) => line.slice(4));
      if (own.length === 0) continue;
      const bytes = (codecs: readonly number[]): number =>
        own.reduce((sum, text) => sum + compressContent(encoder.encode(text), { codecs }).bytes.length, 0);
      expect(bytes([codec]), language).toBeLessThan(bytes([CODEC.zstd, 2]) * 0.97);
    }
  });
});
