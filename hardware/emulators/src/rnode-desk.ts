import { parseArgs } from "node:util";
import { ConfigError } from "@estafette/contract";
import { deskClock } from "./desk-clock.js";
import { deskProgram, numbers, onEnd, print } from "./desk-program.js";
import type { RnodeOptions } from "./rnode/options.js";
import { createRnodes } from "./rnode/rnodes.js";
import { type DeviceOnTerminal, serveOnTerminal } from "./terminal-face.js";

/*
 * node hardware/emulators/dist/rnode-desk.js --nodes 2 --time-scale 10
 * Standard output: one JSON line with the serial ports. Standard error: counters as JSON lines.
 */

const USAGE = `RNodes that exist only here, on serial ports.
  --nodes N       how many, 2 to 16 (2)                      --loss P        packets a receiver misses, 0 to 1 (0)
  --link PATH     stable name for a port, once a board       --power DBM     most the radio can do (17)
  --seed N        repeatable weather (1)                     --time-scale X  the radios run X times faster (1)
  --defect NAME   repeatable: isNoRnode wrongEcho stuckTransmitter failsInit losesSecondHalf
  --events        every packet on the air as a JSON line
Signals: SIGUSR1 prints the counters.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: FLAGS, strict: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const boards = createRnodes({ ...optionsFrom(values), clock: deskClock() });
  const faces: DeviceOnTerminal[] = [];
  for (let node = 0; node < boards.count; node++)
    faces.push(await serveOnTerminal(boards, node, values.link?.[node]));
  print(process.stdout, { ports: faces.map(({ path }) => path) });
  const report = (): void => print(process.stderr, { ledgers: faces.map((_, node) => boards.ledger(node)) });
  if (values.events) boards.observe((event) => print(process.stderr, event));
  process.on("SIGUSR1", report);
  onEnd(() => {
    report();
    boards.close();
    for (const face of faces) face.close();
  });
}

const FLAGS = {
  nodes: { type: "string" },
  loss: { type: "string" },
  power: { type: "string" },
  link: { type: "string", multiple: true },
  seed: { type: "string" },
  "time-scale": { type: "string" },
  defect: { type: "string", multiple: true },
  events: { type: "boolean" },
  help: { type: "boolean" },
} as const;

type Flags = { readonly [flag in keyof typeof FLAGS]?: string | string[] | boolean | undefined };

function optionsFrom(values: Flags): Partial<RnodeOptions> {
  const options = numbers(values, NUMBERS);
  if (Array.isArray(values.defect)) {
    for (const name of values.defect) {
      if (!DEFECTS.includes(name))
        throw new ConfigError("EST_CONFIG_VALUE", `--defect does not know "${name}"; see --help`);
    }
    options.defects = Object.fromEntries(values.defect.map((name) => [name, true]));
  }
  return options as Partial<RnodeOptions>;
}

const NUMBERS = [
  ["nodes", "nodeCount"],
  ["loss", "loss"],
  ["power", "txPowerDbmMax"],
  ["seed", "seed"],
  ["time-scale", "timeScale"],
] as const;

const DEFECTS = ["isNoRnode", "wrongEcho", "stuckTransmitter", "failsInit", "losesSecondHalf"];

deskProgram("rnode", main);
