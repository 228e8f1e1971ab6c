import ts from "typescript";
import { unitOf } from "./tree.js";

/** One bound of one package. */
export interface Limit {
  /** Folder of the package, `packages/spool`. */
  readonly folder: string;
  /** `frameBytesMax`. */
  readonly name: string;
  /** As the running code sees it, digits grouped. */
  readonly value: string;
  /** Last word of the name before Max or Min: `bytes`. `–`: the text says it. */
  readonly unit: string;
  /** Its comment: what it bounds, and what happens there. */
  readonly meaning: string;
}

/** Units names end in, and their printed form. Any other word before Max or Min is what is counted. */
const UNITS: Readonly<Record<string, string>> = { ms: "ms", s: "s", chars: "characters", hz: "Hz" };

/**
 * Reads the bounds of a `limits.ts`: every exported constant, and every member of an exported object. The form is
 *
 *     export const LIMITS = {
 *       /** What it bounds. What happens at the bound. Source, or "our choice, because …". *\/
 *       frameBytesMax: 65_535,
 *
 * A member without a comment belongs to the comment above it. `values` is the imported module.
 */
export function limitsOf(
  path: string,
  text: string,
  values: Readonly<Record<string, unknown>>,
): readonly Limit[] {
  const ast = unitOf(path, text).ast;
  if (ast === null) throw new Error(`${path} is no TypeScript`);
  const folder = path.replace(/\/src\/.*$/, "");
  const limits: Limit[] = [];
  const add = (name: string, value: unknown, comment: string): void => {
    const meaning = comment || limits.at(-1)?.meaning || "";
    limits.push({ folder, name, value: format(value), unit: unitIn(name), meaning });
  };
  for (const statement of ast.statements) {
    if (!ts.isVariableStatement(statement) || !isExported(statement)) continue;
    for (const declaration of statement.declarationList.declarations) {
      const name = declaration.name.getText(ast);
      const object = objectIn(declaration.initializer);
      if (object === null) {
        add(name, values[name], commentOf(text, statement));
        continue;
      }
      const members = values[name] as Readonly<Record<string, unknown>>;
      for (const member of object.properties) {
        const key = member.name?.getText(ast) ?? "";
        add(key, members[key], commentOf(text, member));
      }
    }
  }
  return limits;
}

function isExported(statement: ts.VariableStatement): boolean {
  return statement.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function objectIn(node: ts.Expression | undefined): ts.ObjectLiteralExpression | null {
  if (node === undefined) return null;
  if (ts.isObjectLiteralExpression(node)) return node;
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return objectIn(node.expression);
  if (ts.isCallExpression(node) && node.expression.getText() === "Object.freeze")
    return objectIn(node.arguments[0]);
  return null;
}

function commentOf(text: string, node: ts.Node): string {
  const ranges = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [];
  const last = ranges.at(-1);
  if (last === undefined) return "";
  return text
    .slice(last.pos, last.end)
    .replace(/^\/\*\*?|\*\/$|^\/\//g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\*?\s?/, "").trim())
    .join(" ")
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .trim();
}

function unitIn(name: string): string {
  const words = name.split(/_|(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase());
  const bounded = words.at(-1) === "max" || words.at(-1) === "min";
  const last = words.at(bounded ? -2 : -1) ?? "";
  if (UNITS[last] !== undefined) return UNITS[last];
  return bounded || last === "bytes" ? last : "–";
}

function format(value: unknown): string {
  if (Array.isArray(value)) return value.map(format).join(", ");
  if (value !== null && typeof value === "object") {
    return Object.entries(value)
      .map(([key, part]) => `${key} ${format(part)}`)
      .join(", ");
  }
  const [whole = "", fraction] = String(value).split(".");
  if (!/^-?\d+$/.test(whole)) return String(value);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, " ");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** The committed page. */
export function limitsTable(limits: readonly Limit[]): string {
  const folders = [...new Set(limits.map((limit) => limit.folder))].sort();
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const sections = folders.map((folder) => {
    const rows = limits
      .filter((limit) => limit.folder === folder)
      .map((limit) => `| \`${limit.name}\` | ${limit.value} | ${limit.unit} | ${cell(limit.meaning)} |`);
    return `## ${folder}\n\n| name | value | unit | what it bounds, and what happens there |\n|---|--:|---|---|\n${rows.join("\n")}\n`;
  });
  return [
    "# Every bound of a gateway",
    "",
    "Every queue, buffer, table and loop has one. This page is generated from the `limits.ts` of each package by",
    "`npm run limits`; a test holds it against them.",
    "",
    sections.join("\n"),
  ].join("\n");
}
