import type { ByteLink } from "@estafette/contract";
import { openPseudoTerminal } from "./pseudo-terminal.js";

/** Devices with a serial port each, by index. */
export interface SerialDevices {
  open(node: number): ByteLink;
  unplug(node: number): void;
  plug(node: number): void;
}

/** A device on a serial port that any program can open. */
export interface DeviceOnTerminal {
  readonly path: string;
  /** Pulls the USB cable; puts it back. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  close(): void;
}

/** Needs python3: see {@link openPseudoTerminal}. */
export async function serveOnTerminal(
  devices: SerialDevices,
  node: number,
  linkPath = "",
): Promise<DeviceOnTerminal> {
  const terminal = await openPseudoTerminal(linkPath);
  const join = (): ByteLink => {
    const link = devices.open(node);
    void pump(link, (bytes) => terminal.feed(bytes));
    return link;
  };
  let device = join();
  void (async () => {
    // What is written while it is unplugged is lost, like bytes on a cable.
    for await (const bytes of terminal.written) await device.write(bytes).catch(() => {});
  })();
  return {
    get path() {
      return terminal.path;
    },
    async unplug() {
      devices.unplug(node);
      await terminal.unplug();
    },
    async plug() {
      devices.plug(node);
      await terminal.plug();
      device = join();
    },
    close() {
      device.close();
      terminal.close();
    },
  };
}

/** Ends with the link, however that ends. */
export async function pump(from: ByteLink, give: (bytes: Uint8Array) => void | Promise<void>): Promise<void> {
  try {
    for await (const bytes of from.readable) await give(bytes);
  } catch {
    // Unplugged: whoever serves it knows.
  }
}
