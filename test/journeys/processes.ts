import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RadioCounters } from "@estafette/emulators";
import { until } from "../harness/node.js";
import { Program, type Ran, runProgram } from "./program.js";

const MAIN = fileURLToPath(new URL("../../gateway/cli/dist/main.js", import.meta.url));
const RADIO = fileURLToPath(new URL("../../hardware/emulators/dist/radio-modem.js", import.meta.url));
/** A start takes under 2 s on an idle machine; a test machine is not idle. */
const START_MS = 30_000;
/** Characters of each log that a failure shows. */
const TAIL_CHARS = 6_000;

/** How many times faster than real the air runs: CI 10, `npm run journeys:real` 1. */
export const timeScale = Number(process.env.JOURNEY_TIME_SCALE ?? "10");

/** A gateway as its owner has it: a folder with a configuration, and now and then a process. */
export class GatewayProcess {
  readonly folder: string;
  readonly configFile: string;
  /** Everything it keeps. */
  readonly stateFolder: string;
  killCount = 0;
  #earlierLogs = "";
  #program: Program | null = null;

  constructor(options: {
    readonly parent: string;
    readonly name: string;
    /** Without `state:`, which is put beside it. */
    readonly config: string;
    readonly secrets?: Readonly<Record<string, string>>;
  }) {
    this.folder = join(options.parent, options.name);
    this.configFile = join(this.folder, "estafette.yaml");
    this.stateFolder = join(this.folder, "state");
    mkdirSync(this.folder, { recursive: true });
    const secrets = Object.entries(options.secrets ?? {}).map(([name, value]) => `${name}: "${value}"\n`);
    if (secrets.length > 0)
      writeFileSync(join(this.folder, "secrets.yaml"), secrets.join(""), { mode: 0o600 });
    if (options.config !== "") writeFileSync(this.configFile, `${options.config}state: {directory: state}\n`);
  }

  /** Starts it and resolves when its API answers. */
  async start(): Promise<void> {
    const program = new Program(
      [process.execPath, MAIN, "daemon", "--debug", "--config", this.configFile],
      this.folder,
    );
    this.#program = program;
    let ended = "";
    void program.ended.then((how) => {
      ended = how;
    });
    const ready = async (): Promise<boolean> => {
      if (ended !== "")
        throw new Error(`gateway ${this.folder} ${ended}\n${program.log().slice(-TAIL_CHARS)}`);
      return (await this.api("GET", "/v1/status").catch(() => null)) !== null;
    };
    await until(ready, `the API of ${this.folder}\n${program.log()}`, START_MS);
  }

  /** As the power goes: nothing is finished, nothing is flushed. */
  async kill(): Promise<void> {
    this.killCount++;
    await this.#gone("SIGKILL");
  }

  /** As a service manager stops it. Resolves with how it ended. */
  async stop(): Promise<string> {
    return await this.#gone("SIGTERM");
  }

  async #gone(signal: "SIGTERM" | "SIGKILL"): Promise<string> {
    const program = this.#program;
    if (program === null) return "";
    this.#program = null;
    const how = await program.end(signal);
    this.#earlierLogs = `${this.#earlierLogs}${program.log()}--- ${how}\n`.slice(-2_000_000);
    return how;
  }

  /** All of its runs so far. */
  log(): string {
    return this.#earlierLogs + (this.#program?.log() ?? "");
  }

  /** One call of the local HTTP interface; rejects unless it answers 2xx. */
  api(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    const socketPath = join(this.stateFolder, "api.sock");
    const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = bytes ? { "content-type": "application/json", "content-length": bytes.length } : {};
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path, headers, timeout: 10_000 }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("error", reject);
        response.on("end", () => {
          if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      call.once("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
      call.once("error", reject);
      call.end(bytes ?? undefined);
    });
  }

  /** `estafette … --config FILE`. */
  cli(words: readonly string[], stdin = ""): Promise<Ran> {
    return estafette([...words, "--config", this.configFile], this.folder, stdin);
  }

  /** What a failed journey shows: what waits here and the end of the log. */
  async story(): Promise<string> {
    const ask = async (path: string): Promise<string> => {
      const answer = await this.api("GET", path).catch((error: unknown) => String(error));
      return JSON.stringify(answer, null, 1).slice(0, TAIL_CHARS);
    };
    const parts = [`=== ${this.folder}`, await ask("/v1/status"), await ask("/v1/queue?limit=50")];
    return [...parts, this.log().slice(-TAIL_CHARS)].join("\n");
  }
}

/** Runs one command of the built program. */
export function estafette(words: readonly string[], folder: string, stdin = ""): Promise<Ran> {
  return runProgram([process.execPath, MAIN, ...words], { folder, stdin });
}

/** Waits until `ready` says something; when it does not in time, fails with what the gateways tell then. */
export async function eventually<T>(
  ready: () => T | Promise<T>,
  what: string,
  options: { readonly tellers: readonly GatewayProcess[]; readonly withinMs: number },
): Promise<NonNullable<T>> {
  try {
    return await until(ready, what, options.withinMs);
  } catch (error) {
    const stories: string[] = [];
    for (const gateway of options.tellers) stories.push(await gateway.story());
    throw new Error(`${String(error)}\n${stories.join("\n")}`, { cause: error });
  }
}

/** Each learns the other by the pasted string, as two owners do it. The configurations already name the peers. */
export async function introduce(a: GatewayProcess, b: GatewayProcess): Promise<void> {
  const invite = async (from: GatewayProcess, to: GatewayProcess): Promise<void> => {
    const invited = await from.cli(["peer", "invite"]);
    if (invited.code !== 0) throw new Error(`peer invite: ${invited.code} ${invited.err}`);
    const accepted = await to.cli(["peer", "accept", invited.out.trim()]);
    if (accepted.code !== 0) throw new Error(`peer accept: ${accepted.code} ${accepted.err}`);
  };
  await invite(a, b);
  await invite(b, a);
}

/** Two radio modems on two serial ports, as a process of their own. */
export interface RadioProcess {
  readonly ports: { readonly a: string; readonly b: string };
  log(): string;
  /** Ends it; resolves with its last counters. */
  stop(): Promise<RadioCounters>;
}

export async function startRadio(options: {
  readonly folder: string;
  readonly bitsPerSecond: number;
  readonly turnaroundMs: number;
  readonly frameLoss: number;
  readonly seed: number;
}): Promise<RadioProcess> {
  const { folder, bitsPerSecond, turnaroundMs, frameLoss, seed } = options;
  const flags: readonly (readonly [string, string | number])[] = [
    ["--bitrate", bitsPerSecond],
    ["--turnaround", turnaroundMs],
    ["--loss", frameLoss],
    ["--seed", seed],
    ["--time-scale", timeScale],
    ["--link-a", join(folder, "ship-modem")],
    ["--link-b", join(folder, "shore-modem")],
  ];
  const program = new Program(
    [process.execPath, RADIO, ...flags.flatMap(([flag, value]) => [flag, String(value)])],
    folder,
  );
  const line = await until(
    () => /^\{"a".*\}$/m.exec(program.log())?.[0],
    `the radio: ${program.log()}`,
    START_MS,
  );
  const ports = JSON.parse(line) as { a: string; b: string };
  return {
    ports,
    log: () => program.log(),
    async stop() {
      await program.end("SIGTERM");
      const last = program.log().trim().split("\n").at(-1) ?? "";
      return (JSON.parse(last) as { counters: RadioCounters }).counters;
    },
  };
}
