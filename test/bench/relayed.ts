import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../harness/node.js";
import { freePorts } from "../interop/ports.js";
import type { Effort, Figure, Part } from "./figures.js";
import { BenchGateway, introduce } from "./gateway.js";

/** Programs that submit at the same time. Peers were measured with one client that does not wait. */
const CLIENTS = 64;
/** Mailboxes at the far end: a maildir looks through its folder at each delivery. */
const MAILBOXES = 50;
const CARRY_MS_MAX = 300_000;

/**
 *   clients ─ API ─► aurora ─ TCP ─► relay ─ TCP ─► shore ─► maildir
 *
 * Three daemons, each a process with its own store. All messages are sealed and signed, none are joined; each hop
 * commits before it confirms, and the mailbox is flushed before it counts.
 */
export const relayed: Part = { name: "relayed", run: measure };

async function measure(effort: Effort): Promise<readonly Figure[]> {
  const plain = await carry(effort, false);
  const withReceipts = await carry(effort, true);
  return [
    {
      id: "relayed.rate",
      what: "texts of 120 B through one relay, first submission to last delivery",
      value: plain.perSecond,
      unit: "1/s",
      aim: "≥ 1000",
    },
    {
      id: "relayed.submitted",
      what: "of these, submitted",
      value: plain.submittedPerSecond,
      unit: "1/s",
      aim: null,
    },
    {
      id: "relayed.cpu",
      what: "processor time of all three gateways",
      value: plain.cpuMs,
      unit: "ms/message",
      aim: null,
    },
    ...(["aurora", "relay", "shore"] as const).map(
      (name): Figure => ({
        id: `relayed.cpu-${name}`,
        what: `of these, ${name}`,
        value: plain.cpuMsOf[name],
        unit: "ms/message",
        aim: null,
      }),
    ),
    {
      id: "relayed.peak-memory",
      what: "largest of the three gateways, resident",
      value: plain.peakBytes / 1e6,
      unit: "MB",
      aim: null,
    },
    {
      id: "relayed.rate-with-receipts",
      what: "the same with a receipt for each message on its way back meanwhile",
      value: withReceipts.perSecond,
      unit: "1/s",
      aim: null,
    },
  ];
}

interface Carried {
  readonly perSecond: number;
  readonly submittedPerSecond: number;
  /** Per message. */
  readonly cpuMs: number;
  readonly cpuMsOf: Readonly<Record<"aurora" | "relay" | "shore", number>>;
  readonly peakBytes: number;
}

async function carry(effort: Effort, receipts: boolean): Promise<Carried> {
  const parent = mkdtempSync(join(tmpdir(), "estafette-bench-"));
  const started: BenchGateway[] = [];
  try {
    const [aurora, relay, shore] = await startLine(parent, receipts, started);
    let delivered = 0;
    const endEvents = await shore.events((line) => {
      if (line.includes('"type":"delivered"')) delivered++;
    });
    const allDelivered = async (count: number): Promise<void> => {
      await until(
        () => delivered >= count,
        `${count} deliveries; ${shore.log().slice(-2_000)}`,
        CARRY_MS_MAX,
      );
    };
    await submitMany(aurora, 0, effort.warmUpMessages);
    await allDelivered(effort.warmUpMessages);
    const all = { aurora, relay, shore };
    const before = cpuOf(all);
    const startMs = performance.now();
    await submitMany(aurora, effort.warmUpMessages, effort.messages);
    const submittedMs = performance.now();
    await allDelivered(effort.warmUpMessages + effort.messages);
    const endMs = performance.now();
    const after = cpuOf(all);
    endEvents();
    const kept = shore.mailCount();
    if (kept !== effort.warmUpMessages + effort.messages)
      throw new Error(`${kept} mails in the mailboxes, ${effort.warmUpMessages + effort.messages} were sent`);
    const share = (name: keyof typeof all): number => (after[name] - before[name]) / effort.messages;
    const cpuMsOf = { aurora: share("aurora"), relay: share("relay"), shore: share("shore") };
    return {
      perSecond: (effort.messages * 1_000) / (endMs - startMs),
      submittedPerSecond: (effort.messages * 1_000) / (submittedMs - startMs),
      cpuMs: cpuMsOf.aurora + cpuMsOf.relay + cpuMsOf.shore,
      cpuMsOf,
      peakBytes: Math.max(...started.map((gateway) => gateway.residentBytes("peak"))),
    };
  } finally {
    await Promise.all(started.map((gateway) => gateway.stop()));
    rmSync(parent, { recursive: true, force: true });
  }
}

function cpuOf<Name extends string>(all: Readonly<Record<Name, BenchGateway>>): Record<Name, number> {
  const entries = Object.entries<BenchGateway>(all).map(([name, gateway]) => [name, gateway.cpuMs()]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** Each gateway as its owner would configure it, introduced by invitations. */
async function startLine(
  parent: string,
  receipts: boolean,
  started: BenchGateway[],
): Promise<readonly [BenchGateway, BenchGateway, BenchGateway]> {
  const [port = 0] = await freePorts(1);
  const calls = `links: {lan: {driver: tcp, peer: relay, connect: "127.0.0.1:${port}"}}\n`;
  const start = async (name: string, config: string): Promise<BenchGateway> => {
    const head = `version: 1\nnode: {name: ${name}, mail_domain: ${name}.example}\nreceipts: ${receipts}\n`;
    const { gateway } = await BenchGateway.start({ parent, name, config: head + config });
    started.push(gateway);
    return gateway;
  };
  const relay = await start(
    "relay",
    `peers: {aurora: {}, shore: {}}\nlinks: {lan: {driver: tcp, peers: [aurora, shore], listen: "127.0.0.1:${port}"}}\n`,
  );
  const aurora = await start(
    "aurora",
    `peers: {relay: {}, shore: {links: []}}\nrouting: [{match: shore, via: [relay]}]\n${calls}users: {anna: {}}\n`,
  );
  const shore = await start(
    "shore",
    `peers: {relay: {}, aurora: {links: []}}\nrouting: [{match: aurora, via: [relay]}]\n${calls}mail: {mailbox: {maildir: "mail/{user}"}}\nusers: {all: {addresses: ["*@shore.example"]}}\n`,
  );
  await introduce(aurora, shore);
  // The relay learns each caller first: a caller that knows the relay calls at once.
  await introduce(aurora, relay);
  await introduce(shore, relay);
  await relay.meets(2);
  return [aurora, relay, shore];
}

/** Submits texts number `first` and following by many clients at once; each waits for its answer. */
export async function submitMany(gateway: BenchGateway, first: number, count: number): Promise<void> {
  let next = first;
  // New connections each time: the gateway closes those that idle, perhaps just when we write.
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const client = async (): Promise<void> => {
    while (next < first + count) {
      const number = next++;
      const to = [`user${number % MAILBOXES}@shore.example`];
      await gateway.api("POST", "/v1/send", { to, text: textOf(number) }, agent);
    }
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
  } finally {
    agent.destroy();
  }
}

/** 120 bytes, no two alike. */
function textOf(number: number): string {
  const words = `Report ${number}: position 54 ${number % 60} N 007 ${(number * 7) % 60} E, wind SW ${number % 12}, all well on board.`;
  return words.padEnd(120, " .").slice(0, 120);
}
