import { describe, expect, it } from "vitest";
import { checkLayers } from "./layers.js";
import { checkoutRoot, readTree, report, unitOf } from "./tree.js";
import { readWorkspaces, type Workspace, type Workspaces } from "./workspaces.js";

/** A check that looked at nothing passes; these floors make that a failure. */
const FILES_MIN = 300;
const IMPORTS_MIN = 350;

describe("layers", () => {
  it("hold in every package.json, tsconfig.json and import", () => {
    const house = readWorkspaces(checkoutRoot);
    const { files, imports, findings } = checkLayers(readTree(checkoutRoot), house);
    console.log(
      `layers: looked at ${files} files, ${imports} imports, ${house.workspaces.length} workspaces`,
    );
    expect(report(findings)).toEqual([]);
    expect(house.workspaces.length).toBeGreaterThanOrEqual(20);
    expect(files).toBeGreaterThan(FILES_MIN);
    expect(imports).toBeGreaterThan(IMPORTS_MIN);
  });
});

/** A small house in memory: each package with its dependencies, what its code and what its test imports. */
interface Planted {
  readonly folder: string;
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  readonly code?: readonly string[];
  readonly test?: readonly string[];
  readonly references?: readonly string[];
}

function judge(planted: readonly Planted[]): readonly string[] {
  const nameOf = (folder: string): string => `@estafette/${folder.split("/").at(-1)}`;
  const folderOf = new Map(planted.map(({ folder }) => [nameOf(folder), folder]));
  const workspaces = planted.map((one): Workspace => {
    const dependencies = one.dependencies ?? one.code ?? [];
    return {
      folder: one.folder,
      name: nameOf(one.folder),
      dependencies,
      devDependencies: one.devDependencies ?? [],
      references: one.references ?? dependencies.flatMap((name) => folderOf.get(name) ?? []),
    };
  });
  const house: Workspaces = {
    workspaces,
    rootTools: ["vitest"],
    built: planted.map(({ folder }) => folder).filter((folder) => !folder.endsWith("bearer-unbuilt")),
    scripts: [],
  };
  const units = planted.flatMap((one) => [
    unitOf(`${one.folder}/src/a.ts`, (one.code ?? []).map((name) => `import "${name}";`).join("\n")),
    unitOf(`${one.folder}/src/a.test.ts`, (one.test ?? []).map((name) => `import("${name}");`).join("\n")),
  ]);
  return report(checkLayers(units, house).findings);
}

