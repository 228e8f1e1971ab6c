import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { describe, expect, it } from "vitest";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;

/** The built program: `npm test` builds first. */
function start(flags: readonly string[]) {
  const program = new URL("../../dist/rnode-desk.js", import.meta.url).pathname;
  expect(existsSync(program), "run npm run build first").toBe(true);
  const child = spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  return { child, said };
}

describe.skipIf(PYTHON_IS_MISSING)("the program for a desk (needs python3)", () => {
  it("names its ports, answers a detection, and ends with its counters", async () => {
    const { child, said } = start(["--nodes", "3", "--time-scale", "100"]);
    while (!said.out.includes("\n")) await once(child.stdout, "data");
    const { ports } = JSON.parse(said.out) as { ports: string[] };
    expect(ports).toHaveLength(3);
    const port = await open(ports[0] ?? "", "r+");
    let heard = Buffer.alloc(0);
    for (let attempt = 0; attempt < 50 && !heard.includes(Buffer.of(0xc0, 0x08, 0x46, 0xc0)); attempt++) {
      await port.write(Uint8Array.of(0xc0, 0x08, 0x73, 0xc0));
      const { bytesRead, buffer } = await port.read(Buffer.alloc(256), 0, 256, null);
      heard = Buffer.concat([heard, buffer.subarray(0, bytesRead)]);
    }
    expect(heard.includes(Buffer.of(0xc0, 0x08, 0x46, 0xc0))).toBe(true);
    await port.close();
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(said.err).toContain('"ledgers"');
  });
});

describe("the program's flags", () => {
  it("are refused when they are not understood", async () => {
    for (const [flags, complaint] of [
      [["--nodes", "1"], "nodeCount must be from 2"],
      [["--loss", "much"], '--loss must be a number, not "much"'],
      [["--defect", "slow"], 'does not know "slow"'],
    ] as const) {
      const { child, said } = start(flags);
      expect((await once(child, "close"))[0]).toBe(64);
      expect(said.err).toContain(complaint);
    }
  });
});
