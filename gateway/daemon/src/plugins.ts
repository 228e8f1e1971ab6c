import type { Config, LinkConfig } from "@estafette/config";
import type { BearerPlugin, BridgePlugin } from "@estafette/contract";

/** Drivers this gateway knows, loaded only when a link asks for one: memory and start-up time stay small. */
const BEARERS: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  file: () => import("@estafette/bearer-file"),
  memory: () => import("@estafette/bearer-memory"),
  meshtastic: () => import("@estafette/bearer-meshtastic"),
  sbd: () => import("@estafette/bearer-sbd"),
  serial: () => import("@estafette/bearer-serial"),
  tcp: () => import("@estafette/bearer-tcp"),
};

/** @throws ConfigError at the link's driver when there is none of that name. */
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
  return plugin;
}

export async function loadSmtpBridge(): Promise<BridgePlugin> {
  return (await import("@estafette/bridge-smtp")).default as BridgePlugin;
}
