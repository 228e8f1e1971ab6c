import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import type { ByteLink } from "@estafette/contract";
import { afterEach, describe, expect, it } from "vitest";
import { deskClock } from "./desk-clock.js";
import { createPacketRadio, type PacketDefect, type PacketRadio, startKissOnPorts } from "./index.js";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const FAST = { timeScale: 1_000, clock: deskClock() };
/** Data of port 0 with FEND and FESC in it, as it stands on the wire. */
const FRAME = Uint8Array.of(0xc0, 0x00, 0x41, 0xdb, 0xdc, 0xdb, 0xdd, 0x42, 0xc0);

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function take(source: AsyncIterable<Uint8Array>, byteCount: number): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of source) {
    bytes.push(...chunk);
    if (bytes.length >= byteCount) break;
  }
  return bytes;
}

/** What the computer at the second TNC reads when the first is given {@link FRAME}. */
async function passage(defects: readonly PacketDefect[], byteCount: number): Promise<number[]> {
  const radio = createPacketRadio({ ...FAST, defects });
  undo.push(() => radio.close());
  const heard = take(radio.open(1).readable, byteCount);
  await radio.open(0).write(FRAME);
  return heard;
}

describe("KISS TNCs in process", () => {
  it("carry a frame with FEND and FESC in it to every computer of the other TNC", async () => {
    const radio = createPacketRadio(FAST);
    undo.push(() => radio.close());
    const readers = [radio.open(1), radio.open(1)].map((port) => take(port.readable, FRAME.length));
    const writer = radio.open(0);
    for (const byte of FRAME) await writer.write(Uint8Array.of(byte));
    expect(await Promise.all(readers)).toEqual([[...FRAME], [...FRAME]]);
  });

  it("show each fault they are asked for", async () => {
    expect(await passage(["repeated-fends"], 13)).toEqual([0xc0, 0xc0, ...FRAME, 0xc0, 0xc0]);
    expect((await passage(["garbage-between-frames"], 20)).slice(-FRAME.length)).toEqual([...FRAME]);
    expect(await passage(["empty-frames"], 12)).toEqual([...FRAME, 0xc0, 0x00, 0xc0]);
    expect(await passage(["second-port"], 18)).toEqual([...FRAME, 0xc0, 0x10, ...FRAME.slice(2)]);
    expect(await passage(["single-bytes"], FRAME.length)).toEqual([...FRAME]);
  });

  it("hear themselves when told so", async () => {
    const radio = createPacketRadio({ ...FAST, defects: ["own-echo"] });
    undo.push(() => radio.close());
    const port = radio.open(0);
    await port.write(FRAME);
    expect(await take(port.readable, FRAME.length)).toEqual([...FRAME]);
  });

  it("let in a bounded number of computers, none while unplugged, and cut them off when restarted", async () => {
    const radio = createPacketRadio(FAST);
    undo.push(() => radio.close());
    const ports = Array.from({ length: 8 }, () => radio.open(0));
    expect(() => radio.open(0)).toThrow(/lets nobody in/);
    ports[3]?.close();
    const last = radio.open(0);
    radio.restart(0, { offMs: 20, hangsUp: true });
    expect(await take(last.readable, 1)).toEqual([]);
    expect(() => radio.open(0)).toThrow(/lets nobody in/);
    await new Promise((resolve) => setTimeout(resolve, 40));
    const again = radio.open(0);
    radio.unplug(0);
    await expect(again.write(FRAME)).rejects.toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect(() => radio.open(0)).toThrow(/lets nobody in/);
    radio.plug(0);
    expectOpen(radio);
  });

  it("hear nothing while the air is cut", async () => {
    const radio = createPacketRadio(FAST);
    undo.push(() => radio.close());
    radio.setCut(true);
    const over = new Promise((resolve) =>
      radio.observe((event) => event.type === "unkeyed" && resolve(null)),
    );
    await radio.open(0).write(FRAME);
    await over;
    expect(radio.counters().fates).toMatchObject({ heard: 0, cut: 1 });
  });
});

function expectOpen(radio: PacketRadio): void {
  const port: ByteLink = radio.open(0);
  expect(port.remote).toBe("TNC 0");
}

describe.skipIf(PYTHON_IS_MISSING)("KISS TNCs on ports (needs python3)", () => {
  it("carry frames between a socket and a serial port", async () => {
    const bench = await startKissOnPorts({ ...FAST, tcpPorts: [0], terminalPaths: [null, ""] });
    undo.push(() => bench.close());
    const socket = await dial(bench.sockets[0] ?? "");
    const port = await open(bench.terminals[1] ?? "", "r+");
    undo.push(() => port.close());
    socket.write(FRAME);
    const buffer = Buffer.alloc(64);
    const { bytesRead } = await port.read(buffer, 0, 64, null);
    expect([...buffer.subarray(0, bytesRead)]).toEqual([...FRAME]);
    await port.write(FRAME);
    expect(await take(socket as AsyncIterable<Uint8Array>, FRAME.length)).toEqual([...FRAME]);
  });

  it("are started by a command for a person at a desk", async () => {
    const child = spawn(process.execPath, [
      new URL("../dist/kiss-tnc.js", import.meta.url).pathname,
      ...["--tcp", "0", "--tcp", "0", "--time-scale", "1000", "--events"],
    ]);
    undo.push(() => child.kill("SIGKILL"));
    const { sockets } = JSON.parse(await line(child, "stdout")) as { sockets: string[] };
    const [a, b] = await Promise.all(sockets.map(dial));
    a?.write(FRAME);
    expect(await take(b as AsyncIterable<Uint8Array>, FRAME.length)).toEqual([...FRAME]);
    expect(await line(child, "stderr")).toContain('"type":"keyed"');
    child.kill("SIGTERM");
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
  });

  it("say what is wrong with a command", () => {
    const program = new URL("../dist/kiss-tnc.js", import.meta.url).pathname;
    for (const words of [["--loss", "2"], ["--hidden", "1"], ["--defect", "nonsense"], ["--nonsense"]]) {
      const { status, stderr } = spawnSync(process.execPath, [program, ...words]);
      expect(String(stderr)).toMatch(/^kiss-tnc: /);
      expect(status).toBe(64);
    }
    expect(String(spawnSync(process.execPath, [program, "--help"]).stdout)).toContain("own-echo");
  });
});

async function dial(address: string): Promise<Socket> {
  const [host = "", port] = address.split(":");
  const socket = connect(Number(port), host);
  undo.push(() => socket.destroy());
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return socket;
}

function line(child: ChildProcess, stream: "stdout" | "stderr"): Promise<string> {
  return new Promise((resolve) =>
    child[stream]?.once("data", (bytes) => resolve(String(bytes).split("\n")[0] ?? "")),
  );
}
