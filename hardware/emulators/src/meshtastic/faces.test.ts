import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { deskClock } from "../desk-clock.js";
import { createMeshtasticMesh, serveMeshtasticTcp, serveOnTerminal } from "../index.js";
import { Fields, FieldWriter } from "./fields.js";
import { FirmwareReader, frame } from "./stream.js";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;
const GREETING = frame(new FieldWriter().varint(3, 7).finish());
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Calls a radio, greets it, and resolves with how many messages came before the handshake was complete. */
async function greet(socket: Socket): Promise<number> {
  const reader = new FirmwareReader();
  let count = 0;
  socket.write(GREETING);
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) {
    for (const message of reader.push(bytes as Buffer)) {
      count++;
      if (Fields.of(message)?.number(7) === 7) return count;
    }
  }
  throw new Error("the connection ended first");
}

async function call(address: string): Promise<Socket> {
  const [host = "", port] = address.split(":");
  const socket = connect(Number(port), host);
  closing.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

describe("a radio over TCP", () => {
  it("greets its caller, and a second caller ends the first", async () => {
    const mesh = createMeshtasticMesh({ clock: deskClock(), timeScale: 100 });
    const face = await serveMeshtasticTcp(mesh, 0, { host: "127.0.0.1", port: 0 });
    closing.push(
      () => face.close(),
      () => mesh.close(),
    );
    const first = await call(face.address);
    expect(await greet(first)).toBeGreaterThan(30);
    const ended = once(first, "close");
    const second = await call(face.address);
    await ended;
    expect(await greet(second)).toBeGreaterThan(30);
    const gone = once(second, "close");
    mesh.reboot(0);
    await gone;
  });
});

describe.skipIf(PYTHON_IS_MISSING)("a radio on a pseudo-terminal (needs python3)", () => {
  it("greets who opens it, also after it was unplugged", async () => {
    const mesh = createMeshtasticMesh({ clock: deskClock() });
    const face = await serveOnTerminal(mesh, 0);
    closing.push(
      () => face.close(),
      () => mesh.close(),
    );
    for (let round = 0; round < 2; round++) {
      const port = await open(face.path, "r+");
      await port.write(GREETING);
      const { bytesRead, buffer } = await port.read(Buffer.alloc(64), 0, 64, null);
      expect(bytesRead).toBeGreaterThan(4);
      expect([...buffer.subarray(0, 2)]).toEqual([0x94, 0xc3]);
      await face.unplug();
      await port.close().catch(() => {});
      await face.plug();
    }
  });
});

describe("the program for a desk", () => {
  it("names its radios and ends with their counters", async () => {
    const { child, out, err } = start([
      "--tcp",
      "0",
      "--nodes",
      "2",
      "--preset",
      "ShortFast",
      "--defect",
      "reorders",
    ]);
    while (!out.text.includes("\n")) await once(child.stdout, "data");
    const { radios } = JSON.parse(out.text) as { radios: { node: string; port: string }[] };
    expect(radios.map(({ node }) => node)).toEqual(["!0e570001", "!0e570002"]);
    const socket = await call(radios[1]?.port ?? "");
    expect(await greet(socket)).toBeGreaterThan(30);
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(err.text).toContain('"ledgers"');
  });

  it("refuses what it does not understand", async () => {
    for (const [flags, complaint] of [
      [["--preset", "Fast"], 'does not know "Fast"'],
      [["--nodes", "1"], "nodeCount must be from 2"],
      [["--loss", "much"], '--loss must be a number, not "much"'],
    ] as const) {
      const { child, err } = start(flags);
      expect((await once(child, "close"))[0]).toBe(64);
      expect(err.text).toContain(complaint);
    }
  });
});

/** The built program: `npm test` builds first. */
function start(flags: readonly string[]) {
  const program = new URL("../../dist/meshtastic-desk.js", import.meta.url).pathname;
  expect(existsSync(program), "run npm run build first").toBe(true);
  const child = spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  closing.push(() => child.kill("SIGKILL"));
  const collect = (stream: NodeJS.ReadableStream): { text: string } => {
    const collected = { text: "" };
    stream.on("data", (chunk: Buffer) => {
      collected.text += chunk.toString();
    });
    return collected;
  };
  return { child, out: collect(child.stdout), err: collect(child.stderr) };
}
