import type { Config, LinkConfig } from "@estafette/config";
import type { BearerPlugin, BridgePlugin } from "@estafette/contract";

/** Drivers this gateway knows, loaded only when a link asks for one: memory and start-up time stay small. */
const BEARERS: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  file: () => import("@estafette/bearer-file"),
  kiss: () => import("@estafette/bearer-kiss"),
  lora: () => import("@estafette/bearer-lora"),
  memory: () => import("@estafette/bearer-memory"),
  meshtastic: () => import("@estafette/bearer-meshtastic"),
  mqtt: () => import("@estafette/bearer-mqtt"),
  sbd: () => import("@estafette/bearer-sbd"),
  serial: () => import("@estafette/bearer-serial"),
  tcp: () => import("@estafette/bearer-tcp"),
};

/** @throws ConfigError at the link's driver when there is none of that name, or at its service when they do not go
 *  together. */
export async function loadBearer(config: Config, link: LinkConfig): Promise<BearerPlugin> {
  const load = Object.hasOwn(BEARERS, link.driver) ? BEARERS[link.driver] : undefined;
  const known = Object.keys(BEARERS).join(", ");
  if (load === undefined) {
    const problem = `there is no driver "${link.driver}"`;
    throw config.errorAt(["links", link.name], { key: "driver", problem, fix: `use one of ${known}` });
  }
  const plugin = (await load()).default as BearerPlugin;
  if (plugin.contract !== 1 || plugin.kind !== link.driver) {
    const problem = `the driver "${link.driver}" is made for another version of Estafette`;
    throw config.errorAt(["links", link.name], { key: "driver", problem, fix: "update it" });
  }
  checkService(config, link, plugin);
  return plugin;
}

/** Fails closed: a radio that is mostly used on amateur bands says what it is used for, and amateur radio is only for
 *  bearers that identify the station. */
function checkService(config: Config, link: LinkConfig, plugin: BearerPlugin): void {
  const { service } = link.policy;
  const wrong = (problem: string, fix: string): Error =>
    config.errorAt(["links", link.name], { key: "service", problem, fix });
  if (plugin.identifies && service === null) {
    const problem = `a ${link.driver} link must say under which rules it transmits`;
    throw wrong(problem, "add service: amateur, or service: ism where the band allows encryption");
  }
  if (service === "amateur" && !plugin.identifies) {
    const problem = `the driver "${link.driver}" does not identify the station`;
    throw wrong(problem, "amateur radio needs one that does, as kiss");
  }
}

export async function loadSmtpBridge(): Promise<BridgePlugin> {
  return (await import("@estafette/bridge-smtp")).default as BridgePlugin;
}
