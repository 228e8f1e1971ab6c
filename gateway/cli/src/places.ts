import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliError, EXIT } from "./exit.js";
import { type Call, text } from "./verb.js";

const SYSTEM_CONFIG = "/etc/estafette/estafette.yaml";

/** The configuration a verb works with: said, from the environment, here, or the system's. Throws CliError. */
export function configPath({ values, io }: Call): string {
  const said = text(values.config) ?? io.env.ESTAFETTE_CONFIG;
  if (said !== undefined) return resolve(said);
  const found = [resolve("estafette.yaml"), SYSTEM_CONFIG].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new CliError(
    EXIT.config,
    "no configuration found: name it with --config FILE, or make one with `estafette init`",
  );
}

/** Where the gateway listens. Throws CliError, ConfigError. */
export async function socketOf(call: Call): Promise<string> {
  const said = text(call.values.socket) ?? call.io.env.ESTAFETTE_SOCKET;
  if (said !== undefined) return resolve(said);
  const { besideConfig, loadConfig } = await import("@estafette/daemon");
  const config = await loadConfig(configPath(call), call.io.env);
  if (config.apiSocket !== null) return besideConfig(config.file, config.apiSocket);
  return join(besideConfig(config.file, config.state.directory), "api.sock");
}
