import type { BearerPlugin } from "@estafette/contract";
import { KissBearer } from "./bearer.js";
import { type KissConfig, parseKissConfig } from "./config.js";

/** Packet radio: parcels as AX.25 UI frames through a KISS TNC on a serial port or by TCP. */
const kissPlugin: BearerPlugin<KissConfig> = {
  kind: "kiss",
  contract: 1,
  identifies: true,
  parse: parseKissConfig,
  create: (config, host) => new KissBearer(config, host),
};

export default kissPlugin;
export { type Ax25Frame, decodeAx25, encodeUi } from "./ax25.js";
export type { KissConfig } from "./config.js";
export { KISS_LIMITS } from "./limits.js";
