import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plain, table } from "./format.js";
import { EXIT, run } from "./index.js";
import { VERBS } from "./verbs/index.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "estafette-cli-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function estafette(line: string, stdin = ""): Promise<Result> {
  let out = "";
  let err = "";
  const io = {
    env: {},
    isTerminal: false,
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    readStdin: async () => Buffer.from(stdin),
  };
  const code = await run(line.replaceAll("DIR", folder).split(" ").filter(Boolean), io);
  return { code, out, err };
}

describe("the command line", () => {
  it.each(VERBS.map((verb) => verb.name))("estafette %s --help explains itself", async (name) => {
    const { code, out, err } = await estafette(`${name} --help`);
    expect([code, err]).toEqual([EXIT.ok, ""]);
    expect(out).toMatch(new RegExp(`^usage: estafette ${name}`));
    expect(await estafette(`help ${name}`)).toEqual({ code, out, err });
  });

  it("lists every verb", async () => {
    const { out } = await estafette("--help");
    for (const verb of VERBS) expect(out).toContain(`  ${verb.name} `);
  });

  it.each([
    ["", EXIT.usage, "usage: estafette VERB"],
    ["frobnicate", EXIT.usage, 'no verb "frobnicate"'],
    ["peer", EXIT.usage, "say which: estafette peer invite"],
    ["help frobnicate", EXIT.usage, 'no verb "frobnicate"'],
    ["status --bogus", EXIT.usage, "Unknown option '--bogus'"],
    ["status extra", EXIT.usage, "too many words"],
    ["trace", EXIT.usage, "usage: estafette trace ID"],
    ["send", EXIT.usage, "something is missing"],
    ["send --expire soon x@y.example", EXIT.usage, "--expire"],
    ["demo --speed 0", EXIT.usage, "--speed"],
    ["demo --loss x", EXIT.usage, "--loss"],
    ["route", EXIT.usage, "say which: estafette route explain"],
    ["route explain", EXIT.usage, "something is missing"],
    ["route explain --size big base", EXIT.usage, "--size"],
    ["route explain --size 0B base", EXIT.usage, "--size"],
    ["route explain --socket DIR/none.sock base", EXIT.unavailable, "does not answer"],
    ["init", EXIT.usage, "something is missing"],
    ["init boat", EXIT.usage, "say ship or shore"],
    ["init ship --name Aurora", EXIT.usage, "--name"],
    ["version --all", EXIT.usage, "--json"],
    ["config check --config DIR/none.yaml", EXIT.config, "cannot read the configuration"],
    ["daemon --config DIR/none.yaml", EXIT.config, "cannot read the configuration"],
    ["status --socket DIR/none.sock", EXIT.unavailable, "does not answer"],
    ["send --socket DIR/none.sock x@y.example", EXIT.unavailable, "does not answer"],
    ["peer list --socket DIR/none.sock", EXIT.unavailable, "does not answer"],
  ])("estafette %s", async (line, code, message) => {
    const result = await estafette(line);
    expect(result.code).toBe(code);
    expect(result.err).toContain(message);
    expect(result.out).toBe("");
  });

  it("refuses text that is not UTF-8 before it asks anybody", async () => {
    const io = {
      env: {},
      isTerminal: false,
      out: () => {},
      err: () => {},
      readStdin: async () => Buffer.from([0xff]),
    };
    expect(await run(["send", "--socket", join(folder, "s"), "x@y.example"], io)).toBe(EXIT.badData);
  });

  it("prints the version", async () => {
    expect((await estafette("version")).out).toMatch(/^estafette \d+\.\d+\.\d+\n$/);
    expect(JSON.parse((await estafette("version --json")).out)).toHaveProperty("version");
  });

  it("prints the reference and the schema", async () => {
    expect((await estafette("config reference")).out).toContain("| `node.name` |");
    expect(JSON.parse((await estafette("config reference --json")).out)).toHaveProperty("properties.links");
  });
});

