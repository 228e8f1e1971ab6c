import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import type { Config } from "@estafette/config";
import { openByteLink, resolveByIdPath } from "@estafette/runtime";
import { CLI_LIMITS as LIMITS } from "../limits.js";
import type { Finding } from "./checks.js";

/** Each serial port of the configuration: there, a port, ours to use, and openable while no gateway holds it. */
export async function checkSerialPorts(config: Config, running: boolean): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const link of config.links) {
    const { port, baud } = link.options;
    if (typeof port !== "string") continue;
    findings.push(
      await checkPort({ name: link.name, port, baud: typeof baud === "number" ? baud : 9_600, running }),
    );
  }
  return findings;
}

async function checkPort(link: {
  name: string;
  port: string;
  baud: number;
  running: boolean;
}): Promise<Finding> {
  const what = `link ${link.name}`;
  const bad = (text: string, fix: string): Finding => ({ what, state: "problem", text, fix });
  try {
    if (!(await stat(link.port)).isCharacterDevice()) {
      return bad(`${link.port} is not a serial port`, "see ls -l /dev/serial/by-id");
    }
  } catch {
    return bad(`${link.port} is not there`, "plug the modem in; see ls -l /dev/serial/by-id for its name");
  }
  try {
    await access(link.port, constants.R_OK | constants.W_OK);
  } catch {
    return bad(
      `${link.port} may not be used by this user`,
      "add the user to the group dialout and log in again",
    );
  }
  if (!link.running) {
    const problem = await tryToOpen(link.port, link.baud);
    if (problem !== null) return bad(problem, "does another program hold it? ModemManager likes to");
  }
  const stable = link.port.startsWith("/dev/serial/by-id/") ? null : await resolveByIdPath(link.port);
  if (stable === null) return { what, state: "ok", text: `${link.port} can be used` };
  const text = `${link.port} can be used, but its name may change after the next unplug`;
  return { what, state: "note", text, fix: `write port: ${stable}` };
}

async function tryToOpen(port: string, baud: number): Promise<string | null> {
  try {
    const link = await openByteLink(
      `serial:${port}?baud=${baud}`,
      AbortSignal.timeout(LIMITS.probeTimeoutMs),
    );
    link.close();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
