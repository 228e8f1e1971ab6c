import { access, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { exampleConfig } from "../example.js";
import { CliError, EXIT, usage } from "../exit.js";
import { text, type Verb } from "../verb.js";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

export const init: Verb = {
  name: "init",
  summary: "write a commented configuration and the keys of a new gateway",
  synopsis: "ship|shore [--directory DIR] [--name NAME] [--domain DOMAIN]",
  details: [
    "    --directory DIR   where to (default: here)",
    "    --name NAME       of the gateway (default: aurora for a ship, shore for a shore station)",
    "    --domain DOMAIN   its mail domain (default: NAME.ship.example, NAME.example)",
    "    --json            one JSON document on stdout",
    "",
    "Writes estafette.yaml, secrets.yaml (0600) and the state directory. Overwrites nothing: exit code 73.",
  ],
  options: {
    directory: { type: "string" },
    name: { type: "string" },
    domain: { type: "string" },
    json: { type: "boolean" },
  },
  words: [1, 1],
  async run({ io, words, values }) {
    const [kind] = words;
    if (kind !== "ship" && kind !== "shore") throw usage("say ship or shore");
    const name = text(values.name) ?? (kind === "ship" ? "aurora" : "shore");
    const domain = (
      text(values.domain) ?? (kind === "ship" ? `${name}.ship.example` : `${name}.example`)
    ).toLowerCase();
    if (!NAME.test(name)) throw usage("--name: 1 to 32 of a-z, 0-9 and inner hyphens");
    if (!DOMAIN.test(domain)) throw usage("--domain: write for example aurora.ship.example");
    const directory = resolve(text(values.directory) ?? ".");
    const files = { config: join(directory, "estafette.yaml"), secrets: join(directory, "secrets.yaml") };
    for (const path of Object.values(files)) await refuseExisting(path);
    const { openState } = await import("@estafette/daemon");
    const { systemRng } = await import("@estafette/runtime");
    await creating(directory, () => mkdir(directory, { recursive: true }));
    const state = await openState(join(directory, "state"), systemRng());
    const password = Buffer.from(systemRng().bytes(12)).toString("base64url");
    const secrets = `# Read by !secret NAME. Keep this file at mode 0600.\nanna: "${password}"\n`;
    await creating(files.secrets, () => writeFile(files.secrets, secrets, { flag: "wx", mode: 0o600 }));
    const config = exampleConfig({ kind, name, domain });
    await creating(files.config, () => writeFile(files.config, config, { flag: "wx", mode: 0o644 }));
    const made = { config: files.config, secrets: files.secrets, state: state.directory };
    if (values.json === true) io.out(`${JSON.stringify(made)}\n`);
    else io.out(`${Object.values(made).join("\n")}\n`);
    io.err(
      `Next: adapt ${files.config}, then\n  estafette config check --config ${files.config}\n  estafette peer invite --config ${files.config}\n`,
    );
    return EXIT.ok;
  },
};

async function refuseExisting(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there) throw new CliError(EXIT.cannotCreate, `${path} is there already; nothing was changed`);
}

async function creating(path: string, make: () => Promise<unknown>): Promise<void> {
  try {
    await make();
  } catch (error) {
    throw new CliError(
      EXIT.cannotCreate,
      `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
