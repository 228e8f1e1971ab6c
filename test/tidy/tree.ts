import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import ts from "typescript";

/** One text file of the checkout, with its syntax tree when it is TypeScript or JavaScript. */
export interface SourceUnit {
  /** Path from the root of the checkout, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Null for files that are not TypeScript or JavaScript. */
  readonly ast: ts.SourceFile | null;
}

/** What a rule has to say about one place. */
export interface Finding {
  readonly path: string;
  /** First line is 1. */
  readonly line: number;
  readonly message: string;
}

const SKIPPED_FOLDERS = new Set(["node_modules", "dist", ".git", "coverage"]);
const SKIPPED_FILES = new Set(["package-lock.json"]);
const CODE = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);
const TEXT = new Set([
  ...CODE,
  ".c",
  ".h",
  ".py",
  ".sh",
  ".sql",
  ".md",
  ".json",
  ".yaml",
  ".yml",
  ".service",
]);
/** Entries [files and folders]; a checkout beyond it stops the check with an error, never silently. */
const ENTRIES_MAX = 20_000;

/** The root of the checkout this file lies in. */
export const checkoutRoot = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** Whether a path names TypeScript or JavaScript. */
export function isCode(path: string): boolean {
  return CODE.has(extname(path));
}

/** Parses a text as the file `path`; the planted violations of the self-tests come in this way too. */
export function unitOf(path: string, text: string): SourceUnit {
  const ast = isCode(path) ? ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) : null;
  return { path, text, ast };
}

/** Paths of all files below `root` that are ours: no dependencies, no build output. */
export function listTree(root: string): readonly string[] {
  const found: string[] = [];
  const folders = [""];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      entries += 1;
      if (entries > ENTRIES_MAX) throw new Error(`more than ${ENTRIES_MAX} entries below ${root}`);
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) folders.push(path);
      if (entry.isFile() && !SKIPPED_FILES.has(entry.name)) found.push(path);
    }
  }
  return found.sort();
}

/** Reads every text file of the checkout. Vectors and captures are data and stay out. */
export function readTree(root: string): readonly SourceUnit[] {
  return listTree(root)
    .filter((path) => TEXT.has(extname(path)) || path === ".ci/run")
    .filter((path) => !path.includes("/vectors/") || isCode(path))
    .map((path) => unitOf(path, readFileSync(join(root, path), "utf8")));
}

/** Line of a node, first line is 1. */
export function lineOf(ast: ts.SourceFile, node: ts.Node): number {
  return ast.getLineAndCharacterOfPosition(node.getStart(ast)).line + 1;
}

/** Calls `visit` for the node and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** A test beside the code, or anything below test/: code that never runs in a gateway. */
export function isTest(path: string): boolean {
  return path.startsWith("test/") || /\.(test|bench)\.[cm]?[jt]s$/.test(path);
}

/** Findings as lines a terminal can jump to. */
export function report(findings: readonly Finding[]): readonly string[] {
  return findings.map((finding) => `${finding.path}:${finding.line} ${finding.message}`);
}
