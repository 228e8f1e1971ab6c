import { parseArgs } from "node:util";
import { deskClock } from "./desk-clock.js";
import { deskProgram, number, numbers, onEnd, print } from "./desk-program.js";
import { startRadioOnTerminals } from "./radio-on-terminals.js";
import type { RadioOptions } from "./radio-options.js";

/*
 * node hardware/emulators/dist/radio-modem.js --bitrate 1200 --loss 0.1 --seed 7 --time-scale 10
 * Standard output: one JSON line with the two ports. Standard error: counters as JSON lines.
 */

const USAGE = `Two radio modems on two serial ports.
  --bitrate N      bits per second on the air (1200)      --turnaround MS  before each frame (200)
  --loss P         frames lost, 0 to 1 (0)                --ber P          bits damaged, 0 to 0.1 (0)
  --frame-bytes N  largest frame (512)                    --idle-gap MS    pause that ends a frame (20)
  --buffer N       bytes a modem holds (1024)             --seed N         repeatable weather (1)
  --time-scale X   the air runs X times faster (1)        --cut FROM-TO    seconds without air, repeatable
  --random-cuts UP,DOWN  mean seconds                     --events         every frame as a JSON line
  --link-a PATH --link-b PATH  stable names for the ports --stats S        counters each S seconds
Signals: SIGUSR1 prints the counters, SIGUSR2 cuts or restores the air.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: FLAGS, strict: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const linkPaths =
    values["link-a"] && values["link-b"] ? { linkPaths: { a: values["link-a"], b: values["link-b"] } } : {};
  const options = optionsFrom(values);
  const modems = await startRadioOnTerminals({ ...options, ...linkPaths, clock: deskClock() });
  const { radio } = modems;
  print(process.stdout, {
    ...modems.paths,
    effectiveBitsPerSecond: (options.bitsPerSecond ?? 1_200) * (options.timeScale ?? 1),
  });
  const report = (): void => print(process.stderr, { counters: radio.counters() });
  if (values.events) {
    radio.observe((event) => {
      if (event.type !== "received") print(process.stderr, { ...event, atMs: Math.round(event.atMs) });
    });
  }
  let cut = false;
  process.on("SIGUSR1", report);
  process.on("SIGUSR2", () => {
    cut = !cut;
    radio.setCut(cut);
  });
  const stats = values.stats ? setInterval(report, number("stats", values.stats) * 1_000) : undefined;
  onEnd(() => {
    clearInterval(stats);
    report();
    modems.close();
  });
}

const FLAGS = {
  bitrate: { type: "string" },
  turnaround: { type: "string" },
  loss: { type: "string" },
  ber: { type: "string" },
  "frame-bytes": { type: "string" },
  "idle-gap": { type: "string" },
  buffer: { type: "string" },
  seed: { type: "string" },
  "time-scale": { type: "string" },
  cut: { type: "string", multiple: true },
  "random-cuts": { type: "string" },
  "link-a": { type: "string" },
  "link-b": { type: "string" },
  stats: { type: "string" },
  events: { type: "boolean" },
  help: { type: "boolean" },
} as const;

type Flags = { readonly [flag in keyof typeof FLAGS]?: string | string[] | boolean | undefined };

function optionsFrom(values: Flags): Partial<RadioOptions> {
  const options = numbers(values, NUMBERS);
  if (Array.isArray(values.cut)) options.cuts = values.cut.map(parseCut);
  if (typeof values["random-cuts"] === "string") {
    const [up, down] = values["random-cuts"].split(",").map((part) => number("random-cuts", part) * 1_000);
    options.randomCuts = { meanUpMs: up ?? Number.NaN, meanDownMs: down ?? Number.NaN };
  }
  return options as Partial<RadioOptions>;
}

function parseCut(text: string): { fromMs: number; toMs: number } {
  const [from, to] = text.split("-").map((part) => number("cut", part) * 1_000);
  return { fromMs: from ?? Number.NaN, toMs: to ?? Number.NaN };
}

const NUMBERS = [
  ["bitrate", "bitsPerSecond"],
  ["turnaround", "turnaroundMs"],
  ["loss", "frameLoss"],
  ["ber", "bitErrorRate"],
  ["frame-bytes", "frameBytesMax"],
  ["idle-gap", "idleGapMs"],
  ["buffer", "bufferBytesMax"],
  ["seed", "seed"],
  ["time-scale", "timeScale"],
] as const;

deskProgram("radio-modem", main);
