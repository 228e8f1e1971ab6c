import type { BearerPlugin } from "@estafette/contract";
import { SerialBearer } from "./bearer.js";
import { parseSerialConfig, type SerialConfig } from "./config.js";

/** Parcels over a serial line or a transparent radio modem: COBS frames with CRC-32, paced by airtime. */
const serialPlugin: BearerPlugin<SerialConfig> = {
  kind: "serial",
  contract: 1,
  parse: parseSerialConfig,
  create: (config, host) => new SerialBearer(config, host),
};

export default serialPlugin;
export type { SerialConfig } from "./config.js";
export { SERIAL_LIMITS } from "./limits.js";
