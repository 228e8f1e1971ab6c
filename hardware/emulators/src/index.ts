export { EMULATOR_LIMITS } from "./limits.js";
export { openPseudoTerminal, type PseudoTerminal } from "./pseudo-terminal.js";
export {
  type FrameFate,
  RadioChannel,
  type RadioCounters,
  type RadioEvent,
  type Side,
} from "./radio-channel.js";
export { type RadioOnTerminals, startRadioOnTerminals, type TerminalOptions } from "./radio-on-terminals.js";
export { RADIO_DEFAULTS, type RadioOptions, radioOptions } from "./radio-options.js";
export { createRadioPair, type RadioPair } from "./radio-pair.js";