describe("init", () => {
  it.each(["ship", "shore"])("writes a %s that config check accepts as it is", async (kind) => {
    const made = await estafette(`init ${kind} --directory DIR/new --json`);
    expect(made.code).toBe(EXIT.ok);
    const files = JSON.parse(made.out) as { config: string; secrets: string; state: string };
    expect((await stat(files.secrets)).mode & 0o777).toBe(0o600);
    expect((await stat(files.state)).mode & 0o777).toBe(0o700);
    const checked = await estafette(`config check --config ${files.config}`);
    expect(checked).toEqual({ code: EXIT.ok, out: `${files.config}: no mistakes\n`, err: "" });
  });

  it("overwrites nothing", async () => {
    await estafette("init ship --directory DIR");
    const before = await readFile(join(folder, "estafette.yaml"), "utf8");
    const again = await estafette("init shore --directory DIR");
    expect(again.code).toBe(EXIT.cannotCreate);
    expect(again.err).toContain("nothing was changed");
    expect(await readFile(join(folder, "estafette.yaml"), "utf8")).toBe(before);
  });

  it("takes a name and a domain", async () => {
    await estafette("init ship --directory DIR --name nanuk --domain Nanuk.Example.ORG");
    const text = await readFile(join(folder, "estafette.yaml"), "utf8");
    expect(text).toContain("name: nanuk\n");
    expect(text).toContain("anna@nanuk.example.org");
  });

  it("says so when it cannot write", async () => {
    await writeFile(join(folder, "file"), "");
    expect((await estafette("init ship --directory DIR/file/x")).code).toBe(EXIT.cannotCreate);
  });
});

describe("config check", () => {
  it("names every mistake of file and plugins with its line", async () => {
    const file = join(folder, "e.yaml");
    await writeFile(
      file,
      "version: 1\nnode: {name: aurora}\nlinks:\n  hf:\n    driver: serial\n    port: ttyUSB0\n    baud: 9600\n  sat:\n    driver: sattelite\n",
    );
    const { code, err, out } = await estafette(`config check --config ${file}`);
    expect([code, out]).toEqual([EXIT.config, ""]);
    expect(err).toContain(`${file}:6:5  links.hf.port`);
    expect(err).toContain(
      `${file}:9:5  links.sat.driver  there is no driver "sattelite". Use one of file, kiss, lora, memory, meshtastic, mqtt, sbd, serial, tcp`,
    );
    expect(err).toContain("2 errors\n");
    const json = await estafette(`config check --json --config ${file}`);
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      errors: [
        { line: 6, column: 5 },
        { line: 9, column: 5 },
      ],
    });
  });

  it("finds what the mail bridge refuses", async () => {
    const file = join(folder, "e.yaml");
    await writeFile(
      file,
      "version: 1\nnode: {name: aurora}\nmail:\n  smarthost:\n    host: mail.example.org\n    tls: none\n    user: u\n    password: !secret p\n",
    );
    await writeFile(join(folder, "secrets.yaml"), "p: x\n", { mode: 0o600 });
    const { code, err } = await estafette(`config check --config ${file}`);
    expect(code).toBe(EXIT.config);
    expect(err).toContain(`${file}:6:5  mail.smarthost.tls`);
  });

  it("says which secret is missing, and refuses a file that others may read", async () => {
    await estafette("init ship --directory DIR");
    await chmod(join(folder, "secrets.yaml"), 0o644);
    const open = await estafette("config check --config DIR/estafette.yaml");
    expect([open.code, open.err]).toEqual([EXIT.config, expect.stringContaining("chmod 600")]);
    await rm(join(folder, "secrets.yaml"));
    const gone = await estafette("config check --config DIR/estafette.yaml");
    expect([gone.code, gone.err]).toEqual([
      EXIT.config,
      expect.stringContaining('there is no secret "anna"'),
    ]);
  });
});

