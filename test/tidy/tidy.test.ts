import { describe, expect, it } from "vitest";
import { staleExceptions } from "./bans.js";
import { PLANTED } from "./planted.js";
import { type Checkout, findBrokenReferences, findReadmes, findStrayTopLevel, QUESTIONS } from "./readme.js";
import { RULES } from "./rules.js";
import { checkoutRoot, listTree, readTree, report, unitOf } from "./tree.js";
import { readWorkspaces } from "./workspaces.js";

/** A check that looked at nothing passes; these floors make that a failure. */
const CODE_FILES_MIN = 300;
const TEXT_FILES_MIN = 330;

describe("tidy", () => {
  const paths = listTree(checkoutRoot);
  const units = readTree(checkoutRoot);
  const { workspaces, scripts } = readWorkspaces(checkoutRoot);
  const checkout: Checkout = { paths, scripts, workspaces: workspaces.map((workspace) => workspace.folder) };

  it("looks at the whole checkout", () => {
    const code = units.filter((unit) => unit.ast !== null);
    console.log(
      `tidy: looked at ${units.length} files, ${code.length} of them code, in ${workspaces.length} workspaces`,
    );
    expect(code.length).toBeGreaterThan(CODE_FILES_MIN);
    expect(units.length).toBeGreaterThan(TEXT_FILES_MIN);
    expect(units.some((unit) => unit.path === "packages/contract/src/bearer.ts")).toBe(true);
    expect(units.some((unit) => unit.path.includes("node_modules") || unit.path.includes("/dist/"))).toBe(
      false,
    );
  });

  for (const rule of RULES) {
    it(rule.name, () => {
      expect(report(units.flatMap((unit) => rule.find(unit)))).toEqual([]);
    });
  }

  it("every exception is still needed", () => {
    expect(staleExceptions(units)).toEqual([]);
  });

  it("the top of the checkout holds what the design names", () => {
    expect(report(findStrayTopLevel(paths))).toEqual([]);
  });

  it("every package has a page that answers the five questions", () => {
    expect(report(findReadmes(units, checkout))).toEqual([]);
  });

  it("links and npm scripts in the documents exist", () => {
    expect(report(units.flatMap((unit) => findBrokenReferences(unit, checkout)))).toEqual([]);
  });
});

describe("tidy finds what is planted", () => {
  it("has a planted violation and an innocent neighbour for every rule", () => {
    const guilty = new Set(PLANTED.filter((planted) => planted.findings > 0).map((planted) => planted.rule));
    const innocent = new Set(
      PLANTED.filter((planted) => planted.findings === 0).map((planted) => planted.rule),
    );
    expect([...guilty].sort()).toEqual(RULES.map((rule) => rule.name).sort());
    expect([...innocent].sort()).toEqual([...guilty].sort());
  });

  for (const planted of PLANTED) {
    const verdict = planted.findings === 0 ? "leaves alone" : "finds";
    it(`${verdict} ${planted.path}: ${planted.text.slice(0, 70).replaceAll("\n", " ")}`, () => {
      const rule = RULES.find((candidate) => candidate.name === planted.rule);
      const findings = rule?.find(unitOf(planted.path, planted.text));
      expect(findings).toHaveLength(planted.findings);
    });
  }

  it("finds an exception that nothing uses", () => {
    expect(staleExceptions([])).not.toEqual([]);
  });

  it("finds a stray file at the top", () => {
    expect(findStrayTopLevel(["docs/a.md", "packages/a/b.ts", ".ci/run"]).map((f) => f.path)).toEqual([
      "docs",
    ]);
  });

  it("finds missing, long and unanswering READMEs", () => {
    const good = QUESTIONS.map((question) => `## ${question}`).join("\n");
    const world = { paths: [], scripts: [], workspaces: ["packages/a", "packages/b", "packages/c"] };
    const findings = findReadmes(
      [
        unitOf("README.md", "packages/a packages/b"),
        unitOf("packages/a/README.md", good),
        unitOf("packages/b/README.md", `${good.replace("kept", "held")}${"\n".repeat(90)}`),
      ],
      world,
    );
    expect(report(findings)).toEqual([
      "packages/b/README.md:1 has 94 lines, at most 80",
      'packages/b/README.md:1 does not answer "what is kept"',
      "README.md:1 does not name packages/c",
      "packages/c/README.md:1 is missing",
    ]);
  });

  it("finds links to nowhere and scripts that do not exist", () => {
    const world = { paths: ["packages/a/src/x.ts"], scripts: ["demo"], workspaces: [] };
    const text = "[a](src/x.ts) [b](../a/) [c](https://x.org/) [d](gone.md) `npm run demo` `npm run gone`";
    expect(findBrokenReferences(unitOf("packages/a/README.md", text), world)).toHaveLength(2);
  });
});
