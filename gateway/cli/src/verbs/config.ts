import { ConfigErrors, configJsonSchema, configReference, formatConfigError } from "@estafette/config";
import { ConfigError } from "@estafette/contract";
import { EXIT } from "../exit.js";
import { configPath } from "../places.js";
import type { Verb } from "../verb.js";

export const configCheck: Verb = {
  name: "config check",
  summary: "read the configuration and name every mistake with its line",
  synopsis: "[--config FILE] [--json]",
  details: [
    "-c, --config FILE   the file to check",
    "    --json          one JSON document on stdout",
    "",
    "Touches neither ports nor state. Exit code 0 or 78.",
  ],
  options: { config: { type: "string", short: "c" }, json: { type: "boolean" } },
  words: [0, 0],
  async run(call) {
    const { loadConfig, checkPlugins } = await import("@estafette/daemon");
    const file = configPath(call);
    try {
      await checkPlugins(await loadConfig(file, call.io.env));
    } catch (error) {
      if (!(error instanceof ConfigError) || call.values.json !== true) throw error;
      const errors = error instanceof ConfigErrors ? error.errors : [error];
      const list = errors.map((e) => ({
        code: e.code,
        message: e.message,
        ...e.place,
        text: formatConfigError(e),
      }));
      call.io.out(`${JSON.stringify({ file, ok: false, errors: list })}\n`);
      return EXIT.config;
    }
    call.io.out(
      call.values.json === true
        ? `${JSON.stringify({ file, ok: true, errors: [] })}\n`
        : `${file}: no mistakes\n`,
    );
    return EXIT.ok;
  },
};

export const configReferenceVerb: Verb = {
  name: "config reference",
  summary: "print every key of the configuration, its kind and its default",
  synopsis: "[--json]",
  details: ["    --json          the JSON Schema, for editors"],
  options: { json: { type: "boolean" } },
  words: [0, 0],
  async run({ io, values }) {
    io.out(values.json === true ? `${JSON.stringify(configJsonSchema(), null, 2)}\n` : configReference());
    return EXIT.ok;
  },
};
