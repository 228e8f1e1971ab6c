import { mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { pathOf } from "../report/require.js";
import { type Child, PATIENCE_MS, shortFolder, startChild, whenReady } from "./child.js";
import { freePorts } from "./ports.js";

/** Two real sound-card TNCs that hear each other, and nobody else. */
export interface Direwolves {
  /** Loopback ports of their KISS servers. */
  readonly kissPorts: readonly [number, number];
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts a PulseAudio with two sinks that lead nowhere, and two Direwolf 1.6 at 1200 Bd: what one plays into the first
 * sink, the other records from its monitor, and the other way round. The settings are those that lost no frame in our
 * trials: 44 100 samples a second through ALSA's `plug`, 80 ms of latency, TXDELAY 400 ms, and a third of the volume.
 * Direwolf binds all interfaces, as it always does; the ports are chosen freely and it knows no secrets.
 */
export async function startDirewolves(): Promise<Direwolves> {
  const program = pathOf("direwolf");
  const sound = pathOf("pulseaudio");
  if (program === null || sound === null) throw new Error("direwolf or pulseaudio is not installed");
  const folder = shortFolder("dw");
  const runtime = join(folder, "run");
  mkdirSync(runtime, { mode: 0o700 });
  const env = [
    "/usr/bin/env",
    `HOME=${folder}`,
    `XDG_RUNTIME_DIR=${runtime}`,
    `PULSE_SERVER=unix:${join(runtime, "pulse.sock")}`,
    "PULSE_LATENCY_MSEC=80",
  ] as const;
  writeFileSync(join(folder, "pulse.pa"), pulseText(join(runtime, "pulse.sock")));
  writeFileSync(join(folder, ".asoundrc"), ALSA);
  const kissPorts = (await freePorts(2)) as unknown as readonly [number, number];
  const children: Child[] = [];
  const start = async (name: string, command: readonly string[], ready: Promise<void>): Promise<void> => {
    const child = startChild({
      command: [...env, ...command] as unknown as readonly [string, ...string[]],
      folder,
      logFile: join(folder, `${name}.log`),
    });
    children.push(child);
    await whenReady(child, ready);
  };
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) await child.stop();
  };
  try {
    const daemon = [sound, "-n", "-F", join(folder, "pulse.pa"), "--daemonize=no", "--exit-idle-time=-1"];
    await start("pulse", daemon, listens({ path: join(runtime, "pulse.sock") }));
    for (const [at, name] of (["a", "b"] as const).entries()) {
      const port = kissPorts[at] ?? 0;
      writeFileSync(join(folder, `${name}.conf`), direwolfText(name, port));
      const tnc = [program, "-c", join(folder, `${name}.conf`), "-t", "0"];
      await start(name, tnc, listens({ host: "127.0.0.1", port }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { kissPorts, log: () => children.map((child) => child.log()).join("\n"), stop };
}

/** Resolves when somebody accepts connections there. */
async function listens(where: { path: string } | { host: string; port: number }): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await accepts(where))) {
    if (performance.now() > deadline) throw new Error(`nobody listens on ${JSON.stringify(where)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function accepts(where: { path: string } | { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(where);
    const end = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

function pulseText(socket: string): string {
  return `load-module module-native-protocol-unix auth-anonymous=1 socket=${socket}
load-module module-null-sink sink_name=a2b rate=44100
load-module module-null-sink sink_name=b2a rate=44100
set-sink-volume a2b 19661
set-sink-volume b2a 19661
`;
}

/** `plug` converts between what Direwolf asks for and what PulseAudio has. */
const ALSA = [
  ["a_out", "a2b"],
  ["b_out", "b2a"],
  ["a_in", "b2a.monitor"],
  ["b_in", "a2b.monitor"],
]
  .map(([name, device]) => `pcm.${name} { type plug slave.pcm { type pulse device ${device} } }\n`)
  .join("");

function direwolfText(name: "a" | "b", port: number): string {
  return `ADEVICE ${name}_in ${name}_out
ARATE 44100
ACHANNELS 1
CHANNEL 0
MYCALL N0CALL
MODEM 1200
TXDELAY 40
AGWPORT 0
KISSPORT ${port}
`;
}
