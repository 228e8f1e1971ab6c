import { parseArgs } from "node:util";
import { deriveParameters, describeParameters, type WorldLinks } from "@estafette/simulation";
import { PLANTS } from "./plants.js";
import { playSeed } from "./play.js";

/*
 * npm run sim -- --seed 48 [--count 1] [--log] [--links plain] [--plant NAME], or --seeds 501..1500
 * Prints what the seed decides, what happened, and the digest. Ends with 1 when a promise was broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string" },
    links: { type: "string", default: "mixed" },
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
const links: WorldLinks = values.links === "plain" ? "plain" : "mixed";
const [from = values.seed, to] = values.seeds?.split("..") ?? [];
const first = Number(from);
const count = to === undefined ? Number(values.count) : Number(to) - first + 1;
if (!(count >= 1)) {
  console.error("--seeds takes a range such as 501..1500");
  process.exit(64);
}
let broken = 0;
let heldBack = 0;
for (let seed = first; seed < first + count; seed++) {
  if (count === 1) console.log(describeParameters(deriveParameters(seed, links)).join("\n"));
  const began = process.hrtime.bigint();
  const report = await playSeed(seed, {
    keepLog: values.log,
    links,
    ...(plant === undefined ? {} : { plant }),
  });
  const realMs = Number((process.hrtime.bigint() - began) / 1_000_000n);
  if (values.log) console.log(report.log.lines.join("\n"));
  const { faultPoints, boundsReached, ...counts } = report.counts;
  const hours = Math.round(report.virtualMs / 36_000) / 100;
  console.log(
    `seed ${seed}: ${hours} h, ${report.eventsRun} events in ${realMs} ms, ${JSON.stringify(counts)}`,
  );
  if (boundsReached.length > 0) console.log(`  held back by ${boundsReached.join("; ")}`);
  if (count === 1) console.log(`fault points passed: ${JSON.stringify(faultPoints)}`);
  for (const violation of report.violations) console.log(`  VIOLATION at ${violation}`);
  console.log(`  digest ${report.digest}`);
  if (report.violations.length > 0) broken++;
  if (report.counts.boundsReached.length > 0) heldBack++;
}
if (count > 1)
  console.log(`${count} worlds, ${broken} with broken promises, ${heldBack} held back by a budget`);
process.exitCode = broken > 0 ? 1 : 0;
