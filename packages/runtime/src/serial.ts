import { type ByteLink, OperatingError } from "@estafette/contract";
import { duplexLink } from "./duplex-link.js";
import { RUNTIME_LIMITS } from "./limits.js";
import type { SerialLine } from "./link-url.js";
import { hangUpNoticingBinding } from "./serial-binding.js";

/** Opens a serial port or a PTY, raw, for us alone. Throws OperatingError EST_OPERATING_PORT_GONE. A write resolves
 *  when the kernel took the bytes. It does not wait until the wire carried them: tcdrain(3) cannot be cancelled and
 *  with a stuck modem would hold one of Node's four worker threads for ever. Who needs pacing counts airtime. */
export async function openSerial(path: string, line: SerialLine, signal: AbortSignal): Promise<ByteLink> {
  // Loaded when first needed: 14 MB and 90 ms that a gateway without serial ports need not spend.
  const { SerialPort } = await import("serialport");
  const settings = {
    binding: hangUpNoticingBinding(SerialPort.binding),
    path,
    baudRate: line.baud,
    dataBits: line.dataBits,
    parity: line.parity,
    stopBits: line.stopBits,
    rtscts: line.flow === "hardware",
    autoOpen: false,
    highWaterMark: RUNTIME_LIMITS.readAheadBytes,
  };
  const port = new SerialPort(settings);
  const close = (): void => {
    if (port.isOpen && !port.closing) port.close();
  };
  // Closing the port below emits `close` without ending the stream; iteration would wait for ever.
  port.on("close", (cause: Error | null) => port.destroy(cause ?? undefined));
  await new Promise<void>((resolve, reject) => {
    port.open((cause) => {
      if (cause) reject(new OperatingError("EST_OPERATING_PORT_GONE", `cannot open ${path}`, { cause }));
      else resolve();
    });
  });
  const link = duplexLink(path, port, close);
  if (signal.aborted) {
    link.close();
    throw new OperatingError("EST_OPERATING_PORT_GONE", `opening ${path} was given up`);
  }
  return link;
}
