import { parseArgs } from "node:util";
import { ConfigError } from "@estafette/contract";
import { deskClock } from "./desk-clock.js";
import { deskProgram, number, numbers, onEnd, print } from "./desk-program.js";
import { type KissPortsOptions, startKissOnPorts } from "./kiss-on-ports.js";
import { PACKET_DEFECTS, type PacketDefect } from "./packet-options.js";

/*
 * node hardware/emulators/dist/kiss-tnc.js --tcp 8001 --tcp 8002 --loss 0.1 --time-scale 10
 * Standard output: one JSON line with the ports. Standard error: counters as JSON lines.
 */

const USAGE = `KISS TNCs on one radio channel.
  --tcp PORT       a TNC on 127.0.0.1:PORT, 0 for any; repeat it for each TNC
  --terminal PATH  a TNC on a serial port with that name, repeatable   (without either: two on terminals)
  --bitrate N      bits per second on the air (1200)      --loss P         frames lost, 0 to 1 (0)
  --ber P          bits damaged, 0 to 0.1 (0)             --queue N        frames a TNC holds (16)
  --hidden A,B     stations that do not hear each other, repeatable; counted from 0, TCP first
  --defect NAME    a fault of real TNCs, repeatable: ${PACKET_DEFECTS.join(", ")}
  --seed N         repeatable weather (1)                 --time-scale X   the air runs X times faster (1)
  --events         every event as a JSON line             --stats S        counters each S seconds
Signals: SIGUSR1 prints the counters, SIGUSR2 cuts or restores the air, SIGHUP restarts the first TNC (5 s).
`;

const FLAGS = {
  tcp: { type: "string", multiple: true },
  terminal: { type: "string", multiple: true },
  bitrate: { type: "string" },
  loss: { type: "string" },
  ber: { type: "string" },
  queue: { type: "string" },
  hidden: { type: "string", multiple: true },
  defect: { type: "string", multiple: true },
  seed: { type: "string" },
  "time-scale": { type: "string" },
  stats: { type: "string" },
  events: { type: "boolean" },
  help: { type: "boolean" },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: FLAGS, strict: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const bench = await startKissOnPorts(optionsFrom(values));
  const { radio } = bench;
  print(process.stdout, { sockets: bench.sockets, terminals: bench.terminals });
  const report = (): void => print(process.stderr, { counters: radio.counters() });
  if (values.events) {
    radio.observe((event) => {
      const told = event.type === "received" ? { ...event, frame: event.frame.length } : event;
      print(process.stderr, { ...told, atMs: Math.round(event.atMs) });
    });
  }
  let cut = false;
  process.on("SIGUSR1", report);
  process.on("SIGUSR2", () => {
    cut = !cut;
    radio.setCut(cut);
  });
  process.on("SIGHUP", () => radio.restart(0, { offMs: 5_000, hangsUp: bench.sockets[0] !== null }));
  const stats = values.stats ? setInterval(report, number("stats", values.stats) * 1_000) : undefined;
  onEnd(() => {
    clearInterval(stats);
    report();
    void bench.close();
  });
}

type Flags = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>["values"];

function optionsFrom(values: Flags): KissPortsOptions {
  const tcp = (values.tcp ?? []).map((port) => number("tcp", port));
  const terminals = values.terminal ?? (tcp.length === 0 ? ["", ""] : []);
  const options: Record<string, unknown> = {
    stations: tcp.length + terminals.length,
    hidden: (values.hidden ?? []).map(parsePair),
    defects: (values.defect ?? []) as PacketDefect[],
    ...numbers(values, NUMBERS),
  };
  return {
    ...(options as Partial<KissPortsOptions>),
    clock: deskClock(),
    tcpPorts: tcp,
    terminalPaths: [...tcp.map(() => null), ...terminals],
  };
}

function parsePair(text: string): readonly [number, number] {
  const [one, two, ...more] = text.split(",");
  if (two === undefined || more.length > 0)
    throw new ConfigError("EST_CONFIG_VALUE", "--hidden takes two stations, as 0,2", { key: "hidden" });
  return [number("hidden", one ?? ""), number("hidden", two)];
}

const NUMBERS = [
  ["bitrate", "bitsPerSecond"],
  ["loss", "frameLoss"],
  ["ber", "bitErrorRate"],
  ["queue", "queueFramesMax"],
  ["seed", "seed"],
  ["time-scale", "timeScale"],
] as const;

deskProgram("kiss-tnc", main);
