import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey } from "@estafette/config";
import { identityOf, until } from "../harness/node.js";
import { freePorts } from "../interop/ports.js";
import { Program, runProgram } from "../journeys/program.js";
import { type Effort, type Figure, median, type Part } from "./figures.js";
import { BenchGateway, built } from "./gateway.js";
import { submitMany } from "./relayed.js";

const RADIO = built("@estafette/emulators", "radio-modem.js");
/** The gateway waits for it as a ship waits for the shore: nobody answers. */
const ABSENT = formatKey(identityOf("shore").keys.root);

/** One gateway with one radio and mail: its start, its memory when idle, and how fast programs can submit. */
export const daemon: Part = { name: "daemon", run: measure };

async function measure(effort: Effort): Promise<readonly Figure[]> {
  const parent = mkdtempSync(join(tmpdir(), "estafette-bench-"));
  const link = await startLink(parent);
  try {
    const startMs: number[] = [];
    for (let start = 1; start < effort.starts; start++) {
      const run = await startOne(parent, link.config);
      startMs.push(run.startMs);
      await run.gateway.stop();
    }
    const { gateway, startMs: lastMs } = await startOne(parent, link.config);
    startMs.push(lastMs);
    try {
      await new Promise((resolve) => setTimeout(resolve, effort.idleMs));
      const idleBytes = gateway.residentBytes("now");
      const perSecond = await submitted(gateway, effort);
      return [
        {
          id: "daemon.start",
          what: `from spawn to ready, ${link.what} and mail configured`,
          value: median(startMs) / 1_000,
          unit: "s",
          aim: "< 2",
        },
        {
          id: "daemon.idle-memory",
          what: `resident after ${effort.idleMs / 1_000} s of idling`,
          value: idleBytes / 1e6,
          unit: "MB",
          aim: "< 100",
        },
        {
          id: "daemon.submitted",
          what: "texts of 120 B submitted by the API and kept, 64 clients",
          value: perSecond,
          unit: "1/s",
          aim: "≥ 1000",
        },
      ];
    } finally {
      await gateway.stop();
    }
  } finally {
    await link.stop();
    rmSync(parent, { recursive: true, force: true });
  }
}

async function submitted(gateway: BenchGateway, effort: Effort): Promise<number> {
  await submitMany(gateway, 0, effort.warmUpMessages);
  const startMs = performance.now();
  await submitMany(gateway, effort.warmUpMessages, effort.messages);
  return (effort.messages * 1_000) / (performance.now() - startMs);
}

function startOne(
  parent: string,
  link: string,
): Promise<{ readonly gateway: BenchGateway; readonly startMs: number }> {
  const config = `version: 1
node: {name: aurora, mail_domain: aurora.example}
peers: {shore: {key: ${ABSENT}, domains: [shore.example]}}
exit: shore
${link}
mail:
  submission: {listen: "127.0.0.1:0", tls: none}
  mailbox: {maildir: "mail/{user}"}
users: {anna: {password: !secret anna}}
`;
  return BenchGateway.start({ parent, name: "aurora", config, secrets: 'anna: "correct horse"\n' });
}

interface BenchLink {
  readonly what: string;
  readonly config: string;
  stop(): Promise<void>;
}

/** The emulated radio on a pseudo terminal; a TCP link to nobody where python3 is missing. */
async function startLink(folder: string): Promise<BenchLink> {
  const python = await runProgram(["python3", "--version"], { folder }).catch(() => null);
  if (python?.code !== 0) {
    const [port = 0] = await freePorts(1);
    return {
      what: "one TCP link",
      config: `links: {lan: {driver: tcp, peer: shore, connect: "127.0.0.1:${port}"}}`,
      stop: async () => undefined,
    };
  }
  const radio = new Program([process.execPath, RADIO, "--bitrate", "1200"], folder);
  const line = await until(() => /^\{"a".*\}$/m.exec(radio.log())?.[0], `the radio: ${radio.log()}`);
  const { a } = JSON.parse(line) as { a: string };
  return {
    what: "one radio",
    config: `links: {radio: {driver: serial, peer: shore, port: "${a}", baud: 9600, rate: 1200 bit/s, turnaround: 250 ms, duplex: half}}`,
    stop: async () => void (await radio.end("SIGTERM")),
  };
}
