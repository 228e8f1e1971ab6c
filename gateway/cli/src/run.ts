import { type ParseArgsConfig, parseArgs } from "node:util";
import { ConfigErrors, formatConfigError } from "@estafette/config";
import { ConfigError } from "@estafette/contract";
import { CliError, EXIT, exitCodeFor, usage } from "./exit.js";
import type { Io } from "./io.js";
import type { Verb } from "./verb.js";
import { VERBS } from "./verbs/index.js";
import { VERSION } from "./version.js";

/** Runs one command line; resolves with the exit code. Never throws for what a user or a gateway did. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    io.err(describe(error));
    return exitCodeFor(error);
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv;
  if (first === undefined) {
    io.err(overview());
    return EXIT.usage;
  }
  if (first === "--help" || first === "-h" || first === "help") return help(argv.slice(1), io);
  if (first === "--version" || first === "version") return version(argv.slice(1), io);
  const verb = findVerb(argv);
  if (verb === undefined) throw unknownVerb(argv);
  const rest = argv.slice(verb.name.split(" ").length);
  const { values, positionals } = parse(verb, rest);
  if (values.help === true) {
    io.out(helpOf(verb));
    return EXIT.ok;
  }
  const [fewest, most] = verb.words;
  if (positionals.length < fewest)
    throw usage(`something is missing.\nusage: estafette ${verb.name} ${verb.synopsis}`);
  if (positionals.length > most)
    throw usage(`too many words: ${positionals.slice(most).join(" ").slice(0, 80)}`);
  return verb.run({ io, words: positionals, values });
}

function findVerb(argv: readonly string[]): Verb | undefined {
  const two = argv.slice(0, 2).join(" ");
  return VERBS.find((verb) => verb.name === two) ?? VERBS.find((verb) => verb.name === argv[0]);
}

function parse(verb: Verb, args: readonly string[]): ReturnType<typeof parseArgs> {
  const options: ParseArgsConfig["options"] = { ...verb.options, help: { type: "boolean", short: "h" } };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const sentence = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
    throw usage(`${sentence}.\nSee: estafette ${verb.name} --help`);
  }
}

function unknownVerb(argv: readonly string[]): CliError {
  const group = VERBS.filter((verb) => verb.name.startsWith(`${argv[0]} `));
  if (group.length > 0)
    return usage(`say which: ${group.map((verb) => `estafette ${verb.name}`).join(", ")}`);
  return usage(`there is no verb "${String(argv[0]).slice(0, 40)}".\nSee: estafette --help`);
}

function help(argv: readonly string[], io: Io): number {
  if (argv.length === 0) {
    io.out(overview());
    return EXIT.ok;
  }
  const verb = findVerb(argv);
  if (verb === undefined) throw unknownVerb(argv);
  io.out(helpOf(verb));
  return EXIT.ok;
}

function version(argv: readonly string[], io: Io): number {
  const [flag] = argv;
  if (flag !== undefined && flag !== "--json") throw usage("version takes --json only");
  io.out(
    flag === "--json"
      ? `${JSON.stringify({ version: VERSION, node: process.version })}\n`
      : `estafette ${VERSION}\n`,
  );
  return EXIT.ok;
}

function overview(): string {
  const width = Math.max(...VERBS.map((verb) => verb.name.length), "version".length);
  const lines = VERBS.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`);
  return [
    "estafette: mail and messages over links that are slow, dear or rare",
    "",
    "usage: estafette VERB [options] [words]",
    "",
    ...lines,
    `  ${"version".padEnd(width)}  print the version`,
    "",
    "estafette VERB --help says more about one of them.",
    "",
  ].join("\n");
}

function helpOf(verb: Verb): string {
  const details = verb.details.map((line) => `  ${line}`.trimEnd());
  return [
    `usage: estafette ${verb.name} ${verb.synopsis}`.trimEnd(),
    "",
    verb.summary,
    "",
    ...details,
    "",
  ].join("\n");
}

function describe(error: unknown): string {
  if (error instanceof ConfigErrors) {
    const count = error.errors.length;
    return `${error.errors.map(formatConfigError).join("\n")}\n${count} ${count === 1 ? "error" : "errors"}\n`;
  }
  if (error instanceof ConfigError) return `${formatConfigError(error)}\n`;
  if (error instanceof CliError) return `estafette: ${error.message}\n`;
  if (error instanceof Error && "code" in error) return `estafette: ${error.message}\n`;
  return `estafette: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}
