import { builtinModules } from "node:module";
import ts from "typescript";
import { type Finding, isTest, lineOf, type SourceUnit, walk } from "./tree.js";

/** One import of a module, static, dynamic, re-exported or by type. */
export interface ImportUse {
  readonly path: string;
  readonly line: number;
  /** As written, except that `fs` becomes `node:fs`. */
  readonly module: string;
  /** Only types are taken: nothing is loaded at run time. */
  readonly typeOnly: boolean;
}

const BUILTIN = new Set(builtinModules);

/** Every module a file names, also in `import()`, `require()`, `import("x").T` and `import.meta.resolve()`. */
export function importsOf(unit: SourceUnit): readonly ImportUse[] {
  const { ast, path } = unit;
  if (ast === null) return [];
  const uses: ImportUse[] = [];
  const add = (node: ts.Node, text: string, typeOnly: boolean): void => {
    const module = BUILTIN.has(text) ? `node:${text}` : text;
    uses.push({ path, line: lineOf(ast, node), module, typeOnly });
  };
  walk(ast, (node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node, node.moduleSpecifier.text, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node, node.moduleSpecifier.text, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) add(node, node.argument.literal.text, true);
    } else if (ts.isCallExpression(node) && loads(node)) {
      const argument = node.arguments[0];
      if (argument && ts.isStringLiteralLike(argument)) add(node, argument.text, false);
    }
  });
  return uses;
}

function loads(call: ts.CallExpression): boolean {
  const callee = call.expression;
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return callee.text === "require";
  return (
    ts.isPropertyAccessExpression(callee) &&
    callee.name.text === "resolve" &&
    (ts.isMetaProperty(callee.expression) || callee.expression.getText() === "require")
  );
}

/** The one file that may see rxjs: its next major version removes `.pipe`, and one file is a day's work. */
const RXJS_HOME = "packages/relay/src/rx.ts";

const PURE = ["contract", "protocol", "framing", "router", "link", "mail"].map((name) => `packages/${name}/`);

/** Modules that reach files, sockets, processes or clocks. */
const WORLDLY = /^node:(fs|net|tls|dgram|child_process|cluster|http|http2|https|dns|os|worker_threads)(\/|$)/;

const WORLDLY_HOMES = [
  "packages/runtime/",
  "packages/spool/",
  "packages/compression/", // reads the dictionaries that lie beside it
  "plugins/bridge-smtp/",
  "plugins/bearer-file/src/parcel-folder.ts", // its channel is a folder
  "plugins/bearer-sbd/src/web.ts", // the reseller's service is HTTPS, and host.open has no TLS
  "gateway/",
  "hardware/emulators/",
  "test/",
  // Conformance and simulation run stores in temporary folders, and never reach a gateway (layers.ts holds that).
  "packages/conformance/",
  "packages/simulation/",
];

const TIMED = /^node:(timers|perf_hooks|process)(\/|$)/;
const TIMED_HOMES = ["packages/runtime/", "gateway/", "hardware/emulators/", "test/"];

/** Imports that a file's place forbids. Tests beside the code read vectors and start processes, so `node:` is free there. */
export function findImports(unit: SourceUnit): readonly Finding[] {
  const findings: Finding[] = [];
  for (const use of importsOf(unit)) {
    const complaint = complaintAbout(use, isTest(unit.path));
    if (complaint !== null) findings.push({ path: unit.path, line: use.line, message: complaint });
  }
  return findings;
}

function complaintAbout(use: ImportUse, test: boolean): string | null {
  const { module, path } = use;
  const lies = (folders: readonly string[]): boolean => folders.some((folder) => path.startsWith(folder));
  if (/^rxjs(\/|$)/.test(module) && path !== RXJS_HOME) {
    return `imports ${module}; instead: take it from ${RXJS_HOME}, inside packages/relay only`;
  }
  if (/^(\.\.\/)+(node_modules|packages|plugins|gateway|hardware)\//.test(module)) {
    return `imports ${module}; instead: another package by its name`;
  }
  if (/^@estafette\/[^/]+\/./.test(module)) {
    return `imports ${module}; instead: what the package exports through its index`;
  }
  if (!module.startsWith("node:") || test) return null;
  if (path.startsWith("packages/contract/"))
    return `imports ${module}; instead: nothing, contract imports nothing`;
  if (lies(PURE) && module !== "node:crypto") {
    return `imports ${module}; instead: take bytes and results as arguments, this package is pure`;
  }
  if (WORLDLY.test(module) && !lies(WORLDLY_HOMES)) {
    return `imports ${module}; instead: go through packages/runtime (host.open, host.listen)`;
  }
  if (TIMED.test(module) && !lies(TIMED_HOMES)) {
    return `imports ${module}; instead: take a Clock or an option`;
  }
  return null;
}
