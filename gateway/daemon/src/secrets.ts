import { lstatSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSecrets, type SecretLookup } from "@estafette/config";
import { ConfigError } from "@estafette/contract";
import { DAEMON_LIMITS as LIMITS } from "./limits.js";

/**
 * Finds secrets where an operator may have put them, first hit wins: a systemd credential
 * (`$CREDENTIALS_DIRECTORY/name`), `secrets.yaml` beside the configuration (mode 0600), the environment variable
 * `ESTAFETTE_SECRET_NAME`. Reads lazily, so that a file nobody needs can neither be missing nor have a wrong mode.
 */
export function secretLookup(configFile: string, env: NodeJS.ProcessEnv): SecretLookup {
  let beside: ReadonlyMap<string, string> | null = null;
  return (name) => {
    const credentials = env.CREDENTIALS_DIRECTORY;
    if (credentials !== undefined) {
      const value = readOrNull(join(credentials, name));
      if (value !== null) return value.replace(/\n$/, "");
    }
    beside ??= readBeside(join(dirname(configFile), "secrets.yaml"));
    const value = beside.get(name);
    return value ?? env[`ESTAFETTE_SECRET_${name.toUpperCase().replaceAll("-", "_")}`] ?? null;
  };
}

function readBeside(path: string): ReadonlyMap<string, string> {
  const text = readOrNull(path);
  if (text === null) return new Map();
  const { mode } = lstatSync(path);
  if ((mode & 0o077) !== 0) {
    throw new ConfigError("EST_CONFIG_SECRET", `${path} may be read by others`, {
      fix: `run: chmod 600 ${path}`,
    });
  }
  try {
    return parseSecrets(text, path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError("EST_CONFIG_SECRET", error.message, { fix: `mend ${path}` });
  }
}

function readOrNull(path: string): string | null {
  try {
    if (lstatSync(path).size > LIMITS.secretBytesMax) {
      throw new ConfigError("EST_CONFIG_SECRET", `${path} is too large`, { fix: "a secret is a short text" });
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (error instanceof ConfigError) throw error;
    throw new ConfigError("EST_CONFIG_SECRET", `cannot read ${path}`, {
      fix: `run as its owner, or mend its mode`,
    });
  }
}
