import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { deskClock } from "./desk-clock.js";
import { createRadioPair, openPseudoTerminal, startRadioOnTerminals } from "./index.js";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const FAST = { bitsPerSecond: 1_000_000, turnaroundMs: 1, clock: deskClock() };
const folder = mkdtempSync(join(tmpdir(), "estafette-modem-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function firstChunk(source: AsyncIterable<Uint8Array>): Promise<string> {
  for await (const chunk of source) return Buffer.from(chunk).toString();
  return "(end)";
}

describe("in-process face", () => {
  it("carries bytes, and reports what happened on the air", async () => {
    const radio = createRadioPair(FAST);
    const seen: string[] = [];
    const stop = radio.observe((event) => seen.push(event.type));
    const [a, b] = [radio.open("a"), radio.open("b")];
    const heard = firstChunk(b.readable);
    await a.write(Buffer.from("over"));
    expect(await heard).toBe("over");
    expect(seen).toEqual(["frame-started", "frame-ended", "received"]);
    stop();
    expect(radio.counters()).toMatchObject({ bytesSent: { a: 4, b: 0 }, fates: { delivered: 1 } });
    radio.close();
    await expect(a.write(Buffer.from("x"))).rejects.toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
  });

  it("fails reads and writes when unplugged, and opens again when plugged", async () => {
    const radio = createRadioPair(FAST);
    const a = radio.open("a");
    const reading = firstChunk(a.readable);
    radio.unplug("a");
    await expect(reading).rejects.toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    await expect(a.write(Buffer.from("x"))).rejects.toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect(() => radio.open("a")).toThrow(/unplugged/);
    radio.plug("a");
    await radio.open("a").write(Buffer.from("x"));
    radio.close();
  });

  it("lets a writer wait while the modem is full, and an unread port lose its oldest bytes", async () => {
    const radio = createRadioPair({ ...FAST, bufferBytesMax: 512 });
    const [a, b] = [radio.open("a"), radio.open("b")];
    await a.write(new Uint8Array(80_000).fill(7));
    await a.write(Buffer.from("end"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    b.close();
    expect(radio.counters().bytesSent.a).toBe(80_003);
    radio.close();
  });
});

describe.skipIf(PYTHON_IS_MISSING)("pseudo-terminal face (needs python3)", () => {
  it("is a serial port any program can open, at a stable name across unplugging", async () => {
    const path = join(folder, "port");
    const terminal = await openPseudoTerminal(path);
    expect(terminal.path).toBe(path);
    const port = await open(path, "r+");
    const pieces = terminal.written[Symbol.asyncIterator]();
    await port.write("to the modem");
    expect(Buffer.from((await pieces.next()).value ?? []).toString()).toBe("to the modem");
    await terminal.feed(Buffer.from("to the computer"));
    const { bytesRead, buffer } = await port.read(Buffer.alloc(64), 0, 64, null);
    expect(buffer.subarray(0, bytesRead).toString()).toBe("to the computer");
    await terminal.unplug();
    expect(existsSync(path)).toBe(false);
    await port.close().catch(() => {});
    await terminal.plug();
    const again = await open(path, "r+");
    await again.write("back");
    expect(Buffer.from((await pieces.next()).value ?? []).toString()).toBe("back");
    await again.close();
    terminal.close();
  });

  it("carries bytes between two ports", async () => {
    const linkPaths = { a: join(folder, "a"), b: join(folder, "b") };
    const modems = await startRadioOnTerminals({ ...FAST, linkPaths });
    expect(modems.paths).toEqual(linkPaths);
    const [a, b] = [await open(modems.paths.a, "r+"), await open(modems.paths.b, "r+")];
    await a.write("across");
    const { bytesRead, buffer } = await b.read(Buffer.alloc(64), 0, 64, null);
    expect(buffer.subarray(0, bytesRead).toString()).toBe("across");
    await a.close();
    await b.close();
    modems.close();
  });

  it("says what is missing when there is no python3", async () => {
    const path = process.env.PATH;
    process.env.PATH = folder;
    try {
      await expect(openPseudoTerminal()).rejects.toMatchObject({
        code: "EST_OPERATING_UNAVAILABLE",
        message: expect.stringContaining("python3"),
      });
    } finally {
      process.env.PATH = path;
    }
  });
});

describe.skipIf(PYTHON_IS_MISSING)("radio-modem program (needs python3)", () => {
  it("prints its ports, carries bytes, and counts", async () => {
    const modem = startProgram(["--bitrate", "1200", "--time-scale", "100", "--seed", "7", "--events"]);
    const ports = JSON.parse(await nextLine(modem.stdout)) as { a: string; b: string };
    const b = await open(ports.b, "r+");
    writeFileSync(ports.a, "hello");
    const { bytesRead, buffer } = await b.read(Buffer.alloc(64), 0, 64, null);
    expect(buffer.subarray(0, bytesRead).toString()).toBe("hello");
    await b.close();
    const log = collect(modem.stderr);
    modem.kill("SIGTERM");
    expect(await exitCode(modem)).toBe(0);
    expect(await log).toContain('"delivered":1');
  });

  it("refuses what it does not understand with usage errors", async () => {
    for (const [flags, complaint] of [
      [["--loss", "2"], "frameLoss must be from 0 to 1"],
      [["--loss", "much"], '--loss must be a number, not "much"'],
      [["--lose", "1"], "--lose"],
    ] as const) {
      const modem = startProgram(flags);
      const log = collect(modem.stderr);
      expect(await exitCode(modem)).toBe(64);
      expect(await log).toContain(complaint);
    }
  });
});

/** The built program: `npm test` builds first. */
function startProgram(flags: readonly string[]): ChildProcess {
  const program = new URL("../dist/radio-modem.js", import.meta.url).pathname;
  expect(existsSync(program), "run npm run build first").toBe(true);
  return spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
}

async function nextLine(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("exit", resolve));
}
