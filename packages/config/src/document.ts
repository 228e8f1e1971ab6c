import { ConfigError, type ErrorCode } from "@estafette/contract";
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
} from "yaml";
import { Secret } from "./fields.js";
import { CONFIG_LIMITS as LIMITS } from "./limits.js";
import { quote } from "./units.js";

/** Finds the value of a secret; null: there is none. May throw ConfigError EST_CONFIG_SECRET (wrong file mode). */
export type SecretLookup = (name: string) => string | null;

export type Path = readonly (string | number)[];

/** A YAML text as plain values, and where each of them stands. */
export interface SourceDocument {
  readonly value: unknown;
  readonly errors: readonly ConfigError[];
  /** An error at the key of `path`, or at the nearest place above it that is in the text. */
  error(code: ErrorCode, path: Path, problem: string, fix?: string): ConfigError;
}

/**
 * Reads one YAML 1.2 document. Aliases, merge keys, foreign tags and keys that are not text are refused: nobody
 * needs them here and they are what makes YAML explode. A syntax error is thrown alone, since what follows it
 * means nothing.
 */
export function readDocument(text: string, file: string, secrets: SecretLookup): SourceDocument {
  if (text.length > LIMITS.textCharactersMax) {
    const problem = `the file has more than ${LIMITS.textCharactersMax} characters`;
    throw new ConfigError("EST_CONFIG_SYNTAX", problem, {
      file,
      line: 1,
      column: 1,
      fix: "is it the right file?",
    });
  }
  const lines = new LineCounter();
  const contents = parseText(text, file, lines);
  const walk = new Walk(file, lines, secrets);
  const value = walk.node(contents, []);
  return { value, errors: walk.errors, error: walk.error.bind(walk) };
}

function parseText(text: string, file: string, lineCounter: LineCounter): Node | null {
  try {
    const document = parseDocument(text, {
      version: "1.2",
      schema: "core",
      strict: true,
      uniqueKeys: true,
      merge: false,
      prettyErrors: false,
      logLevel: "error",
      lineCounter,
      customTags: [{ tag: "!secret", resolve: (name: string) => new SecretName(name) }],
    });
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem === undefined) return document.contents;
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    throw new ConfigError("EST_CONFIG_SYNTAX", `not YAML: ${sentence(problem.message)}`, {
      file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      fix: SYNTAX_FIXES[problem.code] ?? "check indentation, colons and quotes near this place",
    });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (!(error instanceof RangeError)) throw error;
    throw tooDeep(file);
  }
}

const SYNTAX_FIXES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  DUPLICATE_KEY: "keep one of them",
  TAG_RESOLVE_FAILED: "the only tag here is !secret name",
  MULTIPLE_DOCS: "keep one document, without ---",
};

function tooDeep(file: string): ConfigError {
  return new ConfigError("EST_CONFIG_SYNTAX", "the file is nested too deeply", {
    file,
    line: 1,
    column: 1,
    fix: "see `estafette init` for an example",
  });
}

function sentence(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

class SecretName {
  constructor(readonly name: string) {}
}

class Walk {
  readonly errors: ConfigError[] = [];
  private readonly places = new Map<string, number>();
  private nodeCount = 0;

  constructor(
    private readonly file: string,
    private readonly lines: LineCounter,
    private readonly secrets: SecretLookup,
  ) {}

  error(code: ErrorCode, path: Path, problem: string, fix?: string): ConfigError {
    let offset: number | undefined;
    for (let n = path.length; offset === undefined && n >= 0; n--)
      offset = this.places.get(key(path.slice(0, n)));
    const { line, col } = this.lines.linePos(offset ?? 0);
    return new ConfigError(code, problem, {
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      ...(path.length > 0 ? { key: path.map((part) => shownKey(String(part))).join(".") } : {}),
      ...(fix === undefined ? {} : { fix }),
    });
  }

  node(node: unknown, path: Path): unknown {
    this.nodeCount++;
    if (this.nodeCount > LIMITS.nodesMax || path.length > LIMITS.depthMax) throw tooDeep(this.file);
    if (path.length === 0) this.places.set(key([]), offsetOf(node) ?? 0);
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.refuse(node, path, "aliases are not supported", "write the value out");
    if (isMap(node)) return this.map(node.items, path);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        this.place([...path, index], offsetOf(item));
        return this.node(item, [...path, index]);
      });
    }
    if (isScalar(node)) return this.scalar(node, path);
    return this.refuse(node, path, "this kind of value is not supported", "write text or a number");
  }

  private map(items: readonly unknown[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const name = isScalar(pair.key) ? pair.key.value : undefined;
      const offset = offsetOf(pair.key);
      if (typeof name === "number" || typeof name === "boolean" || name === null) {
        this.place([...path, String(name)], offset);
        this.refuse(pair.key, [...path, String(name)], "a key must be text", `put it into quotes`);
      } else if (typeof name !== "string" || name === "__proto__") {
        this.place([...path, "?"], offset);
        this.refuse(pair.key, [...path, "?"], "this cannot be a key", "a key is a word");
      } else {
        this.place([...path, name], offset);
        result[name] = this.node(pair.value, [...path, name]);
      }
    }
    return result;
  }

  private scalar(node: Scalar, path: Path): unknown {
    const { value } = node;
    if (value instanceof SecretName) return this.secret(value.name, path);
    if (typeof value === "bigint") return Number(value);
    return value;
  }

  private secret(name: string, path: Path): Secret {
    const fix = `add the line "${name}: …" to secrets.yaml beside this file (mode 0600)`;
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      const problem = `${quote(name)} is not the name of a secret`;
      this.push(this.error("EST_CONFIG_SECRET", path, problem, "use 1 to 64 letters, digits, _ or -"));
      return new Secret("invalid", "-");
    }
    try {
      const value = this.secrets(name);
      if (value !== null) return new Secret(name, value);
      this.push(this.error("EST_CONFIG_SECRET", path, `there is no secret "${name}"`, fix));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.push(this.error(error.code, path, error.message, error.place.fix ?? fix));
    }
    return new Secret(name, "-");
  }

  private refuse(_node: unknown, path: Path, problem: string, fix: string): undefined {
    this.push(this.error("EST_CONFIG_VALUE", path, problem, fix));
    return undefined;
  }

  private push(error: ConfigError): void {
    if (this.errors.length < LIMITS.errorsMax) this.errors.push(error);
  }

  private place(path: Path, offset: number | undefined): void {
    if (offset !== undefined) this.places.set(key(path), offset);
  }
}

const key = (path: Path): string => JSON.stringify(path.map(String));

function shownKey(part: string): string {
  return /^[A-Za-z0-9_@.*-]{1,64}$/.test(part) ? part : quote(part);
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const range = (node as { range?: readonly number[] | null }).range;
  return range?.[0];
}
