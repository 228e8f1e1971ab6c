import { chmod, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Config } from "@estafette/config";
import { type Clock, ConfigError, OperatingError } from "@estafette/contract";
import type { Relay } from "@estafette/relay";
import { DAEMON_LIMITS as LIMITS } from "../limits.js";
import type { Log } from "../log.js";
import type { PeerBook } from "../peer-book.js";
import type { GatewayState } from "../state.js";
import { ApiProblem, problemOf } from "./problem.js";
import { type Answer, type ApiContext, createRoutes, type Route } from "./routes.js";

export interface ApiServer {
  close(): Promise<void>;
}

/** What the interface needs of a gateway. */
export interface ApiParts {
  readonly config: Config;
  readonly relay: Relay;
  readonly book: PeerBook;
  readonly state: GatewayState;
  readonly clock: Clock;
  readonly log: Log;
  /** Path of the Unix socket. */
  readonly socket: string;
}

/**
 * HTTP over a Unix socket: who may open the socket (its owner, mode 0600) may use it. JSON in, JSON out, errors as
 * `{code, message}`.
 * @throws ConfigError for a path too long for a socket; OperatingError when another gateway listens there.
 */
export async function startApi(parts: ApiParts & Omit<ApiContext, keyof ApiParts>): Promise<ApiServer> {
  const { socket, log } = parts;
  if (Buffer.byteLength(socket) > LIMITS.socketPathBytesMax) {
    throw new ConfigError("EST_CONFIG_VALUE", `the socket path ${socket} is too long for the system`, {
      fix: `name a shorter one with api.socket, at most ${LIMITS.socketPathBytesMax} bytes`,
    });
  }
  const routes = createRoutes(parts);
  const server = createServer({
    headersTimeout: LIMITS.headersTimeoutMs,
    requestTimeout: LIMITS.requestTimeoutMs,
  });
  server.maxConnections = LIMITS.connectionsMax;
  server.maxHeadersCount = 64;
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    answer(routes, request, response).catch((error: unknown) => {
      log("warn", "api", { error });
      response.destroy();
    });
  });
  await clearStale(socket);
  await listen(server, socket);
  await chmod(socket, 0o600);
  return { close: () => close(server) };
}

async function answer(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let result: Answer;
  try {
    const url = parseTarget(request.url ?? "");
    const match = matchRoute(routes, request.method ?? "", url.pathname);
    result = await match.route.run({ request, response, query: url.searchParams, id: match.id });
  } catch (error) {
    const problem = problemOf(error);
    result = {
      status: problem.status,
      body: { code: problem.code, message: problem.message },
      headers: problem.headers,
    };
  }
  if (result === "streaming" || response.headersSent) return;
  const text = `${JSON.stringify(result.body)}\n`;
  response.writeHead(result.status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...result.headers,
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

function parseTarget(target: string): URL {
  if (!target.startsWith("/") || target.length > 8_192)
    throw new ApiProblem(400, "malformed", "no such path");
  try {
    return new URL(`http://localhost${target}`);
  } catch {
    throw new ApiProblem(400, "malformed", "no such path");
  }
}

function matchRoute(routes: readonly Route[], method: string, path: string): { route: Route; id: string } {
  const here = routes.flatMap((route) => {
    if (!route.path.endsWith("/:id")) return route.path === path ? [{ route, id: "" }] : [];
    const base = route.path.slice(0, -3);
    const id = path.startsWith(base) ? path.slice(base.length) : "";
    return /^[A-Za-z0-9-]{1,64}$/.test(id) ? [{ route, id }] : [];
  });
  if (here.length === 0)
    throw new ApiProblem(404, "no-such-path", `there is nothing at ${path.slice(0, 100)}`);
  const found = here.find(({ route }) => route.method === method);
  if (found) return found;
  const allow = here.map(({ route }) => route.method).join(", ");
  throw new ApiProblem(405, "no-such-method", `only ${allow} here`, { allow });
}

/** A socket file that nobody answers is a leftover of a crash. */
async function clearStale(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve, reject) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(false);
      else
        reject(
          new OperatingError("EST_OPERATING_UNAVAILABLE", `cannot use ${path}: ${error.message}`, {
            cause: error,
          }),
        );
    });
  });
  if (alive) throw new OperatingError("EST_OPERATING_LOCKED", `another gateway listens at ${path}`);
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(
        new OperatingError("EST_OPERATING_UNAVAILABLE", `cannot listen at ${path}: ${cause.message}`, {
          cause,
        }),
      );
    server.once("error", failed);
    server.listen({ path }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
