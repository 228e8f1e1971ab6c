import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { describe, expect, it } from "vitest";

const PYTHON_IS_MISSING = spawnSync("python3", ["-c", "import pty"]).status !== 0;

/** The built program: `npm test` builds first. */
function start(flags: readonly string[]) {
  const program = new URL("../dist/sbd-9602.js", import.meta.url).pathname;
  expect(existsSync(program), "run npm run build first").toBe(true);
  const child = spawn(process.execPath, [program, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    said.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said.err += chunk;
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, said, exit };
}

describe("the 9602 for a desk", () => {
  it.skipIf(PYTHON_IS_MISSING)("is a serial port that answers, and prints its bill at the end", async () => {
    const { child, said, exit } = start(["--mo", "127.0.0.1:1", "--mt-port", "0", "--time-scale", "1000"]);
    await expect.poll(() => said.out, { timeout: 20_000 }).toContain("\n");
    const { port } = JSON.parse(said.out) as { port: string };
    const file = await open(port, "r+");
    await file.write("ATE0\rAT+SBDIX\r");
    let heard = "";
    while (!heard.includes("+SBDIX: 0, 0, 0, 0, 0, 0\r\n\r\nOK")) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, null);
      heard += buffer.toString("latin1", 0, bytesRead);
    }
    await file.close();
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    expect(said.err).toContain('{"bill":{"up":0,"down":0,"empty":1},"sessions":1}');
  });

  it("says what is wrong with a flag, and ends with EX_USAGE", async () => {
    const { said, exit } = start(["--mo", "nowhere"]);
    expect(await exit).toBe(64);
    expect(said.err).toContain("--mo must be host:port");
  });
});
