import { cpus, loadavg, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { daemon } from "./daemon.js";
import { document, type Figure, FULL, type Part, QUICK, table } from "./figures.js";
import { queue } from "./queue.js";
import { relayed } from "./relayed.js";
import { signatures } from "./signatures.js";
import { transfers } from "./transfers.js";

/*
 * npm run bench -- [--json] [--quick] [--only queue,header,transfers,relayed,daemon or ids such as relayed.rate]
 * Standard output: the table, or with --json one document. Standard error: what is being measured.
 */

const PARTS: readonly Part[] = [signatures, transfers, queue, daemon, relayed];

const USAGE = `Measures this build on this machine.
  --json       one JSON document on standard output instead of the table
  --quick      leaves out the queue of a million messages (minutes)
  --only LIST  parts or ids, separated by commas: ${PARTS.map((part) => part.name).join(", ")}
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const only = values.only?.split(",").filter((word) => word !== "") ?? null;
  const wanted = (id: string): boolean =>
    only === null || only.some((w) => id === w || id.startsWith(`${w}.`));
  const parts = PARTS.filter((part) => wanted(part.name) || only?.some((w) => w.startsWith(`${part.name}.`)));
  if (parts.length === 0) {
    process.stderr.write(`nothing is called ${values.only}\n${USAGE}`);
    return 64; // EX_USAGE of sysexits.h
  }
  const machine = describeMachine();
  const figures: Figure[] = [];
  for (const part of parts) {
    process.stderr.write(`measuring ${part.name} …\n`);
    figures.push(...(await part.run(values.quick ? QUICK : FULL)));
  }
  const shown = figures.filter((figure) => wanted(figure.id));
  process.stdout.write(`${values.json ? document(shown, machine) : table(shown)}\n`);
  return 0;
}

/** A number without its machine says little; one taken on a busy machine says less. */
function describeMachine(): Readonly<Record<string, unknown>> {
  const [first] = cpus();
  return {
    node: process.version,
    kernel: release(),
    processor: first?.model ?? "unknown",
    processor_count: cpus().length,
    memory_bytes: totalmem(),
    load_before: loadavg()[0],
  };
}

process.exitCode = await main();
