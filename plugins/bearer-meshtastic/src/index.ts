import type { BearerPlugin } from "@estafette/contract";
import { MeshtasticBearer } from "./bearer.js";
import { type MeshtasticConfig, parseMeshtasticConfig } from "./config.js";

/** Parcels over a Meshtastic radio's stream interface, by serial port or TCP. */
const meshtasticPlugin: BearerPlugin<MeshtasticConfig> = {
  kind: "meshtastic",
  contract: 1,
  parse: parseMeshtasticConfig,
  create: (config, host) => new MeshtasticBearer(config, host),
};

export default meshtasticPlugin;
export type { MeshtasticConfig } from "./config.js";
export { decodeFromRadio, type FromRadio } from "./from-radio.js";
export { MESHTASTIC_LIMITS } from "./limits.js";
export { StreamReader } from "./stream-reader.js";
