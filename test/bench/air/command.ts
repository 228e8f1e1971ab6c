import { parseArgs } from "node:util";
import { HELD_OUT, heldOutFolders } from "./held-out.js";
import { LOSSY_ROWS } from "./lossy.js";
import { type Folders, readFolders } from "./messages.js";
import { isWithin, ROWS, type Row, type RowPlan } from "./rows.js";

/** Where lines go: the terminal, or a test. */
export interface Output {
  out(line: string): void;
  err(line: string): void;
}

/** One run of the bench; returns the exit code: 1 only when `--check` is given and a row is over, 64 for wrong words. */
export async function benchAir(args: readonly string[], messages: string, output: Output): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      messages: { type: "string", default: messages },
      "held-out": { type: "string" },
      only: { type: "string" },
      lossy: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
    },
  });
  const plans = chosen(values.lossy ? LOSSY_ROWS : ROWS, values.only, output);
  if (plans === null) return 64;
  const rows: Row[] = [];
  const language = values["held-out"];
  const known = HELD_OUT.find((name) => name === language);
  if (language !== undefined && known === undefined) {
    output.err(`no such prose: ${language}; there is ${HELD_OUT.join(", ")}`);
    return 64;
  }
  const folders = known ? heldOutFolders(known) : readFolders(values.messages);
  for (const plan of plans) {
    const row = await measured(plan, folders, output);
    if (row === null) continue;
    rows.push(row);
    if (!values.json) output.out(line(row));
  }
  if (values.json) output.out(JSON.stringify({ rows }, null, 2));
  return values.check && !rows.every(isWithin) ? 1 : 0;
}

/** Null: one of the ids is unknown. */
function chosen(
  plans: readonly RowPlan[],
  only: string | undefined,
  output: Output,
): readonly RowPlan[] | null {
  const ids = plans.map((plan) => plan.id);
  const wanted = only?.split(",") ?? ids;
  const unknown = wanted.filter((id) => !ids.includes(id));
  if (unknown.length > 0) output.err(`no such row: ${unknown.join(", ")}; there are ${ids.join(", ")}`);
  return unknown.length > 0 ? null : plans.filter((plan) => wanted.includes(plan.id));
}

const FOLDER_NAMES = { small: "W-small", mail: "W-mail", mixed: "W" };

/** Null: the set of messages has none of the kind this row sends. */
async function measured(plan: RowPlan, folders: Folders, output: Output): Promise<Row | null> {
  const missing = plan.needs.filter((folder) => folders[folder].length === 0);
  if (missing.length === 0) return await measure(plan, folders);
  const names = missing.map((folder) => FOLDER_NAMES[folder]);
  output.err(`${plan.id} is left out: no messages in ${names.join(", ")}`);
  return null;
}

export async function measure({ id, budget, atLeast, measure }: RowPlan, folders: Folders): Promise<Row> {
  return { id, ...(await measure(folders)), budget, ...(atLeast ? { atLeast } : {}) };
}

function line(row: Row): string {
  const { id, value, unit, delivered, of, budget, atLeast = false } = row;
  const cells = [
    id.padEnd(30),
    value.toFixed(2).padStart(9),
    unit.padEnd(24),
    `${delivered}/${of}`.padEnd(9),
  ];
  return [
    ...cells,
    `budget ${atLeast ? "≥" : "≤"} ${budget}`.padEnd(14),
    isWithin(row) ? "within" : "OVER",
  ].join(" ");
}
