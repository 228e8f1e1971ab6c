import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Agent, get, type IncomingMessage, request } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { until } from "../harness/node.js";

const MAIN = built("@estafette/cli", "main.js");
const START_MS = 30_000;
/** Linux: USER_HZ, ticks of /proc/PID/stat per second, is 100 on every architecture node runs on. */
const TICK_MS = 10;

export interface BenchGatewayOptions {
  readonly parent: string;
  readonly name: string;
  /** Without `state:`. */
  readonly config: string;
  readonly secrets?: string;
}

/** A gateway as a process of its own, as it runs in production; its log goes to a file. */
export class BenchGateway {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #howEnded: string | null = null;

  private constructor(options: BenchGatewayOptions) {
    this.folder = join(options.parent, options.name);
    mkdirSync(this.folder, { recursive: true });
    const file = join(this.folder, "estafette.yaml");
    writeFileSync(file, `${options.config}state: {directory: state}\n`);
    if (options.secrets !== undefined)
      writeFileSync(join(this.folder, "secrets.yaml"), options.secrets, { mode: 0o600 });
    // BENCH_NODE_FLAGS lets somebody profile the gateways: --cpu-prof --cpu-prof-dir=…
    const flags = (process.env.BENCH_NODE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
    const log = openSync(join(this.folder, "log"), "w");
    this.#child = spawn(process.execPath, [...flags, MAIN, "daemon", "--config", file], {
      cwd: this.folder,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const last = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", last);
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}`));
    });
    void this.#ended.then((how) => {
      this.#howEnded = how;
      process.removeListener("exit", last);
    });
  }

  /** Resolves when the gateway says it is ready; `startMs` is the time from spawn until then. */
  static async start(
    options: BenchGatewayOptions,
  ): Promise<{ readonly gateway: BenchGateway; readonly startMs: number }> {
    const startedMs = performance.now();
    const gateway = new BenchGateway(options);
    const endMs = startedMs + START_MS;
    while (!gateway.log().includes("msg=ready")) {
      if (gateway.#howEnded !== null || performance.now() > endMs) {
        await gateway.stop();
        throw new Error(`${options.name} did not start\n${gateway.log()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return { gateway, startMs: performance.now() - startedMs };
  }

  log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#ended;
  }

  /** One call of the local HTTP interface; rejects unless it answers 2xx. Without an agent, by a connection of its own. */
  api(method: "GET" | "POST", path: string, body?: unknown, agent?: Agent): Promise<unknown> {
    const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const headers = bytes ? { "content-type": "application/json", "content-length": bytes.length } : {};
      const place = { socketPath: this.#socket, path, agent: agent ?? false };
      const call = request({ ...place, method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("error", reject);
        response.once("end", () => {
          if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      call.once("error", reject);
      call.end(bytes ?? undefined);
    });
  }

  /** Calls `onEvent` with each line of the live events until the returned function is called. */
  async events(onEvent: (line: string) => void): Promise<() => void> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ socketPath: this.#socket, path: "/v1/events", agent: false }, resolve).once("error", reject);
    });
    response.setEncoding("utf8");
    let rest = "";
    response.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onEvent(line);
    });
    response.on("error", () => undefined);
    return () => response.destroy();
  }

  /** Waits until it talks to `count` neighbours. */
  async meets(count: number): Promise<void> {
    await until(
      async () => {
        const status = (await this.api("GET", "/v1/status")) as {
          links: { neighbours: { state: string }[] }[];
        };
        const met = status.links.flatMap((link) => link.neighbours).filter((n) => n.state === "established");
        return met.length >= count;
      },
      `${this.folder} meets ${count} neighbours\n${this.log()}`,
      START_MS,
    );
  }

  /** Milliseconds of processor time used so far, all threads (proc(5): utime and stime of /proc/PID/stat). */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /** Resident bytes now or at most so far (proc(5), /proc/PID/status). */
  residentBytes(which: "now" | "peak"): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const line = new RegExp(`^${which === "now" ? "VmRSS" : "VmHWM"}:\\s+(\\d+) kB$`, "m").exec(status);
    return Number(line?.[1]) * 1_024;
  }

  /** Mails that lie in the mailboxes of `maildir: mail/{user}`. */
  mailCount(): number {
    const mail = join(this.folder, "mail");
    return readdirSync(mail).reduce((sum, user) => sum + readdirSync(join(mail, user, "new")).length, 0);
  }

  get #socket(): string {
    return join(this.folder, "state", "api.sock");
  }
}

/** A built file of a package, wherever this module itself runs: from source in a test, compiled in the bench. */
export function built(packageName: string, file: string): string {
  const entry = createRequire(import.meta.url).resolve(packageName);
  return join(dirname(entry), "..", "dist", file);
}

/** Each learns the other's key, `b` first. The configurations already name the peers. */
export async function introduce(a: BenchGateway, b: BenchGateway): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const { invitation } = (await from.api("POST", "/v1/peers/invite")) as { invitation: string };
    await to.api("POST", "/v1/peers/accept", { invitation });
  }
}