describe("layers find what is planted", () => {
  const contract: Planted = { folder: "packages/contract" };
  const forbidden: readonly (readonly [string, string])[] = [
    ["packages/contract", "@estafette/protocol"],
    ["packages/protocol", "@estafette/link"],
    ["packages/framing", "@estafette/protocol"],
    ["packages/router", "@estafette/spool"],
    ["packages/router", "rxjs"],
    ["packages/link", "@estafette/relay"],
    ["packages/mail", "@estafette/relay"],
    ["packages/relay", "@estafette/bearer-tcp"],
    ["packages/relay", "@estafette/simulation"],
    ["packages/spool", "@estafette/conformance"],
    ["packages/config", "@estafette/daemon"],
    ["plugins/bearer-tcp", "@estafette/relay"],
    ["plugins/bearer-tcp", "@estafette/bearer-serial"],
    ["plugins/bearer-serial", "@estafette/emulators"],
    ["plugins/bridge-smtp", "@estafette/framing"],
    ["plugins/bridge-smtp", "@estafette/protocol"],
    ["gateway/daemon", "@estafette/simulation"],
    ["gateway/daemon", "@estafette/cli"],
    ["gateway/cli", "@estafette/relay"],
    ["gateway/cli", "@estafette/bearer-tcp"],
    ["hardware/emulators", "@estafette/framing"],
    ["hardware/emulators", "@estafette/bearer-serial"],
    ["packages/novelty", "@estafette/contract"],
  ];
  for (const [folder, name] of forbidden) {
    it(`${folder} must not import ${name}`, () => {
      const findings = judge([{ folder, code: [name] }]);
      expect(findings.some((finding) => finding.startsWith(`${folder}/src/a.ts:1 imports ${name}`))).toBe(
        true,
      );
      expect(
        findings.some((finding) => finding.startsWith(`${folder}/package.json:1 depends on ${name}`)),
      ).toBe(true);
    });
  }

  it("emulators may not know the plugin they test even in their tests", () => {
    const findings = judge([
      {
        folder: "hardware/emulators",
        devDependencies: ["@estafette/bearer-serial"],
        test: ["@estafette/bearer-serial"],
      },
    ]);
    expect(findings).toHaveLength(2);
  });

  it("an import nobody declared, and a dependency nobody imports", () => {
    expect(
      judge([contract, { folder: "packages/link", code: ["@estafette/contract"], dependencies: [] }]),
    ).toEqual([
      "packages/link/src/a.ts:1 imports @estafette/contract, which packages/link/package.json does not declare",
    ]);
    expect(judge([contract, { folder: "packages/link", dependencies: ["@estafette/contract"] }])).toEqual([
      "packages/link/package.json:1 depends on @estafette/contract, which no code of it imports",
    ]);
    expect(judge([{ folder: "packages/spool", devDependencies: ["@estafette/conformance"] }])).toEqual([
      "packages/spool/package.json:1 declares @estafette/conformance for tests, unused",
    ]);
  });

  it("code that uses what is declared for tests only", () => {
    const spool = {
      folder: "packages/spool",
      dependencies: [],
      devDependencies: ["vitest"],
      code: ["vitest"],
    };
    expect(judge([spool])).toContain(
      "packages/spool/src/a.ts:1 imports vitest, which spool may not know (design §3)",
    );
  });

  it("a package that imports itself by name", () => {
    const findings = judge([{ folder: "packages/link", dependencies: [], test: ["@estafette/link"] }]);
    expect(findings).toEqual([
      "packages/link/src/a.test.ts:1 imports its own package; instead: a relative path",
    ]);
  });

  it("references that differ from the dependencies, and a package that is not built", () => {
    const link = { folder: "packages/link", code: ["@estafette/contract"], references: ["packages/spool"] };
    expect(judge([contract, link])).toEqual([
      "packages/link/tsconfig.json:1 does not refer to packages/contract, which package.json depends on",
      "packages/link/tsconfig.json:1 refers to packages/spool, which package.json does not depend on",
    ]);
    expect(judge([{ folder: "plugins/bearer-unbuilt" }])).toEqual([
      "plugins/bearer-unbuilt/tsconfig.json:1 is not built: the root tsconfig.json does not refer to it",
    ]);
  });

  it("a circle", () => {
    const findings = judge([
      { folder: "packages/link", code: ["@estafette/protocol"] },
      { folder: "packages/protocol", code: ["@estafette/link"] },
    ]);
    expect(findings.filter((finding) => finding.includes("depends on itself"))).toEqual([
      "packages/link/package.json:1 depends on itself: link → protocol → link",
    ]);
  });

  it("leaves a proper house alone", () => {
    const findings = judge([
      contract,
      {
        folder: "packages/framing",
        code: ["@estafette/contract"],
        test: ["vitest", "../src/a.js", "node:fs"],
      },
      { folder: "packages/conformance", code: ["@estafette/contract", "vitest"] },
      { folder: "plugins/bearer-lora", code: ["@estafette/contract", "@estafette/framing"] },
      {
        folder: "plugins/bridge-imap",
        code: ["@estafette/contract"],
        devDependencies: ["@estafette/conformance"],
        test: ["@estafette/conformance"],
      },
      {
        folder: "gateway/daemon",
        code: ["@estafette/contract", "@estafette/bearer-lora", "@estafette/bridge-imap"],
      },
    ]);
    expect(findings).toEqual([]);
  });
});
