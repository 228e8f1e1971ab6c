import { connect, type Socket } from "node:net";
import { type ByteLink, OperatingError } from "@estafette/contract";

/** A socket as an emulator's connection. */
export function socketLink(socket: Socket): ByteLink {
  socket.on("error", () => {}); // reported by reads and writes
  const gone = (cause: unknown) =>
    new OperatingError("EST_OPERATING_PORT_GONE", "the connection is gone", { cause });
  return {
    remote: `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`,
    readable: socket,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(gone(error)) : resolve()));
      }),
    close: () => {
      socket.end();
    },
  };
}

/** Calls host:port; rejects with OperatingError EST_OPERATING_PORT_GONE. */
export function callTcp(host: string, port: number): Promise<ByteLink> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => resolve(socketLink(socket)));
    socket.once("error", (cause) =>
      reject(new OperatingError("EST_OPERATING_PORT_GONE", `cannot call ${host}:${port}`, { cause })),
    );
  });
}
