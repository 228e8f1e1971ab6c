import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CONFIG_LIMITS, type Config, ConfigErrors, optionKey, parseConfig } from "@estafette/config";
import { ConfigError, ProtocolError } from "@estafette/contract";
import { publicKeysOf } from "@estafette/protocol";
import { ContactWindows } from "@estafette/router";
import { loadBearer, loadSmtpBridge } from "./plugins.js";
import { secretLookup } from "./secrets.js";
import { placedMail, smtpOptions } from "./settings.js";
import { reason } from "./state.js";

/**
 * Reads a configuration file and its secrets. Judges everything that the file alone can show.
 * @throws ConfigError, ConfigErrors.
 */
export async function loadConfig(path: string, env: NodeJS.ProcessEnv): Promise<Config> {
  const file = resolve(path);
  let text: string;
  try {
    const bytes = await readFile(file);
    if (bytes.length > CONFIG_LIMITS.textCharactersMax * 4) {
      throw new ConfigError("EST_CONFIG_SYNTAX", "the file is too large", {
        file,
        fix: "is it the right file?",
      });
    }
    text = bytes.toString("utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError("EST_CONFIG_SYNTAX", `cannot read the configuration: ${reason(cause)}`, {
      file,
      fix: "name it with --config FILE, or make one with `estafette init`",
    });
  }
  const config = parseConfig(text, file, { secrets: secretLookup(file, env) });
  checkKeys(config);
  checkWindows(config);
  return config;
}

/** A key can be spelt right and still be one that proves nothing (SPEC.md: the key gate). */
function checkKeys(config: Config): void {
  const errors = config.peers.flatMap(({ name, root }) => {
    try {
      if (root !== null) publicKeysOf(root);
      return [];
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const problem = `this key is not admitted: ${error.message}`;
      return [
        config.errorAt(["peers", name], {
          key: "key",
          problem,
          fix: "ask that gateway for a new invitation",
        }),
      ];
    }
  });
  const [first, ...rest] = errors;
  if (first !== undefined) throw new ConfigErrors([first, ...rest]);
}

/** Contact windows are read by the router, and refused at their line. */
function checkWindows(config: Config): void {
  const errors = config.links.flatMap(({ name, budget }) => {
    try {
      new ContactWindows(budget.windows);
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { key = "windows", fix = "" } = error.place;
      return [config.errorAt(["links", name, ...key.split(".")], { problem: error.message, fix })];
    }
  });
  const [first, ...rest] = errors;
  if (first !== undefined) throw new ConfigErrors([first, ...rest]);
}

/**
 * Lets every configured plugin read its part, without opening anything.
 * @throws ConfigErrors with a place for each complaint.
 */
export async function checkPlugins(config: Config): Promise<void> {
  const errors: ConfigError[] = [];
  for (const link of config.links) {
    try {
      const plugin = await loadBearer(config, link);
      plugin.parse(link.options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(error.place.line === undefined ? placed(config, link.name, error) : error);
    }
  }
  const smtp = smtpOptions(config);
  if (smtp !== null) {
    try {
      (await loadSmtpBridge()).parse(smtp);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(placedMail(config, error));
    }
  }
  const [first, ...rest] = errors;
  if (first !== undefined) throw new ConfigErrors([first, ...rest]);
}

/** Gives what a bearer plugin refused its line. */
export function placed(config: Config, linkName: string, error: ConfigError): ConfigError {
  const key = error.place.key === undefined ? {} : { key: optionKey(error.place.key) };
  const fix = error.place.fix === undefined ? {} : { fix: error.place.fix };
  return config.errorAt(["links", linkName], { problem: error.message, ...fix, ...key });
}
