import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchAir } from "./command.js";

/*
 * npm run bench:air -- [--json] [--messages DIR] [--only id,id] [--lossy] [--check]
 * Bytes and virtual time between two production gateways; the same numbers at every run. `--lossy`: the table over
 * links that lose frames instead. Ends with 1 only when `--check` is given and a row is over its budget.
 */

/** The messages lie beside the source; this file runs from test/dist/bench/air. */
const MESSAGES = join(dirname(fileURLToPath(import.meta.url)), "../../../bench/air/messages");

process.exitCode = await benchAir(process.argv.slice(2), MESSAGES, {
  out: (line) => console.log(line),
  err: (line) => console.error(line),
});
