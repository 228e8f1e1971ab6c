import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { RUNTIME_LIMITS } from "./limits.js";

/** The stable name of a serial port, for example /dev/serial/by-id/usb-FTDI_…-port0 for /dev/ttyUSB0, which becomes
 *  ttyUSB1 after the next unplug; `null` when the system knows none (udev(7), 60-serial.rules). */
export async function resolveByIdPath(path: string, byIdDirectory = BY_ID): Promise<string | null> {
  try {
    const device = await realpath(path);
    const names = (await readdir(byIdDirectory)).sort().slice(0, RUNTIME_LIMITS.portNamesMax);
    for (const name of names) {
      const stable = join(byIdDirectory, name);
      if ((await realpath(stable)) === device) return stable;
    }
  } catch {
    return null; // no such device, or a machine without USB serial ports
  }
  return null;
}

const BY_ID = "/dev/serial/by-id";
