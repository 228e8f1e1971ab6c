import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Limit, limitsOf, limitsTable } from "./limits.js";
import { checkoutRoot, listTree } from "./tree.js";

const PAGE = join(checkoutRoot, "gateway/daemon/LIMITS.md");
/** Packages with bounds of their own; a collection that found fewer looked in the wrong place. */
const PACKAGES_MIN = 15;

async function collect(): Promise<readonly Limit[]> {
  const paths = listTree(checkoutRoot).filter((path) =>
    /^(packages|plugins|gateway|hardware)\/.*\/src\/limits\.ts$/.test(path),
  );
  const limits: Limit[] = [];
  for (const path of paths) {
    const file = join(checkoutRoot, path);
    const values = (await import(file)) as Record<string, unknown>;
    limits.push(...limitsOf(path, readFileSync(file, "utf8"), values));
  }
  return limits;
}

describe("limits", async () => {
  const limits = await collect();

  it("every bound has a value and says what happens there", () => {
    const packages = new Set(limits.map((limit) => limit.folder)).size;
    console.log(`limits: ${limits.length} bounds in ${packages} packages`);
    expect(packages).toBeGreaterThanOrEqual(PACKAGES_MIN);
    expect(limits.filter((limit) => limit.value === "undefined" || limit.value === "")).toEqual([]);
    expect(limits.filter((limit) => limit.meaning.length < 8)).toEqual([]);
  });

  it("the page is current (npm run limits writes it)", () => {
    const page = limitsTable(limits);
    if (process.env.LIMITS_WRITE === "1") writeFileSync(PAGE, page);
    expect(existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "").toBe(page);
  });

  it("reads constants, members, shared comments and computed values", () => {
    const text = [
      "/** Bytes of a frame. More: discarded. */",
      "export const FRAME_BYTES_MAX = 64 * 1024;",
      "const hidden = 4;",
      "/** Bounds. */",
      "export const LIMITS = {",
      "  /**",
      "   * Items waiting | held.",
      "   * More: refused.",
      "   */",
      "  itemsMax: hidden,",
      "  retryAfterMs: 5,",
      "  // Share of the store.",
      "  fill: 0.75,",
      "} as const;",
    ].join("\n");
    const values = { FRAME_BYTES_MAX: 65_536, LIMITS: { itemsMax: 4, retryAfterMs: 5, fill: 0.75 } };
    const found = limitsOf("packages/a/src/limits.ts", text, values);
    expect(found.map(({ name, value, unit, meaning }) => [name, value, unit, meaning])).toEqual([
      ["FRAME_BYTES_MAX", "65 536", "bytes", "Bytes of a frame. More: discarded."],
      ["itemsMax", "4", "items", "Items waiting | held. More: refused."],
      ["retryAfterMs", "5", "ms", "Items waiting | held. More: refused."],
      ["fill", "0.75", "–", "Share of the store."],
    ]);
    expect(limitsTable(found)).toContain(
      "| `itemsMax` | 4 | items | Items waiting \\| held. More: refused. |",
    );
  });

  it("notices a bound without a comment and one without a value", () => {
    const found = limitsOf("packages/a/src/limits.ts", "export const A_MAX = 1, B_MAX = 2;", { A_MAX: 1 });
    expect(found.map(({ value, meaning }) => [value, meaning])).toEqual([
      ["1", ""],
      ["undefined", ""],
    ]);
  });
});
