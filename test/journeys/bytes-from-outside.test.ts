import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type MemoryProfile, memoryProfiles } from "@estafette/bearer-memory";
import { describe, expect, it } from "vitest";
import { readFolders, type Sample } from "../bench/air/messages.js";
import { waiting } from "../bench/air/plays.js";
import { freePorts } from "../interop/ports.js";
import { needs } from "../report/require.js";
import { type CountedWire, startCountedWire } from "./counted-wire.js";
import { handIn } from "./mail-program.js";
import { eventually, GatewayProcess, introduce } from "./processes.js";

/*
 *   API, SMTP ─► ship ═PTY═ socat ═PTY═ shore ─► maildir
 *                            │
 *                            └─► every byte that passed, in two files
 *
 * The bench of bytes (`npm run bench:air`) counts on a medium of our own, in one process. Here real daemons talk over a
 * serial cable, and a program that is not ours counts. The cable is plugged in when everything waits; the handshake counts.
 */
const MESSAGES = fileURLToPath(new URL("../bench/air/messages", import.meta.url));
const BITS_PER_SECOND = 38_400;
/** So that COBS adds one byte to every frame, and a frame is a parcel and 7 bytes: as the bench counts a serial line. */
const PARCEL_BYTES = 240;
const FRAME_BYTES = 7;
/** A busy test machine may take seconds to answer; nobody shall ask again meanwhile, which the bench does not either. */
const ANSWER_MS = 10_000;
/** The bench's serial line (rows mail-1200), with this cable's rate and parcels. */
const CABLE: MemoryProfile = {
  ...memoryProfiles.stream,
  lossy: true,
  bitsPerSecond: BITS_PER_SECOND,
  parcelBytesMax: PARCEL_BYTES,
  overheadBytes: FRAME_BYTES,
  answerMs: ANSWER_MS,
};
const TOLERANCE = 0.02;
/** Nothing passed for so long: everything is said. */
const QUIET_MS = 4_000;
const office = "office@shore.example";
const crew = "crew@ship.example";
/** Domains of those whose name stands on the mails: the ship's own, all of them. */
const WRITERS = [
  "ship.example",
  "base.example",
  "mv-aurora.example",
  "office.example.org",
  "station-k.example",
];

interface Pair {
  readonly ship: GatewayProcess;
  readonly shore: GatewayProcess;
  readonly submissionPort: number;
  readonly wire: CountedWire;
  /** Plugs the ship's end in. */
  plug(): void;
  arrived(): number;
}

async function withPair<T>(play: (pair: Pair) => Promise<T>): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), "est-count-"));
  const [submissionPort = 0] = await freePorts(1);
  const wire = await startCountedWire(parent);
  const port = join(parent, "ship-port");
  const ship = new GatewayProcess({
    parent,
    name: "ship",
    config: shipConfig(port, submissionPort),
    secrets: { crew: "galley" },
  });
  const shore = new GatewayProcess({ parent, name: "shore", config: shoreConfig(wire.ports.shore) });
  const mailbox = join(shore.folder, "mail", "office", "new");
  try {
    await introduce(ship, shore);
    await Promise.all([ship.start(), shore.start()]);
    return await play({
      ship,
      shore,
      submissionPort,
      wire,
      plug: () => symlinkSync(wire.ports.ship, port),
      arrived: () => (existsSync(mailbox) ? readdirSync(mailbox).length : 0),
    });
  } finally {
    await ship.stop();
    await shore.stop();
    await wire.stop();
    rmSync(parent, { recursive: true, force: true });
  }
}

/** Hands the samples in at the front door, plugs the cable in, and counts what passes until both ends are silent. */
async function onWire(
  samples: readonly Sample[],
  pair: Pair,
): Promise<{ readonly bytes: number; readonly pausesMs: readonly number[] }> {
  const { ship, shore, wire } = pair;
  const pausesMs: number[] = [];
  for (const sample of samples) {
    const beganMs = performance.now();
    await atFrontDoor(sample, pair);
    pausesMs.push(Math.round(performance.now() - beganMs));
  }
  expect(wire.byteCount(), "nothing was said before the cable was plugged in").toBe(0);
  pair.plug();
  await eventually(() => pair.arrived() === samples.length, `${samples.length} messages ashore`, {
    tellers: [ship, shore],
    withinMs: 120_000,
  });
  for (let before = -1; before !== wire.byteCount(); ) {
    before = wire.byteCount();
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  }
  return { bytes: wire.byteCount(), pausesMs };
}

/** A text by the local interface, a mail by a mail program with a login. */
async function atFrontDoor(sample: Sample, { ship, submissionPort }: Pair): Promise<void> {
  if (sample.kind === "text") {
    const text = new TextDecoder().decode(sample.bytes);
    await ship.api("POST", "/v1/send", { from: crew, to: [office], text, kind: "text" });
    return;
  }
  const server = {
    port: submissionPort,
    passwords: new Map([[crew, "galley"]]),
    folder: join(ship.folder, "programs"),
  };
  mkdirSync(server.folder, { recursive: true });
  const letter = { by: "nodemailer", from: crew, to: [office], messageId: "", marker: "" } as const;
  await handIn({ ...letter, raw: Buffer.from(sample.bytes) }, server, AbortSignal.timeout(60_000));
}

describe.skipIf(needs("socat").skip)("bytes on a wire, counted by socat, are those the bench counts", () => {
  const { small, mail } = readFolders(MESSAGES);
  it.each([
    ["100 texts", small],
    ["20 mails", mail.slice(0, 20)],
  ] as const)("%s, all waiting", { timeout: 400_000 }, async (name, samples) => {
    const measured = await withPair((pair) => onWire(samples, pair));
    // At the same pace: how much later than the first a message was handed in travels with it.
    const bench = await waiting(samples, CABLE, { pausesMs: measured.pausesMs });
    expect(bench.intact).toBe(samples.length);
    const each = (bytes: number): string => (bytes / samples.length).toFixed(2);
    const off = measured.bytes / bench.bytes - 1;
    console.log(
      `${name}: ${measured.bytes} B on the wire (${each(measured.bytes)} each), bench ${bench.bytes} B (${each(bench.bytes)} each), ${(100 * off).toFixed(2)} %`,
    );
    expect(Math.abs(off)).toBeLessThanOrEqual(TOLERANCE);
  });
});

function cable(port: string, peer: string): string {
  return `links:
  cable:
    driver: serial
    peer: ${peer}
    port: ${port}
    baud: 57600
    rate: ${BITS_PER_SECOND} bit/s
    parcel_max: ${PARCEL_BYTES} B
    duplex: full
    answer: ${ANSWER_MS} ms
    chain: digest
receipts: false
lifetime: 30d
`;
}

function shipConfig(port: string, submissionPort: number): string {
  return `version: 1
node: {name: ship, mail_domains: [${WRITERS.join(", ")}]}
peers: {shore: {}}
${cable(port, "shore")}mail:
  submission: {listen: "127.0.0.1:${submissionPort}", tls: none}
users:
  crew: {password: !secret crew, addresses: [${WRITERS.map((domain) => `"*@${domain}"`).join(", ")}]}
`;
}

function shoreConfig(port: string): string {
  return `version: 1
node: {name: shore, mail_domain: shore.example}
peers: {ship: {}}
${cable(port, "ship")}mail:
  mailbox: {maildir: "mail/{user}"}
users:
  office: {addresses: [office@shore.example]}
`;
}
