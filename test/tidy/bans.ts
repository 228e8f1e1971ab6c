import ts from "typescript";
import { type Finding, isTest, lineOf, type SourceUnit, walk } from "./tree.js";

/** A name that may not be used, where it may after all, and what to write instead. */
interface Ban {
  /** As printed; also the key of {@link EXCEPTIONS}. */
  readonly name: string;
  readonly matches: (node: ts.Node) => boolean;
  readonly instead: string;
  /** Tests beside the code may use it: they watch real time pass and print, but take no chances. */
  readonly inTests: boolean;
}

/** The four folders that touch the real world. Everywhere else time, chance and the terminal come as arguments. */
const REAL_WORLD = ["packages/runtime/", "gateway/", "test/", "hardware/emulators/"];

/** Named places inside the pure world, each with its reason. An entry nothing uses fails the check. */
const EXCEPTIONS: readonly {
  readonly path: string;
  readonly ban: string;
  readonly because: string;
}[] = [
  {
    path: "packages/simulation/src/kernel.ts",
    ban: "setImmediate",
    because: "the kernel lets all promises run to rest between two events; no virtual clock can do that",
  },
  {
    path: "packages/spool/src/lock.ts",
    ban: "process.*",
    because:
      "the lock of the directory names the process that holds it and asks whether that one still lives",
  },
];

const CHANCE = new Set([
  "randomUUID",
  "randomBytes",
  "randomInt",
  "randomFill",
  "randomFillSync",
  "getRandomValues",
  "generateKey",
  "generateKeySync",
  "generateKeyPair",
  "generateKeyPairSync",
]);

const TIMERS = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"];

const BANS: readonly Ban[] = [
  member("Date", "now", "clock.unixMs() or clock.monotonicMs()", false),
  {
    name: "new Date()",
    matches: (node) =>
      (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
      isNamed(node.expression, "Date") &&
      (ts.isCallExpression(node) || (node.arguments?.length ?? 0) === 0),
    instead: "new Date(clock.unixMs())",
    inTests: false,
  },
  member("performance", "now", "clock.monotonicMs()", true),
  member("Math", "random", "uniformBelow(rng, bound)", false),
  member("AbortSignal", "timeout", "sleep(clock, delayMs, signal)", true),
  ...TIMERS.map((name) => ({
    name,
    matches: (node: ts.Node) => isReference(node, name),
    instead: "clock.timer(delayMs, onElapsed) or sleep(clock, delayMs)",
    inTests: true,
  })),
  ...[...CHANCE].map((name) => ({
    name,
    matches: (node: ts.Node) => ts.isIdentifier(node) && node.text === name,
    instead: "rng.bytes(count) of the Rng that was passed in",
    inTests: false,
  })),
  anyMember("console", "the log function that was passed in", true),
  anyMember("process", "an option that the daemon fills in", true),
];

/** `owner.name`, also behind `globalThis`. */
function member(owner: string, name: string, instead: string, inTests: boolean): Ban {
  return {
    name: `${owner}.${name}`,
    matches: (node) =>
      ts.isPropertyAccessExpression(node) && node.name.text === name && isNamed(node.expression, owner),
    instead,
    inTests,
  };
}

/** Any member of `owner`, and `owner` picked apart. */
function anyMember(owner: string, instead: string, inTests: boolean): Ban {
  return { name: `${owner}.*`, matches: (node) => isReference(node, owner), instead, inTests };
}

/** `name` or `globalThis.name`. */
function isNamed(node: ts.Node, name: string): boolean {
  if (ts.isIdentifier(node)) return node.text === name;
  return (
    ts.isPropertyAccessExpression(node) && node.name.text === name && isNamed(node.expression, "globalThis")
  );
}

/** An identifier that reads the global `name`: neither a member of something else nor a name being declared. */
function isReference(node: ts.Node, name: string): boolean {
  if (!ts.isIdentifier(node) || node.text !== name) return false;
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return isNamed(parent.expression, "globalThis");
  }
  if (ts.isQualifiedName(parent) || ts.isTypeReferenceNode(parent)) return false;
  const declares =
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isPropertyAssignment(parent);
  return !(declares && parent.name === node);
}

/** Uses of the wall clock, timers, chance, the terminal and the process outside the real world. */
export function findBans(unit: SourceUnit): readonly Finding[] {
  return allBans(unit)
    .filter((found) => !EXCEPTIONS.some((e) => e.path === unit.path && e.ban === found.ban))
    .map((found) => found.finding);
}

/** Exceptions that no file uses any more. */
export function staleExceptions(units: readonly SourceUnit[]): readonly string[] {
  const used = new Set(units.flatMap((unit) => allBans(unit).map((found) => `${unit.path} ${found.ban}`)));
  return EXCEPTIONS.map((e) => `${e.path} ${e.ban}`).filter((key) => !used.has(key));
}

function allBans(unit: SourceUnit): readonly { readonly ban: string; readonly finding: Finding }[] {
  const { ast, path } = unit;
  if (ast === null || REAL_WORLD.some((folder) => path.startsWith(folder))) return [];
  const bans = BANS.filter((ban) => !(ban.inTests && isTest(path)));
  const found: { ban: string; finding: Finding }[] = [];
  walk(ast, (node) => {
    for (const ban of bans) {
      if (!ban.matches(node)) continue;
      const message = `uses ${ban.name}; instead: ${ban.instead}`;
      found.push({ ban: ban.name, finding: { path, line: lineOf(ast, node), message } });
    }
  });
  return found;
}
