import { type IncomingMessage, request } from "node:http";
import { CliError, EXIT } from "./exit.js";
import { CLI_LIMITS as LIMITS } from "./limits.js";

export interface ApiCall {
  readonly socket: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: { readonly type: "application/json" | "message/rfc822"; readonly bytes: Buffer };
}

/** Asks the daemon. Throws CliError with the exit code that fits its answer. */
export async function callApi(call: ApiCall): Promise<unknown> {
  const response = await send(call);
  const text = await readAll(response);
  const answer = parse(text);
  const status = response.statusCode ?? 500;
  if (status < 400) return answer;
  const { code, message } = answer as { code?: unknown; message?: unknown };
  throw new CliError(exitCodeOf(status, String(code)), `${String(message)} (${String(code)})`);
}

export function json(value: unknown): NonNullable<ApiCall["body"]> {
  return { type: "application/json", bytes: Buffer.from(JSON.stringify(value)) };
}

function send({ socket, method, path, body }: ApiCall): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-type": body.type, "content-length": body.bytes.length } : {};
    const outgoing = request({ socketPath: socket, method, path, headers, timeout: LIMITS.answerTimeoutMs });
    outgoing.once("response", resolve);
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.once("error", (error: NodeJS.ErrnoException) => reject(unreachable(socket, error)));
    outgoing.end(body?.bytes);
  });
}

function unreachable(socket: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new CliError(EXIT.notPermitted, `you may not use ${socket}: run this as the user of the gateway`);
  }
  const why = error.code === "ENOENT" || error.code === "ECONNREFUSED" ? "is it running?" : error.message;
  return new CliError(EXIT.unavailable, `the gateway does not answer at ${socket}: ${why}`);
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    byteCount += chunk.length;
    if (byteCount > LIMITS.answerBytesMax) throw new CliError(EXIT.software, "the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(EXIT.software, "the gateway answered with something that is not JSON");
  }
}

function exitCodeOf(status: number, code: string): number {
  if (code === "unknown-message") return EXIT.noInput;
  if (code === "unknown-user" || code === "no-route") return EXIT.noUser;
  if (status === 401 || status === 403) return EXIT.notPermitted;
  if (status === 429 || status === 503 || status === 507) return EXIT.temporary;
  return status < 500 || status === 508 ? EXIT.badData : EXIT.software;
}
