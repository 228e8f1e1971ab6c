import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ROWS, type Row, readFolders } from "./rows.js";

/*
 * npm run bench:air -- [--json] [--messages DIR] [--only id,id]
 * Bytes and virtual time between two production gateways; the same numbers at every run.
 */

/** The messages lie beside the source; this file runs from test/dist/bench/air. */
const MESSAGES = join(dirname(fileURLToPath(import.meta.url)), "../../../bench/air/messages");

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      messages: { type: "string", default: MESSAGES },
      only: { type: "string" },
    },
  });
  const folders = readFolders(values.messages);
  const only = values.only?.split(",") ?? null;
  const rows: Row[] = [];
  for (const { id, budget, measure } of ROWS) {
    if (only && !only.includes(id)) continue;
    const row = { id, ...(await measure(folders)), budget };
    rows.push(row);
    if (!values.json) console.log(line(row));
  }
  if (values.json) console.log(JSON.stringify({ rows }, null, 2));
  return 0;
}

function line({ id, value, unit, delivered, of, budget }: Row): string {
  const verdict = value <= budget && delivered === of ? "within" : "OVER";
  return `${id.padEnd(18)} ${value.toFixed(2).padStart(9)} ${unit.padEnd(20)} ${delivered}/${of}  budget ${budget}  ${verdict}`;
}

process.exitCode = await main();
