import type { ConfigError } from "@estafette/contract";
import type { z } from "zod";
import type { Path, SourceDocument } from "./document.js";
import { Secret } from "./fields.js";
import { nearest } from "./suggest.js";
import { quote } from "./units.js";

type Issue = z.core.$ZodIssue;

/** Turns what zod found into errors that name the place, what is wrong and what to write. */
export function configErrorsOf(
  issues: readonly Issue[],
  document: SourceDocument,
  keysAt: (path: Path) => readonly string[],
): ConfigError[] {
  return issues.flatMap((issue) => errorsOf(issue, [], document, keysAt));
}

function errorsOf(
  issue: Issue,
  above: Path,
  document: SourceDocument,
  keysAt: (path: Path) => readonly string[],
): ConfigError[] {
  const path: Path = [...above, ...issue.path.map((part) => (typeof part === "symbol" ? "?" : part))];
  const value = valueAt(document.value, path);
  const bad = (problem: string, fix?: string): ConfigError[] => [
    document.error("EST_CONFIG_VALUE", path, problem, fix),
  ];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((name) => unknownKey(name, path, document, keysAt(path)));
    case "invalid_union":
      return unionErrors(issue, path, document, keysAt, value);
    case "invalid_value":
      if (value === undefined) return [missing(path, document)];
      return bad(`${shown(value)} is not allowed here`, `write ${issue.values.map(String).join(" or ")}`);
    case "invalid_key":
      return bad("this name is not allowed here", "use lower-case letters, digits and hyphens");
    case "too_big":
      return bad(`too large or too many: ${shown(value)}`, `at most ${issue.maximum}`);
    case "too_small":
      return bad(`too small or too few: ${shown(value)}`, `at least ${issue.minimum}`);
    case "invalid_type":
      if (value === undefined) return [missing(path, document)];
      break;
    case "custom":
      break;
    default:
      return bad(issue.message);
  }
  if (issue.message.includes("\n")) {
    const [problem = "", fix] = issue.message.split("\n");
    return bad(problem, fix);
  }
  if (value instanceof Secret) return bad("a secret cannot stand here", "write the value itself");
  return bad(`${shown(value)} is not ${expected(issue)}`, `write ${expected(issue)}`);
}

function expected(issue: Issue): string {
  const names: Record<string, string> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list: [one, two]",
    object: "a map of keys and values",
    record: "a map of names and values",
  };
  const type = issue.code === "invalid_type" ? issue.expected : "";
  return names[type] ?? "a value of the right kind";
}

/** Of the alternatives, the one the writer seems to have meant speaks. */
function unionErrors(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
  document: SourceDocument,
  keysAt: (path: Path) => readonly string[],
  value: unknown,
): ConfigError[] {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Secret)) {
    const given = Object.keys(value);
    const meant = issue.errors
      .filter((branch) => !branch.some((i) => i.path.length === 0 && i.code !== "unrecognized_keys"))
      .sort((a, b) => strangers(a) - strangers(b) || a.length - b.length)[0];
    if (given.length > 0 && meant !== undefined) {
      return meant.flatMap((inner) => errorsOf(inner, path, document, keysAt));
    }
  }
  const keys = keysAt(path);
  const fix = keys.length > 0 ? `write a map with ${keys.join(", ")}` : "see `estafette init` for an example";
  return [document.error("EST_CONFIG_VALUE", path, `${shown(value)} is not allowed here`, fix)];
}

function strangers(branch: readonly Issue[]): number {
  return branch.reduce((sum, i) => sum + (i.code === "unrecognized_keys" ? i.keys.length : 0), 0);
}

function unknownKey(
  name: string,
  path: Path,
  document: SourceDocument,
  known: readonly string[],
): ConfigError {
  const near = nearest(name, known);
  const fix = near !== null ? `did you mean "${near}"?` : `known here: ${known.join(", ")}`;
  return document.error("EST_CONFIG_KEY", [...path, name], "unknown key", fix);
}

function missing(path: Path, document: SourceDocument): ConfigError {
  const name = String(path.at(-1) ?? "");
  return document.error("EST_CONFIG_KEY", path, "this key is missing", `add "${name}: …"`);
}

function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value === null || value === undefined) return "nothing";
  if (value instanceof Secret) return "a secret";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return String(value);
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}
