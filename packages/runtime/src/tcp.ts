import { connect, createServer, type Server, type Socket } from "node:net";
import { type ByteLink, type ByteListener, OperatingError } from "@estafette/contract";
import { duplexLink } from "./duplex-link.js";
import { RUNTIME_LIMITS } from "./limits.js";

/** Connects, or throws OperatingError EST_OPERATING_PORT_GONE after 30 s at the latest. */
export function openTcp(host: string, port: number, signal: AbortSignal): Promise<ByteLink> {
  const name = hostPort(host, port);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const give = (cause: unknown): void => {
      stopWaiting();
      socket.destroy();
      reject(new OperatingError("EST_OPERATING_PORT_GONE", `cannot connect to ${name}`, { cause }));
    };
    const onAbort = (): void => give(new Error("given up"));
    const onTimeout = (): void => give(new Error(`no answer within ${RUNTIME_LIMITS.connectMsMax} ms`));
    const stopWaiting = (): void => {
      clearTimeout(timeout);
      signal.removeEventListener("abort", onAbort);
      socket.off("error", give);
    };
    const timeout = setTimeout(onTimeout, RUNTIME_LIMITS.connectMsMax);
    socket.once("error", give);
    socket.once("connect", () => {
      stopWaiting();
      resolve(socketLink(socket));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
}

/** Listens, or throws OperatingError EST_OPERATING_PORT_GONE, for example when the port is taken. */
export function listenTcp(host: string, port: number, signal: AbortSignal): Promise<ByteListener> {
  const name = hostPort(host, port);
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true });
    server.maxConnections = RUNTIME_LIMITS.callersConnectedMax;
    // Stays for the life of the server: later errors are single callers that could not be accepted.
    server.on("error", (cause) => {
      reject(new OperatingError("EST_OPERATING_PORT_GONE", `cannot listen on ${name}`, { cause }));
    });
    server.listen({ host, port }, () => {
      const bound = server.address();
      const boundPort = typeof bound === "object" && bound ? bound.port : port;
      resolve(serverListener(server, `tcp:${hostPort(host, boundPort)}`, signal));
    });
  });
}

function serverListener(server: Server, url: string, signal: AbortSignal): ByteListener {
  const waiting: Socket[] = [];
  let closed = false;
  let wake = (): void => {};
  server.on("connection", (socket) => {
    // A caller may reset the connection while it waits; its link then reports that.
    socket.on("error", () => {});
    if (closed || waiting.length >= RUNTIME_LIMITS.callersWaitingMax) socket.destroy();
    else waiting.push(socket);
    wake();
  });
  const close = (): void => {
    if (closed) return;
    closed = true;
    signal.removeEventListener("abort", close);
    server.close();
    for (const socket of waiting.splice(0)) socket.destroy();
    wake();
  };
  if (signal.aborted) close();
  else signal.addEventListener("abort", close);

  async function* links(): AsyncGenerator<ByteLink, void, undefined> {
    while (!closed) {
      const socket = waiting.shift();
      if (socket) yield socketLink(socket);
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  return { url, links: links(), close };
}

function socketLink(socket: Socket): ByteLink {
  // A frame is written in one piece and should leave at once; the kernel finds dead far ends that owe us nothing.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, RUNTIME_LIMITS.keepAliveMs);
  const remote = hostPort(socket.remoteAddress ?? "unknown", socket.remotePort ?? 0);
  return duplexLink(remote, socket, () => socket.destroy());
}

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
