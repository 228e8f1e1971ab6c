import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { ProtocolError } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { runFirst } from "./first-runner.js";
import { formatVectors, generateVectors } from "./generate.js";
import { runSecond } from "./second-runner.js";
import type { VectorCase } from "./vector-case.js";

const folder = new URL("../../packages/protocol/vectors/", import.meta.url);
const generated = generateVectors();

if (process.env.UPDATE_VECTORS === "1") {
  for (const [file, cases] of Object.entries(generated)) {
    writeFileSync(new URL(file, folder), formatVectors(cases));
  }
}

const files = Object.keys(generated);
const committed = files.map((file) => readFileSync(new URL(file, folder), "utf8"));
const cases = committed.flatMap((text) => JSON.parse(text) as VectorCase[]);
const refusals = cases.filter((one) => "refused" in one.expect);

describe("test vectors", () => {
  it("are what the generator makes, file by file, and no others lie there", () => {
    expect(readdirSync(folder).sort()).toEqual(files.sort());
    for (const [i, file] of Object.keys(generated).entries()) {
      expect(committed[i], file).toBe(formatVectors(generated[file]!));
    }
  });

  it("are many, and as many say no as yes", () => {
    expect(cases.length).toBeGreaterThanOrEqual(370);
    expect(refusals.length).toBeGreaterThanOrEqual(200);
  });

  it.each(cases)("$kind: $name", (one) => {
    if ("refused" in one.expect) {
      let thrown: unknown;
      try {
        runFirst(one);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(ProtocolError);
      expect((thrown as ProtocolError).code).toBe(one.expect.refused);
      expect(() => runSecond(one)).toThrow();
    } else {
      expect(runFirst(one)).toEqual(one.expect);
      expect(runSecond(one)).toEqual(one.expect);
    }
  });
});