describe("introducing two gateways before their first start", () => {
  it("takes one string each way", async () => {
    await estafette("init ship --directory DIR/ship");
    await estafette("init shore --directory DIR/shore");
    const ship = (await estafette("peer invite --config DIR/ship/estafette.yaml")).out.trim();
    const shore = JSON.parse(
      (await estafette("peer invite --json --config DIR/shore/estafette.yaml")).out,
    ) as {
      invitation: string;
      key: string;
    };
    expect(ship).toMatch(/^estafette-peer:[A-Za-z0-9_-]+$/);
    const accepted = await estafette(`peer accept --config DIR/ship/estafette.yaml ${shore.invitation}`);
    expect(accepted).toMatchObject({ code: EXIT.ok, out: `accepted shore (shore.example) ${shore.key}\n` });
    const piped = await estafette("peer accept --config DIR/shore/estafette.yaml -", `${ship}\n`);
    expect(piped).toMatchObject({ code: EXIT.ok, out: expect.stringContaining("accepted aurora") });
    const own = await estafette(`peer accept --config DIR/ship/estafette.yaml ${ship}`);
    expect(own).toMatchObject({ code: EXIT.badData, err: expect.stringContaining("this very gateway") });
    const cut = await estafette(`peer accept --config DIR/ship/estafette.yaml ${ship.slice(0, -5)}`);
    expect(cut).toMatchObject({ code: EXIT.badData, err: expect.stringContaining("damaged") });
  });
});

describe("doctor", () => {
  it("says what is wrong with a new ship, and how to mend it", async () => {
    await estafette("init ship --directory DIR");
    const config = join(folder, "estafette.yaml");
    const text = (await readFile(config, "utf8")).replace("127.0.0.1:2587", "127.0.0.1:0");
    await writeFile(config, text);
    const { code, out } = await estafette("doctor --config DIR/estafette.yaml --json");
    expect(code).toBe(EXIT.problems);
    const { ok, findings } = JSON.parse(out) as {
      ok: boolean;
      findings: { what: string; state: string; fix?: string }[];
    };
    expect(ok).toBe(false);
    const wrong = findings.filter((f) => f.state === "problem");
    expect(wrong.map((f) => f.what)).toEqual(["peers", "link radio"]);
    expect(wrong.every((f) => f.fix !== undefined)).toBe(true);
    expect(findings.map((f) => f.what)).toEqual(
      expect.arrayContaining(["configuration", "state", "store", "disk", "clock"]),
    );
  });

  it("finds keys that others may read, taken ports and broken certificates", async () => {
    const { createServer } = await import("node:net");
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const config = join(folder, "e.yaml");
    await writeFile(
      config,
      `version: 1\nnode: {name: a}\nstate: {directory: state}\nmail:\n  submission: {listen: "127.0.0.1:${port}", tls: {key: k.pem, cert: c.pem}}\n`,
    );
    await writeFile(join(folder, "k.pem"), "no key");
    await writeFile(join(folder, "c.pem"), "no certificate");
    await estafette(`peer invite --config ${config}`);
    await chmod(join(folder, "state", "identity.key"), 0o644);
    const { code, out } = await estafette(`doctor --config ${config}`);
    taken.close();
    expect(code).toBe(EXIT.problems);
    expect(out).toMatch(
      /PROBLEM {2}state: .*identity.key may be read by others \(mode 644\)\n {9}-> chmod 600/,
    );
    expect(out).toMatch(/PROBLEM {2}mail.submission: cannot listen on 127\.0\.0\.1:\d+/);
    expect(out).toContain("PROBLEM  mail.submission.tls");
  });

  it("lists every mistake of the configuration", async () => {
    await writeFile(join(folder, "e.yaml"), "version: 1\nnod: {}\n");
    const { code, out } = await estafette("doctor --config DIR/e.yaml");
    expect(code).toBe(EXIT.problems);
    expect(out).toContain("2 problems\n");
  });
});

describe("text for a terminal", () => {
  it("carries no control characters from far away", () => {
    expect(plain("a\u001b[2Jb\u202ec\u009bd\n")).toBe("a [2Jb c d ");
    expect(plain("x".repeat(500))).toHaveLength(200);
    expect(
      table([
        ["a", "bb"],
        ["ccc", "d"],
      ]),
    ).toBe("a    bb\nccc  d\n");
  });
});
