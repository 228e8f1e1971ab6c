import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRnodes, serveOnTerminal } from "@estafette/emulators";
import { describe, expect, it } from "vitest";
import { clock } from "../harness/node.js";

/*
 * The RNode host of Reticulum (https://github.com/markqvist/Reticulum) against our emulated RNodes: a program that is not
 * ours judges them. It is no Debian package, so this test runs where RETICULUM_PYTHONPATH names the folders of RNS and
 * of pyserial, joined by a colon:
 *
 *     RETICULUM_PYTHONPATH=/path/to/Reticulum:/path/to/pyserial npx vitest run --config test/vitest.config.ts test/interop/reticulum
 */
const pythonPath = process.env.RETICULUM_PYTHONPATH ?? "";

/** One interface of Reticulum, its network shut off: packets as hexadecimal lines in and out. */
const HOST = `
import os, sys
import RNS
from RNS.Interfaces.RNodeInterface import RNodeInterface

class Owner:
    def inbound(self, data, interface):
        print("heard", data.hex(), flush=True)

with open(os.path.join(sys.argv[2], "config"), "w") as settings:
    settings.write("[reticulum]\\n  enable_transport = No\\n  share_instance = No\\n[interfaces]\\n")
RNS.Reticulum(configdir=sys.argv[2], loglevel=0)
config = {"name": "radio", "port": sys.argv[1], "frequency": 868100000, "bandwidth": 125000, "txpower": 14,
          "spreadingfactor": 8, "codingrate": 5, "flow_control": False, "airtime_limit_long": 10.0}
interface = RNodeInterface(Owner(), config)
print("online" if interface.online else "offline", flush=True)
for line in sys.stdin:
    interface.process_outgoing(bytes.fromhex(line.strip()))
`;

class ReticulumHost {
  readonly #folder = mkdtempSync(join(tmpdir(), "est-rns-"));
  readonly #child;
  #text = "";
  #errors = "";

  constructor(port: string) {
    const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", PYTHONPATH: pythonPath };
    this.#child = spawn("python3", ["-u", "-c", HOST, port, this.#folder], {
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
  }

  async says(wanted: string): Promise<void> {
    for (let wait = 0; wait < 400 && !this.#text.includes(wanted); wait++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(this.#text, this.#errors).toContain(wanted);
  }

  send(bytes: Uint8Array): void {
    this.#child.stdin.write(`${Buffer.from(bytes).toString("hex")}\n`);
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null) await once(this.#child, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe.skipIf(pythonPath === "")("Reticulum's RNode host (needs RETICULUM_PYTHONPATH)", () => {
  it("sets two emulated boards up and passes packets of 1 to 500 bytes both ways", async () => {
    const boards = createRnodes({ clock, timeScale: 1 });
    const terminals = [await serveOnTerminal(boards, 0), await serveOnTerminal(boards, 1)];
    const hosts = terminals.map(({ path }) => new ReticulumHost(path));
    const [a, b] = hosts as [ReticulumHost, ReticulumHost];
    try {
      for (const host of hosts) await host.says("online");
      for (const node of [0, 1]) {
        expect(boards.settings(node)).toMatchObject({
          ...{ frequencyHz: 868_100_000, bandwidthHz: 125_000, txPowerDbm: 14, spreadingFactor: 8 },
          ...{ codingRate: 5, isOn: true, longLock: 1_000 },
        });
      }
      for (const size of [1, 100, 254, 255, 500]) {
        const bytes = Uint8Array.from({ length: size }, (_, at) =>
          at % 3 === 0 ? 0xc0 : at % 3 === 1 ? 0xdb : at,
        );
        a.send(bytes);
        await b.says(`heard ${Buffer.from(bytes).toString("hex")}\n`);
        b.send(bytes.reverse());
        await a.says(`heard ${Buffer.from(bytes).toString("hex")}\n`);
      }
    } finally {
      for (const host of hosts) await host.end();
      for (const terminal of terminals) terminal.close();
      boards.close();
    }
  });
});
