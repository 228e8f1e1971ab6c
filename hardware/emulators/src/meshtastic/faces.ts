import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ByteLink } from "@estafette/contract";
import { pump } from "../terminal-face.js";
import type { MeshtasticMesh } from "./mesh.js";

/** A radio that programs reach over TCP. */
export interface MeshtasticOnTcp {
  /** `host:port` really bound. */
  readonly address: string;
  close(): void;
}

/** Serves the stream interface of one radio, as its Wi-Fi does on port 4403: one caller, a second ends the first. */
export function serveMeshtasticTcp(
  mesh: MeshtasticMesh,
  node: number,
  where: { readonly host: string; readonly port: number },
): Promise<MeshtasticOnTcp> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let radio: ByteLink;
    try {
      radio = mesh.open(node, "tcp");
    } catch {
      socket.destroy();
      return;
    }
    socket.on("data", (bytes) => void radio.write(bytes).catch(() => socket.destroy()));
    socket.on("close", () => radio.close());
    void pump(radio, (bytes) => void socket.write(bytes)).finally(() => socket.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port, where.host, () => {
      const { address, port } = server.address() as AddressInfo;
      resolve({
        address: `${address}:${port}`,
        close() {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
