import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { until } from "../harness/node.js";
import { pathOf } from "../report/require.js";
import { Program } from "./program.js";

/** A null-modem cable between two pseudo-terminals, run by socat, which writes down every byte that passes. */
export interface CountedWire {
  readonly ports: { readonly ship: string; readonly shore: string };
  /** Bytes that passed in both directions, by the length of socat's records. */
  byteCount(): number;
  stop(): Promise<void>;
}

export async function startCountedWire(folder: string): Promise<CountedWire> {
  const ports = { ship: join(folder, "ship-end"), shore: join(folder, "shore-end") };
  const records = [join(folder, "from-ship"), join(folder, "from-shore")] as const;
  const terminal = (link: string): string => `PTY,link=${link},rawer`;
  const command = [pathOf("socat") ?? "socat", "-r", records[0], "-R", records[1]] as const;
  const program = new Program([...command, terminal(ports.ship), terminal(ports.shore)], folder);
  const isThere = (): boolean => existsSync(ports.ship) && existsSync(ports.shore);
  await until(isThere, `socat: ${program.log()}`, 10_000);
  return {
    ports,
    byteCount: () => records.reduce((sum, file) => sum + (existsSync(file) ? statSync(file).size : 0), 0),
    stop: async () => void (await program.end("SIGTERM")),
  };
}
