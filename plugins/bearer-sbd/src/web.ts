import { createServer, type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { request as tlsRequest } from "node:https";
import { OperatingError } from "@estafette/contract";
import { SBD_LIMITS } from "./limits.js";

/*
 * HTTP: the one place of this package that owns sockets. `host.open` has no TLS, and the vendor's service has nothing else.
 */

/** One POST to us. */
export interface WebPost {
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Listens on `address:port` until the signal aborts; resolves then. `onPost` gives the HTTP status. Throws
 *  OperatingError EST_OPERATING_PORT_GONE when it cannot listen. `onBound` learns the port really bound. */
export function servePosts(
  listen: string,
  signal: AbortSignal,
  onPost: (post: WebPost) => Promise<number>,
  onBound: (port: number) => void,
): Promise<void> {
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, "");
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing, onPost));
  server.maxConnections = SBD_LIMITS.callersMax;
  server.requestTimeout = server.headersTimeout = SBD_LIMITS.exchangeMsMax;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    server.on("error", (cause) => {
      signal.removeEventListener("abort", stop);
      reject(new OperatingError("EST_OPERATING_PORT_GONE", `cannot listen on ${listen}`, { cause }));
    });
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", stop);
    server.listen({ host, port: Number(listen.slice(colon + 1)) }, () => {
      const bound = server.address();
      onBound(typeof bound === "object" && bound ? bound.port : 0);
    });
  });
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onPost: (post: WebPost) => Promise<number>,
): Promise<void> {
  const body = await bounded(incoming).catch(() => null);
  let status = 413;
  if (incoming.method !== "POST") status = 405;
  else if (body) {
    const contentType = incoming.headers["content-type"] ?? "";
    status = await onPost({ path: incoming.url ?? "", contentType, body }).catch(() => 500);
  }
  outgoing.writeHead(status, { "content-length": 0, connection: "close" });
  outgoing.end();
}

/** Posts a form. Throws OperatingError EST_OPERATING_UNAVAILABLE when there is no answer. */
export function postForm(
  url: string,
  form: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  const send = url.startsWith("https:") ? tlsRequest : plainRequest;
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(form),
  };
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(new OperatingError("EST_OPERATING_UNAVAILABLE", "the web service does not answer", { cause }));
    const call = send(
      url,
      { method: "POST", headers, signal, timeout: SBD_LIMITS.exchangeMsMax },
      (incoming) => {
        bounded(incoming).then(
          (body) => resolve({ status: incoming.statusCode ?? 0, text: new TextDecoder().decode(body) }),
          fail,
        );
      },
    );
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", fail);
    call.end(form);
  });
}

async function bounded(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > SBD_LIMITS.requestBytesMax) throw new Error("too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
