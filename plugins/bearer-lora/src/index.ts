import type { BearerPlugin } from "@estafette/contract";
import { LoraBearer } from "./bearer.js";
import { type LoraConfig, parseLoraConfig } from "./config.js";
import type { LoraDriver } from "./driver.js";
import { rnodeDriver } from "./rnode-driver.js";

/** Boards by their name in the configuration. */
const DRIVERS: Readonly<Record<LoraConfig["module"], LoraDriver>> = { rnode: rnodeDriver };

/** Parcels over raw LoRa, by a board on a serial port. */
const loraPlugin: BearerPlugin<LoraConfig> = {
  kind: "lora",
  contract: 1,
  parse: parseLoraConfig,
  create: (config, host) => new LoraBearer(config, DRIVERS[config.module], host),
};

export default loraPlugin;
export type { LoraConfig } from "./config.js";
export { LORA_LIMITS } from "./limits.js";
export { rnodeDriver } from "./rnode-driver.js";
