import type { BearerPlugin } from "@estafette/contract";
import { MqttBearer } from "./bearer.js";
import { type MqttConfig, parseMqttConfig } from "./config.js";

/** Parcels over an MQTT 5 broker that several gateways share. */
const mqttPlugin: BearerPlugin<MqttConfig> = {
  kind: "mqtt",
  contract: 1,
  parse: parseMqttConfig,
  create: (config, host) => new MqttBearer(config, host),
};

export default mqttPlugin;
export type { MqttConfig } from "./config.js";
export { MQTT_LIMITS } from "./limits.js";
