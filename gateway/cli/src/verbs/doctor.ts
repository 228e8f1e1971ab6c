import { ConfigErrors, formatConfigError } from "@estafette/config";
import { ConfigError } from "@estafette/contract";
import { type Finding, runChecks } from "../doctor/checks.js";
import { EXIT } from "../exit.js";
import { plain } from "../format.js";
import { configPath } from "../places.js";
import type { Verb } from "../verb.js";

export const doctor: Verb = {
  name: "doctor",
  summary: "look for what could keep a gateway from working, and say how to mend it",
  synopsis: "[--config FILE] [--json]",
  details: [
    "-c, --config FILE   the gateway's configuration",
    "    --json          one JSON document on stdout",
    "",
    "Checks configuration, keys, store, disk, clock, serial ports, listeners, TLS files and servers. Opens ports only",
    "while the gateway is not running. Exit code 0, or 1 when something is wrong.",
  ],
  options: { config: { type: "string", short: "c" }, json: { type: "boolean" } },
  words: [0, 0],
  async run(call) {
    const findings = await examine(call.io.env, configPath(call));
    const wrong = findings.filter((finding) => finding.state === "problem").length;
    if (call.values.json === true) {
      call.io.out(`${JSON.stringify({ ok: wrong === 0, findings })}\n`);
    } else {
      for (const finding of findings) call.io.out(lineOf(finding));
      call.io.out(wrong === 0 ? "nothing is wrong\n" : `${wrong} ${wrong === 1 ? "problem" : "problems"}\n`);
    }
    return wrong === 0 ? EXIT.ok : EXIT.problems;
  },
};

async function examine(env: NodeJS.ProcessEnv, file: string): Promise<readonly Finding[]> {
  const { loadConfig, checkPlugins } = await import("@estafette/daemon");
  try {
    const config = await loadConfig(file, env);
    await checkPlugins(config);
    return [
      { what: "configuration", state: "ok", text: `${file}: no mistakes` },
      ...(await runChecks(config)),
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const errors = error instanceof ConfigErrors ? error.errors : [error];
    return errors.map((e) => ({ what: "configuration", state: "problem", text: formatConfigError(e) }));
  }
}

const MARKS = { ok: "ok     ", note: "note   ", problem: "PROBLEM" } as const;

function lineOf(finding: Finding): string {
  const fix = finding.fix === undefined ? "" : `\n         -> ${plain(finding.fix, 500)}`;
  return `${MARKS[finding.state]}  ${finding.what}: ${plain(finding.text, 500)}${fix}\n`;
}
