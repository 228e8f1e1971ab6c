import { basename } from "node:path";
import ts from "typescript";
import { type Finding, isCode, lineOf, type SourceUnit, walk } from "./tree.js";

/** Lines of a file; a reason in its first five lines lifts it. Our choice, because a reader keeps that much in view. */
const FILE_LINES_MAX = 400;
/** Lines of a function, its signature included. */
const FUNCTION_LINES_MAX = 70;
/** Lines of a package's README: one printed page. */
export const README_LINES_MAX = 80;

const SOURCE = /\.([cm]?[jt]s|c|h|py|sh|sql)$|^\.ci\/run$/;
const VAGUE = /^(manager|helper|util|service|handler)s?$/i;
const UNITLESS = new Set(["timeout", "size", "delay"]);
/** Calls that register tests: a function that makes them is a list of tests, and only the tests are measured. */
const REGISTERS = new Set(["describe", "it", "test", "bench", "suite"]);

/** Files beyond {@link FILE_LINES_MAX} without a written reason. */
export function findLongFiles(unit: SourceUnit): readonly Finding[] {
  if (!SOURCE.test(unit.path)) return [];
  const lines = unit.text.replace(/\n$/, "").split("\n");
  const excused = lines.slice(0, 5).some((line) => /(\/\/|#|\*) long because: \S+/.test(line));
  if (lines.length <= FILE_LINES_MAX || excused) return [];
  const message = `has ${lines.length} lines, at most ${FILE_LINES_MAX}; split it, or "// long because: <reason>" on top`;
  return [{ path: unit.path, line: 1, message }];
}

/** Functions beyond {@link FUNCTION_LINES_MAX}. */
export function findLongFunctions(unit: SourceUnit): readonly Finding[] {
  const { ast, path } = unit;
  if (ast === null) return [];
  const findings: Finding[] = [];
  walk(ast, (node) => {
    if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
    const lines = ast.getLineAndCharacterOfPosition(node.end).line + 2 - lineOf(ast, node);
    if (lines <= FUNCTION_LINES_MAX || listsTests(node)) return;
    const message = `function of ${lines} lines, at most ${FUNCTION_LINES_MAX}; give its steps names`;
    findings.push({ path, line: lineOf(ast, node), message });
  });
  return findings;
}

/** Whether a test is registered in the function's own body, loops included, inner functions not; or its name says so. */
function listsTests(root: ts.Node): boolean {
  if (ts.isCallExpression(root.parent) && rootName(root.parent.expression) === "describe") return true;
  if (ts.isFunctionDeclaration(root) && /^describe[A-Z]/.test(root.name?.text ?? "")) return true;
  let found = false;
  const search = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && node !== root) return;
    if (ts.isCallExpression(node) && REGISTERS.has(rootName(node.expression))) found = true;
    ts.forEachChild(node, search);
  };
  search(root);
  return found;
}

/** `describe` of `describe.skipIf(x)("…")`. */
export function rootName(node: ts.Node): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return rootName(node.expression);
  return "";
}

/** Names that say nothing, in files, classes, interfaces and types. */
export function findVagueNames(unit: SourceUnit): readonly Finding[] {
  const { ast, path } = unit;
  if (!isCode(path) || ast === null) return [];
  const findings: Finding[] = [];
  const judge = (name: string, line: number, what: string): void => {
    const word = wordsOf(name).find((part) => VAGUE.test(part));
    if (word === undefined) return;
    const message = `${what} ${name} is called "${word}"; instead: a noun that says what it is`;
    findings.push({ path, line, message });
  };
  judge(basename(path).replace(/(\.d|\.test|\.bench)?\.[cm]?[jt]s$/, ""), 1, "file");
  walk(ast, (node) => {
    if (ts.isClassLike(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
      if (node.name) judge(node.name.text, lineOf(ast, node), "type");
    }
  });
  return findings;
}

function wordsOf(name: string): readonly string[] {
  return name.split(/[-_.]|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/);
}

/** Parameters and properties called timeout, size or delay: of what unit? A callback's untyped `(size) => …` is local. */
export function findBareUnits(unit: SourceUnit): readonly Finding[] {
  const { ast, path } = unit;
  if (ast === null) return [];
  const findings: Finding[] = [];
  walk(ast, (node) => {
    if (!ts.isParameter(node) && !ts.isPropertySignature(node) && !ts.isPropertyDeclaration(node)) return;
    if (ts.isParameter(node) && ts.isArrowFunction(node.parent) && node.type === undefined) return;
    const name = node.name.getText(ast);
    if (!UNITLESS.has(name)) return;
    const message = `"${name}" has no unit; instead: ${name}Ms, ${name}Bytes, or the like`;
    findings.push({ path, line: lineOf(ast, node), message });
  });
  return findings;
}
