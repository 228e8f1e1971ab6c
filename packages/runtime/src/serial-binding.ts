import { read } from "node:fs";
import { promisify } from "node:util";

/** The parts of an open port of @serialport/bindings-cpp (13, Linux) that reading needs. */
interface OpenPort {
  readonly isOpen: boolean;
  readonly fd: number | null;
  readonly poller: { once(event: "readable", onReadable: (error: Error | null) => void): unknown };
  read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }>;
}

interface Binding {
  open(options: never): Promise<OpenPort>;
}

/** The library's binding, with reads that notice a hang-up. Its own take 0 bytes for "try again at once": when a port is
 *  unplugged between two reads, it reads for ever, uses a whole processor and never reports the loss. */
export function hangUpNoticingBinding<Given>(binding: Given): Given {
  const original = binding as Binding;
  const noticing: Binding = {
    ...original,
    async open(options) {
      const port = await original.open(options);
      port.read = (buffer, offset, length) => readOrHangUp(port, buffer, offset, length);
      return port;
    },
  };
  return noticing as Given;
}

async function readOrHangUp(
  port: OpenPort,
  buffer: Buffer,
  offset: number,
  length: number,
): Promise<{ buffer: Buffer; bytesRead: number }> {
  for (;;) {
    if (!port.isOpen || port.fd === null)
      throw Object.assign(new Error("the port is not open"), { canceled: true });
    const bytesRead = await readNow(port.fd, buffer, offset, length);
    if (bytesRead > 0) return { buffer, bytesRead };
    // With VMIN 1 a terminal has at least one byte to give; none at all means that it hung up (tty_hung_up_p, Linux).
    if (bytesRead === 0) throw new Error("the port hung up");
    // Closed during the read: its poller is destroyed, and waiting on that ends the whole process.
    if (!port.isOpen) continue;
    await new Promise<void>((resolve, reject) => {
      port.poller.once("readable", (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** −1: nothing there yet. */
async function readNow(fd: number, buffer: Buffer, offset: number, length: number): Promise<number> {
  try {
    return (await promisify(read)(fd, buffer, offset, length, null)).bytesRead;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EINTR") return -1;
    throw error;
  }
}
