import ts from "typescript";
import { rootName } from "./shape.js";
import { type Finding, isTest, lineOf, type SourceUnit, walk } from "./tree.js";

/** Put together here so that this file does not find itself. */
const UNFINISHED = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);
const SILENCED = new RegExp(`@ts-${"(ignore|nocheck)"}`);
const MACHINE_PATH = new RegExp(`(?<![\\w.~/-])/(${["wo" + "rk", "ro" + "ot"].join("|")})(/|\\b(?!-))`);

const WORDS: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  { pattern: UNFINISHED, message: "is marked as unfinished; instead: finish it, or open an issue" },
  {
    pattern: SILENCED,
    message: "silences the compiler; instead: @ts-expect-error with a reason, or the right type",
  },
  { pattern: MACHINE_PATH, message: "names a path of one machine; instead: a relative or temporary one" },
];

/** Marks of unfinished work, silenced checks and one machine's paths, in any text file. */
export function findWords(unit: SourceUnit): readonly Finding[] {
  const findings: Finding[] = [];
  unit.text.split("\n").forEach((text, index) => {
    for (const word of WORDS) {
      const match = word.pattern.exec(text);
      if (match === null) continue;
      findings.push({ path: unit.path, line: index + 1, message: `"${match[0]}" ${word.message}` });
    }
  });
  return findings;
}

const TEST_ROOTS = new Set(["describe", "it", "test", "bench", "suite"]);

/** Tests that are switched off, or that switch off the others. `skipIf` and `runIf` name their condition and stay. */
export function findSwitchedOff(unit: SourceUnit): readonly Finding[] {
  const { ast, path } = unit;
  if (ast === null || !isTest(path)) return [];
  const findings: Finding[] = [];
  walk(ast, (node) => {
    if (!ts.isPropertyAccessExpression(node) || !TEST_ROOTS.has(rootName(node))) return;
    const name = node.name.text;
    if (name !== "only" && name !== "skip" && name !== "todo") return;
    const message = `.${name} switches tests off; instead: .skipIf(needs("program").skip), or delete the test`;
    findings.push({ path, line: lineOf(ast, node), message });
  });
  return findings;
}
