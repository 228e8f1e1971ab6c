import { parseArgs } from "node:util";
import { deriveParameters, describeParameters } from "@estafette/simulation";
import { PLANTS } from "./plants.js";
import { playSeed } from "./play.js";

/*
 * npm run sim -- --seed 48 [--count 1] [--log] [--plant NAME]
 * Prints what the seed decides, what happened, and the digest. Ends with 1 when a promise was broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    log: { type: "boolean", default: false },
    plant: { type: "string" },
  },
});

const plant = PLANTS.find((one) => one.name === values.plant);
if (values.plant !== undefined && plant === undefined) {
  console.error(`no such plant; there are: ${PLANTS.map((one) => one.name).join(", ")}`);
  process.exit(64);
}
const first = Number(values.seed);
const count = Number(values.count);
let broken = 0;
for (let seed = first; seed < first + count; seed++) {
  if (count === 1) console.log(describeParameters(deriveParameters(seed)).join("\n"));
  const began = process.hrtime.bigint();
  const report = await playSeed(seed, { keepLog: values.log, ...(plant === undefined ? {} : { plant }) });
  const realMs = Number((process.hrtime.bigint() - began) / 1_000_000n);
  if (values.log) console.log(report.log.lines.join("\n"));
  const { faultPoints, ...counts } = report.counts;
  const hours = Math.round(report.virtualMs / 36_000) / 100;
  console.log(
    `seed ${seed}: ${hours} h, ${report.eventsRun} events in ${realMs} ms, ${JSON.stringify(counts)}`,
  );
  if (count === 1) console.log(`fault points passed: ${JSON.stringify(faultPoints)}`);
  for (const violation of report.violations) console.log(`  VIOLATION at ${violation}`);
  console.log(`  digest ${report.digest}`);
  if (report.violations.length > 0) broken++;
}
if (count > 1) console.log(`${count} worlds, ${broken} with broken promises`);
process.exitCode = broken > 0 ? 1 : 0;
