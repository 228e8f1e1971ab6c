import { OperatingError } from "@estafette/contract";
import { CliError } from "../exit.js";
import { configPath } from "../places.js";
import type { Verb } from "../verb.js";

/** Longest time between the end of the service and the end of the process, when something keeps it alive. */
const LINGER_MS = 1_000;

export const daemon: Verb = {
  name: "daemon",
  summary: "run a gateway in the foreground, as systemd wants it",
  synopsis: "--config FILE [--debug]",
  details: [
    "-c, --config FILE   its configuration",
    "    --debug         log more, addresses included",
    "",
    "Ends on SIGTERM within 10 s. Exit codes: 0 asked to, 70 an error of its own, 73 the state is in use,",
    "75 the store or a port failed (start again), 78 the configuration is wrong.",
  ],
  options: { config: { type: "string", short: "c" }, debug: { type: "boolean" } },
  words: [0, 0],
  async run(call) {
    const { exitCodeOf, loadConfig, runService } = await import("@estafette/daemon");
    const config = await loadConfig(configPath(call), call.io.env);
    const code = await runService(config, { debug: call.values.debug === true }).catch((error: unknown) => {
      throw error instanceof OperatingError ? new CliError(exitCodeOf(error), error.message) : error;
    });
    setTimeout(() => process.exit(code), LINGER_MS).unref();
    return code;
  },
};
