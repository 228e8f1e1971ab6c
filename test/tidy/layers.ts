import { type ImportUse, importsOf } from "./imports.js";
import { type Finding, isTest, type SourceUnit } from "./tree.js";
import type { Workspace, Workspaces } from "./workspaces.js";

/** What one package may depend on. Names without a scope are packages of this checkout. */
interface Layer {
  /** In code that can reach a gateway. */
  readonly ours: readonly string[];
  /** Foreign packages, each in as few places as possible. */
  readonly foreign: readonly string[];
  /** What its tests may add to that. */
  readonly tests: readonly string[];
}

/** Every package a gateway is made of; simulation and conformance are missing on purpose. */
const CORE = [
  "contract",
  "protocol",
  "compression",
  "spool",
  "link",
  "router",
  "mail",
  "relay",
  "config",
  "runtime",
];

const TEST_TOOLS = ["vitest", "fast-check"];

/** The house's directions (design §3). A package not named here falls under a pattern of {@link layerOf}, or is refused. */
const LAYERS: Readonly<Record<string, Layer>> = {
  contract: { ours: [], foreign: [], tests: [] },
  protocol: { ours: ["contract"], foreign: ["@noble/ed25519"], tests: [] },
  compression: { ours: ["contract"], foreign: ["zstd-napi"], tests: [] },
  framing: { ours: ["contract"], foreign: [], tests: [] },
  router: { ours: ["contract"], foreign: [], tests: [] },
  mail: { ours: ["contract"], foreign: [], tests: [] },
  spool: { ours: ["contract"], foreign: ["better-sqlite3"], tests: ["conformance"] },
  link: { ours: ["contract", "protocol"], foreign: [], tests: [] },
  relay: {
    ours: ["contract", "protocol", "compression", "spool", "link", "router", "mail"],
    foreign: ["rxjs"],
    tests: ["conformance", "simulation", "bearer-memory"],
  },
  config: { ours: ["contract"], foreign: ["yaml", "zod"], tests: [] },
  runtime: { ours: ["contract"], foreign: ["serialport"], tests: [] },
  conformance: { ours: ["contract", "spool"], foreign: TEST_TOOLS, tests: ["bearer-memory"] },
  simulation: {
    ours: ["contract", "protocol", "spool", "link", "router", "mail", "relay", "bearer-memory"],
    foreign: [],
    tests: [],
  },
  daemon: { ours: [...CORE, "framing"], foreign: [], tests: ["emulators"] },
  cli: {
    ours: ["contract", "config", "runtime", "protocol", "mail", "daemon", "emulators", "bridge-smtp"],
    foreign: ["nodemailer"],
    tests: [],
  },
  emulators: { ours: ["contract"], foreign: [], tests: [] },
};

const PLUGIN_TESTS = ["conformance", "simulation", "emulators", "runtime"];

/** Foreign packages of single plugins: the ones whose library owns its socket (design §3). */
const PLUGIN_FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "bridge-smtp": ["smtp-server", "nodemailer"],
  "bridge-imap": ["imapflow"],
  "bearer-mqtt": ["mqtt"],
};

function layerOf(name: string): Layer | null {
  const foreign = PLUGIN_FOREIGN[name] ?? [];
  if (name.startsWith("bearer-")) return { ours: ["contract", "framing"], foreign, tests: PLUGIN_TESTS };
  if (name.startsWith("bridge-")) return { ours: ["contract", "mail"], foreign, tests: PLUGIN_TESTS };
  return LAYERS[name] ?? null;
}

const SCOPE = "@estafette/";

/** `@estafette/link` → `link`, anything else as it is. */
function shortName(name: string): string {
  return name.startsWith(SCOPE) ? name.slice(SCOPE.length) : name;
}

/** Whether code of `from`, or its tests, may import the package `to`. */
function mayImport(from: string, to: string, test: boolean): boolean {
  if (from === "test") return true;
  const layer = layerOf(from);
  if (layer === null) return false;
  // Only the daemon composes: it may load every plugin, and nothing else may load two.
  if (from === "daemon" && /^(bearer|bridge)-/.test(to)) return true;
  if (layer.ours.includes(to) || layer.foreign.includes(to)) return true;
  return test && (layer.tests.includes(to) || TEST_TOOLS.includes(to) || to === "typescript");
}

/** Package a module belongs to: `@noble/ed25519/x` → `@noble/ed25519`; null for relative and built-in modules. */
function packageOf(module: string): string | null {
  if (module.startsWith(".") || module.startsWith("/") || module.startsWith("node:")) return null;
  return module
    .split("/")
    .slice(0, module.startsWith("@") ? 2 : 1)
    .join("/");
}

