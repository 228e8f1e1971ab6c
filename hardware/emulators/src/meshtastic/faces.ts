import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ByteLink } from "@estafette/contract";
import { openPseudoTerminal } from "../pseudo-terminal.js";
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

/** A radio on a serial port that any program can open. */
export interface MeshtasticOnTerminal {
  readonly path: string;
  /** Pulls the USB cable; puts it back. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  close(): void;
}

/** Needs python3: see {@link openPseudoTerminal}. */
export async function serveMeshtasticTerminal(
  mesh: MeshtasticMesh,
  node: number,
  linkPath = "",
): Promise<MeshtasticOnTerminal> {
  const terminal = await openPseudoTerminal(linkPath);
  const join = (): ByteLink => {
    const link = mesh.open(node, "serial");
    void pump(link, (bytes) => terminal.feed(bytes));
    return link;
  };
  let radio = join();
  void (async () => {
    // What is written while the radio is unplugged is lost, like bytes on a cable.
    for await (const bytes of terminal.written) await radio.write(bytes).catch(() => {});
  })();
  return {
    get path() {
      return terminal.path;
    },
    async unplug() {
      mesh.unplug(node);
      await terminal.unplug();
    },
    async plug() {
      mesh.plug(node);
      await terminal.plug();
      radio = join();
    },
    close() {
      radio.close();
      terminal.close();
    },
  };
}

/** Ends with the link, however that ends. */
async function pump(from: ByteLink, give: (bytes: Uint8Array) => void | Promise<void>): Promise<void> {
  try {
    for await (const bytes of from.readable) await give(bytes);
  } catch {
    // Unplugged: whoever serves it knows.
  }
}
