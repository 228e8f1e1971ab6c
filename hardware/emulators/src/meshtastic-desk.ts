import { parseArgs } from "node:util";
import { ConfigError } from "@estafette/contract";
import { deskClock } from "./desk-clock.js";
import { deskProgram, number, numbers, onEnd, print } from "./desk-program.js";
import { serveMeshtasticTcp } from "./meshtastic/faces.js";
import { createMeshtasticMesh } from "./meshtastic/mesh.js";
import type { MeshtasticOptions } from "./meshtastic/options.js";
import { isPreset, isRegion, presetNames, regionNames } from "./meshtastic/presets.js";
import { serveOnTerminal } from "./terminal-face.js";

/*
 * node hardware/emulators/dist/meshtastic-desk.js --nodes 2 --preset ShortFast --tcp 4403 --time-scale 10
 * Standard output: one JSON line with a port or address for each radio. Standard error: counters as JSON lines.
 */

const USAGE = `Meshtastic radios that exist only here.
  --nodes N        how many, 2 to 16 (2)         --preset NAME    ${presetNames.join(", ")} (LongFast)
  --region NAME    ${regionNames.join(", ")} (EU_868)
  --tcp PORT       TCP on 127.0.0.1, one port a radio from this one on, 0: any; without it: serial ports
  --link PATH      stable name for a serial port, once a radio, in order
  --loss P         packets a receiver misses, 0 to 1 (0)         --ack-loss P     acknowledgements that never leave (0)
  --hops N         hop limit, 0 to 7 (3)                         --strangers N    other people's nodes (3)
  --seed N         repeatable weather (1)                        --time-scale X   the radios run X times faster (1)
  --defect NAME    repeatable: noQueueStatus neverCompletes textBetweenFrames givesTwice stuckTransmitter
                   restartsSilently reorders
  --events         every packet on the air as a JSON line
Signals: SIGUSR1 prints the counters, SIGUSR2 restarts radio 0.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: FLAGS, strict: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const options = optionsFrom(values);
  const mesh = createMeshtasticMesh({ ...options, clock: deskClock() });
  const faces: { readonly name: string; close(): void }[] = [];
  for (const node of mesh.nums.keys()) {
    if (values.tcp === undefined) {
      const face = await serveOnTerminal(mesh, node, values.link?.[node]);
      faces.push({ name: face.path, close: () => face.close() });
    } else {
      const first = number("tcp", values.tcp);
      const where = { host: "127.0.0.1", port: first === 0 ? 0 : first + node };
      const face = await serveMeshtasticTcp(mesh, node, where);
      faces.push({ name: face.address, close: () => face.close() });
    }
  }
  const named = mesh.nums.map((num, index) => ({ node: idOf(num), port: faces[index]?.name }));
  print(process.stdout, { radios: named });
  const report = (): void =>
    print(process.stderr, { ledgers: mesh.nums.map((_, index) => mesh.ledger(index)) });
  if (values.events) mesh.observe((event) => print(process.stderr, event));
  process.on("SIGUSR1", report);
  process.on("SIGUSR2", () => mesh.reboot(0));
  onEnd(() => {
    report();
    mesh.close();
    for (const face of faces) face.close();
  });
}

const FLAGS = {
  nodes: { type: "string" },
  preset: { type: "string" },
  region: { type: "string" },
  tcp: { type: "string" },
  link: { type: "string", multiple: true },
  loss: { type: "string" },
  "ack-loss": { type: "string" },
  hops: { type: "string" },
  strangers: { type: "string" },
  seed: { type: "string" },
  "time-scale": { type: "string" },
  defect: { type: "string", multiple: true },
  events: { type: "boolean" },
  help: { type: "boolean" },
} as const;

type Flags = { readonly [flag in keyof typeof FLAGS]?: string | string[] | boolean | undefined };

function optionsFrom(values: Flags): Partial<MeshtasticOptions> {
  const options = numbers(values, NUMBERS);
  const { preset, region, defect } = values;
  if (typeof preset === "string") options.preset = named("preset", preset, isPreset);
  if (typeof region === "string") options.region = named("region", region, isRegion);
  if (Array.isArray(defect)) {
    options.defects = Object.fromEntries(defect.map((name) => [named("defect", name, isDefect), true]));
  }
  return options as Partial<MeshtasticOptions>;
}

function named(flag: string, text: string, isKnown: (text: string) => boolean): string {
  if (isKnown(text)) return text;
  throw new ConfigError("EST_CONFIG_VALUE", `--${flag} does not know "${text}"; see --help`, { key: flag });
}

function isDefect(name: string): boolean {
  return DEFECTS.includes(name);
}

function idOf(num: number): string {
  return `!${num.toString(16).padStart(8, "0")}`;
}

const NUMBERS = [
  ["nodes", "nodeCount"],
  ["loss", "loss"],
  ["ack-loss", "ackLoss"],
  ["hops", "hopLimit"],
  ["strangers", "strangerCount"],
  ["seed", "seed"],
  ["time-scale", "timeScale"],
] as const;

const DEFECTS = [
  "noQueueStatus",
  "neverCompletes",
  "textBetweenFrames",
  "givesTwice",
  "stuckTransmitter",
  "restartsSilently",
  "reorders",
];

deskProgram("meshtastic", main);