/** What the layer check saw, and what it has to say. */
export interface LayerReport {
  readonly files: number;
  /** Imports of other packages, foreign ones included. */
  readonly imports: number;
  readonly findings: readonly Finding[];
}

/** Holds declared dependencies, actual imports and project references against the directions, and each other. */
export function checkLayers(units: readonly SourceUnit[], house: Workspaces): LayerReport {
  const findings: Finding[] = [];
  let files = 0;
  let imports = 0;
  for (const workspace of house.workspaces) {
    const own = units.filter((unit) => unit.ast !== null && unit.path.startsWith(`${workspace.folder}/`));
    const uses = own.flatMap(importsOf).filter((use) => packageOf(use.module) !== null);
    files += own.length;
    imports += uses.length;
    findings.push(...checkUses(workspace, uses, house.rootTools));
    findings.push(...checkDeclared(workspace, uses));
    findings.push(...checkReferences(workspace, house));
  }
  findings.push(...checkCycles(house.workspaces));
  return { files, imports, findings };
}

function checkUses(
  workspace: Workspace,
  uses: readonly ImportUse[],
  rootTools: readonly string[],
): readonly Finding[] {
  const findings: Finding[] = [];
  const from = shortName(workspace.name);
  for (const use of uses) {
    const target = packageOf(use.module) ?? "";
    const to = shortName(target);
    const test = isTest(use.path);
    const add = (message: string): void => void findings.push({ path: use.path, line: use.line, message });
    if (to === from) add(`imports its own package; instead: a relative path`);
    else if (!mayImport(from, to, test)) add(`imports ${target}, which ${from} may not know (design §3)`);
    const declared =
      workspace.dependencies.includes(target) ||
      (test && (workspace.devDependencies.includes(target) || rootTools.includes(target)));
    if (!declared && to !== from)
      add(`imports ${target}, which ${workspace.folder}/package.json does not declare`);
  }
  return findings;
}

function checkDeclared(workspace: Workspace, uses: readonly ImportUse[]): readonly Finding[] {
  const path = `${workspace.folder}/package.json`;
  const from = shortName(workspace.name);
  const findings: Finding[] = [];
  const add = (message: string): void => void findings.push({ path, line: 1, message });
  const usedBy = (dependency: string, tests: boolean): boolean =>
    uses.some((use) => packageOf(use.module) === dependency && (tests || !isTest(use.path)));
  if (from !== "test" && layerOf(from) === null) add(`has no layer in test/tidy/layers.ts; give it one`);
  for (const dependency of workspace.dependencies) {
    if (!mayImport(from, shortName(dependency), false))
      add(`depends on ${dependency}, which it may not know`);
    if (!usedBy(dependency, from === "test")) add(`depends on ${dependency}, which no code of it imports`);
  }
  for (const dependency of workspace.devDependencies) {
    if (!mayImport(from, shortName(dependency), true)) add(`tests with ${dependency}, which it may not know`);
    if (!usedBy(dependency, true) && !dependency.startsWith("@types/"))
      add(`declares ${dependency} for tests, unused`);
  }
  return findings;
}

function checkReferences(workspace: Workspace, house: Workspaces): readonly Finding[] {
  if (workspace.references === null) return [];
  const path = `${workspace.folder}/tsconfig.json`;
  const findings: Finding[] = [];
  const add = (message: string): void => void findings.push({ path, line: 1, message });
  const folders = new Map(house.workspaces.map((other) => [other.name, other.folder]));
  const wanted = workspace.dependencies.flatMap((dependency) => folders.get(dependency) ?? []);
  for (const folder of wanted) {
    if (!workspace.references.includes(folder))
      add(`does not refer to ${folder}, which package.json depends on`);
  }
  for (const folder of workspace.references) {
    if (!wanted.includes(folder)) add(`refers to ${folder}, which package.json does not depend on`);
  }
  if (!house.built.includes(workspace.folder))
    add("is not built: the root tsconfig.json does not refer to it");
  return findings;
}

/** Circles among what packages depend on at run time. */
function checkCycles(workspaces: readonly Workspace[]): readonly Finding[] {
  const byName = new Map(workspaces.map((workspace) => [workspace.name, workspace]));
  const findings: Finding[] = [];
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    const workspace = byName.get(name);
    if (start >= 0 && workspace) {
      const circle = [...trail.slice(start), name].map(shortName).join(" → ");
      findings.push({
        path: `${workspace.folder}/package.json`,
        line: 1,
        message: `depends on itself: ${circle}`,
      });
    }
    if (start >= 0 || done.has(name) || !workspace) return;
    for (const dependency of workspace.dependencies) visit(dependency, [...trail, name]);
    done.add(name);
  };
  for (const workspace of workspaces) visit(workspace.name, []);
  return findings;
}
