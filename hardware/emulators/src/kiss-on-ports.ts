import { createServer, type Server, type Socket } from "node:net";
import type { ByteLink, Clock } from "@estafette/contract";
import { OperatingError } from "@estafette/contract";
import type { PacketOptions } from "./packet-options.js";
import { createPacketRadio, type PacketRadio } from "./packet-radio.js";
import { openPseudoTerminal, type PseudoTerminal } from "./pseudo-terminal.js";

/** KISS TNCs that any program can open: by TCP, as Direwolf offers it, or as serial ports. */
export interface KissOnPorts {
  readonly radio: PacketRadio;
  /** By station: `127.0.0.1:port`, or `null`. */
  readonly sockets: readonly (string | null)[];
  /** By station: the path programs open, or `null`. */
  readonly terminals: readonly (string | null)[];
  /** Pulls the USB cable of a TNC with a terminal; puts it back and resolves with its path. */
  unplug(station: number): Promise<void>;
  plug(station: number): Promise<string>;
  close(): Promise<void>;
}

export interface KissPortsOptions extends Partial<PacketOptions> {
  readonly clock: Clock;
  /** By station: TCP port on 127.0.0.1, 0 for any, `null` for none. */
  readonly tcpPorts?: readonly (number | null)[];
  /** By station: a stable path, "" for any, `null` for none. Needs python3: see {@link openPseudoTerminal}. */
  readonly terminalPaths?: readonly (string | null)[];
}

/** Throws ConfigError for options out of range, OperatingError EST_OPERATING_UNAVAILABLE when a port cannot be had. */
export async function startKissOnPorts(options: KissPortsOptions): Promise<KissOnPorts> {
  const { tcpPorts = [], terminalPaths = [], ...radioOptions } = options;
  const radio = createPacketRadio(radioOptions);
  const servers: (Server | null)[] = [];
  const terminals: (PseudoTerminal | null)[] = [];
  const close = async (): Promise<void> => {
    radio.close();
    for (const terminal of terminals) terminal?.close();
    await Promise.all(servers.map((server) => new Promise((done) => server?.close(done) ?? done(null))));
  };
  try {
    for (let station = 0; station < radio.stations; station++) {
      const port = tcpPorts[station] ?? null;
      servers.push(port === null ? null : await serve(radio, station, port));
      const path = terminalPaths[station] ?? null;
      const terminal = path === null ? null : await openPseudoTerminal(path);
      terminals.push(terminal);
      if (terminal) joinTerminal(radio.open(station), terminal);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const terminalOf = (station: number): PseudoTerminal => {
    const terminal = terminals[station];
    if (!terminal) throw new RangeError(`station ${station} has no terminal`);
    return terminal;
  };
  return {
    radio,
    sockets: servers.map((server) => server && addressOf(server)),
    get terminals() {
      return terminals.map((terminal) => terminal?.path ?? null);
    },
    unplug: (station) => terminalOf(station).unplug(),
    plug: (station) => terminalOf(station).plug(),
    close,
  };
}

async function serve(radio: PacketRadio, station: number, port: number): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    // What is wrong with one connection ends that connection and nothing else.
    socket.on("error", () => socket.destroy());
    try {
      joinSocket(radio.open(station), socket);
    } catch {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const sentence = `cannot listen on 127.0.0.1:${port}`;
      reject(new OperatingError("EST_OPERATING_UNAVAILABLE", sentence, { cause }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === "object" && address ? `127.0.0.1:${address.port}` : "";
}

function joinSocket(port: ByteLink, socket: Socket): void {
  const toTnc = async (): Promise<void> => {
    for await (const bytes of socket as AsyncIterable<Uint8Array>) await port.write(bytes);
  };
  const toComputer = async (): Promise<void> => {
    for await (const bytes of port.readable) await new Promise((taken) => socket.write(bytes, taken));
  };
  const hangUp = (): void => {
    port.close();
    socket.destroy();
  };
  toTnc().then(hangUp, hangUp);
  toComputer().then(hangUp, hangUp);
}

/** Both pumps end with the terminal or the radio; bytes then in between are lost, as on a cable. */
function joinTerminal(port: ByteLink, terminal: PseudoTerminal): void {
  const toTnc = async (): Promise<void> => {
    for await (const bytes of terminal.written) await port.write(bytes);
  };
  const toComputer = async (): Promise<void> => {
    for await (const bytes of port.readable) await terminal.feed(bytes);
  };
  toTnc().catch(() => port.close());
  toComputer().catch(() => terminal.close());
}
