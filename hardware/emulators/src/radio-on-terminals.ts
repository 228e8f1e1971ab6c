import type { Clock } from "@estafette/contract";
import { openPseudoTerminal, type PseudoTerminal } from "./pseudo-terminal.js";
import type { Side } from "./radio-channel.js";
import type { RadioOptions } from "./radio-options.js";
import { createRadioPair, type RadioPair } from "./radio-pair.js";

/** Two radio modems behind two pseudo-terminals. */
export interface RadioOnTerminals {
  /** What programs open. */
  readonly paths: Readonly<Record<Side, string>>;
  readonly radio: RadioPair;
  /** Pulls the USB cable of one modem; puts it back and resolves with its path. */
  unplug(side: Side): Promise<void>;
  plug(side: Side): Promise<string>;
  close(): void;
}

export interface TerminalOptions extends Partial<RadioOptions> {
  readonly clock: Clock;
  /** Stable names for the two ports, made as symbolic links. Default: /dev/pts/N. */
  readonly linkPaths?: Readonly<Record<Side, string>>;
}

/** Needs python3: see {@link openPseudoTerminal}. */
export async function startRadioOnTerminals(options: TerminalOptions): Promise<RadioOnTerminals> {
  const { linkPaths, ...radioOptions } = options;
  const radio = createRadioPair(radioOptions);
  const [openingA, openingB] = SIDES.map((side) => openPseudoTerminal(linkPaths?.[side]));
  const results = await Promise.allSettled([openingA, openingB]);
  const opened = results.flatMap((result) =>
    result.status === "fulfilled" && result.value ? [result.value] : [],
  );
  const [a, b] = opened;
  if (!a || !b) {
    for (const terminal of opened) terminal.close();
    radio.close();
    throw results.find((result) => result.status === "rejected")?.reason;
  }
  const terminals = { a, b };
  for (const side of SIDES) joinCable(radio, side, terminals[side]);
  return {
    get paths() {
      return { a: a.path, b: b.path };
    },
    radio,
    unplug: (side) => terminals[side].unplug(),
    plug: (side) => terminals[side].plug(),
    close() {
      radio.close();
      for (const terminal of opened) terminal.close();
    },
  };
}

/** Both pumps end with the terminal or the radio; bytes then in between are lost, as on a cable. */
function joinCable(radio: RadioPair, side: Side, terminal: PseudoTerminal): void {
  const port = radio.open(side);
  const toAir = async (): Promise<void> => {
    for await (const bytes of terminal.written) await port.write(bytes);
  };
  const fromAir = async (): Promise<void> => {
    for await (const bytes of port.readable) await terminal.feed(bytes);
  };
  toAir().catch(() => port.close());
  fromAir().catch(() => terminal.close());
}

const SIDES = ["a", "b"] as const;
