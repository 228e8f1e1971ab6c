import type { BearerPlugin } from "@estafette/contract";
import { parseSbdConfig, type SbdConfig } from "./config.js";
import { DirectIpOperator } from "./direct-ip-operator.js";
import { ModemBearer } from "./modem-bearer.js";
import { RockBlockOperator } from "./rockblock-operator.js";
import { ShoreBearer } from "./shore-bearer.js";

/** Iridium short bursts: the modem aboard; DirectIP or the RockBLOCK web service ashore. */
const sbdPlugin: BearerPlugin<SbdConfig> = {
  kind: "sbd",
  contract: 1,
  parse: parseSbdConfig,
  create(config, host) {
    if (config.role === "modem") return new ModemBearer(config, host);
    if (config.role === "directip") return new ShoreBearer(config, new DirectIpOperator(config, host), host);
    return new ShoreBearer(config, new RockBlockOperator(config, host), host);
  },
};

export default sbdPlugin;
export type { SbdConfig } from "./config.js";
// For the fuzz tests: everything that reads bytes of others.
export { DirectIpReader, decodeMoMessage, decodeMtStatus } from "./direct-ip.js";
export { SBD_LIMITS } from "./limits.js";
export { ModemReader } from "./modem-reader.js";
export { decodeHook, decodeMtAnswer } from "./rockblock.js";
export { parseSessionResult } from "./session-result.js";
