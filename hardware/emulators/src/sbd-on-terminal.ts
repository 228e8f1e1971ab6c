import { openPseudoTerminal, type PseudoTerminal } from "./pseudo-terminal.js";
import type { SbdModem } from "./sbd-modem.js";

/** Puts a modem behind a pseudo-terminal that any program can open. Needs python3: see {@link openPseudoTerminal}. Bytes
 *  in between are lost when either end closes, as on a cable. */
export async function sbdOnTerminal(modem: SbdModem, linkPath = ""): Promise<PseudoTerminal> {
  const terminal = await openPseudoTerminal(linkPath);
  const port = modem.open();
  const toModem = async (): Promise<void> => {
    for await (const bytes of terminal.written) await port.write(bytes);
  };
  const fromModem = async (): Promise<void> => {
    for await (const bytes of port.readable) await terminal.feed(bytes);
  };
  toModem().catch(() => port.close());
  fromModem().catch(() => terminal.close());
  return terminal;
}
