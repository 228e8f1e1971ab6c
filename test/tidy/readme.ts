import { README_LINES_MAX } from "./shape.js";
import type { Finding, SourceUnit } from "./tree.js";

/** The five questions every package's README answers, in these words. */
export const QUESTIONS = [
  "what comes in",
  "what goes out",
  "what is kept",
  "what can fail",
  "how to test",
] as const;

/** What a documentation check needs to know about the checkout. */
export interface Checkout {
  /** Every file, code or not, from the root. */
  readonly paths: readonly string[];
  /** Folders of the workspaces, `packages/contract`. */
  readonly workspaces: readonly string[];
  /** Names of the scripts of the root package.json. */
  readonly scripts: readonly string[];
}

/** Top-level entries the design allows (design §3): no other file or folder, dot files excepted. */
const TOP_LEVEL = new Set([
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "README.md",
  "LICENSE",
  "packages",
  "plugins",
  "gateway",
  "hardware",
  "test",
]);

/** Files and folders the design has no place for. */
export function findStrayTopLevel(paths: readonly string[]): readonly Finding[] {
  const tops = new Set(paths.map((path) => path.split("/")[0] ?? path));
  return [...tops]
    .filter((top) => !TOP_LEVEL.has(top) && !top.startsWith("."))
    .map((top) => ({
      path: top,
      line: 1,
      message: "has no place at the top of the checkout; see test/ or the packages",
    }));
}

/** Packages without a one-page README that answers the five questions, and packages the top README forgets. */
export function findReadmes(units: readonly SourceUnit[], checkout: Checkout): readonly Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string): void => void findings.push({ path, line: 1, message });
  const texts = new Map(units.map((unit) => [unit.path, unit.text]));
  const top = texts.get("README.md");
  if (top === undefined) add("README.md", "is missing");
  for (const folder of checkout.workspaces) {
    if (top !== undefined && !top.includes(folder)) add("README.md", `does not name ${folder}`);
    if (folder === "test") continue;
    const path = `${folder}/README.md`;
    const text = texts.get(path);
    if (text === undefined) {
      add(path, "is missing");
      continue;
    }
    const lines = text.replace(/\n$/, "").split("\n").length;
    if (lines > README_LINES_MAX) add(path, `has ${lines} lines, at most ${README_LINES_MAX}`);
    const lower = text.toLowerCase();
    for (const question of QUESTIONS) {
      if (!lower.includes(question)) add(path, `does not answer "${question}"`);
    }
  }
  return findings;
}

/** Links to files that are not there, and `npm run` of scripts that do not exist, in any Markdown file. */
export function findBrokenReferences(unit: SourceUnit, checkout: Checkout): readonly Finding[] {
  if (!unit.path.endsWith(".md")) return [];
  const findings: Finding[] = [];
  const known = new Set(checkout.paths.flatMap((path) => ancestorsOf(path)));
  const scripts = new Set(checkout.scripts);
  unit.text.split("\n").forEach((text, index) => {
    const add = (message: string): void => void findings.push({ path: unit.path, line: index + 1, message });
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
      if (!known.has(resolve(unit.path, target))) add(`links to ${target}, which is not there`);
    }
    for (const [, script = ""] of text.matchAll(/\bnpm run (?:-s |--silent )?([\w:-]+)/g)) {
      if (!scripts.has(script)) add(`names "npm run ${script}", which is no script of package.json`);
    }
  });
  return findings;
}

function ancestorsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** `packages/link/README.md` + `../spool/` → `packages/spool`. */
function resolve(from: string, target: string): string {
  const parts = target.startsWith("/") ? [] : from.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}
