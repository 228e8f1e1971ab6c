import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@estafette/contract";
import { systemRng } from "@estafette/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { secretLookup } from "./secrets.js";
import { besideConfig, openState } from "./state.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "estafette-state-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe("the first start", () => {
  it("makes a private directory and two private keys, and finds them again", async () => {
    const path = join(folder, "deep", "state");
    const first = await openState(path, systemRng());
    expect(await modeOf(path)).toBe(0o700);
    expect(await modeOf(join(path, "identity.key"))).toBe(0o600);
    expect(await modeOf(join(path, "at-rest.key"))).toBe(0o600);
    const second = await openState(path, systemRng());
    expect(second.identity.address).toEqual(first.identity.address);
    expect(second.atRestKey).toEqual(first.atRestKey);
    const keys = await Promise.all(
      ["identity.key", "at-rest.key"].map((f) => readFile(join(path, f), "utf8")),
    );
    expect(keys[0]).not.toBe(keys[1]);
  });

  it.each([
    ["identity.key", 0o640],
    ["identity.key", 0o604],
    ["at-rest.key", 0o660],
  ])("refuses to go on when others may read %s (%o)", async (file, mode) => {
    const path = join(folder, "state");
    await openState(path, systemRng());
    await chmod(join(path, file), mode);
    await expect(openState(path, systemRng())).rejects.toMatchObject({
      code: "EST_CONFIG_SECRET",
      place: { file: join(path, file), fix: expect.stringContaining("chmod 600") },
    });
  });

  it("refuses a directory that others may enter", async () => {
    const path = join(folder, "state");
    await mkdir(path, { mode: 0o755 });
    await chmod(path, 0o755);
    await expect(openState(path, systemRng())).rejects.toThrow(ConfigError);
  });

  it.each(["", "00", "zz".repeat(32), "00".repeat(33)])("never replaces a damaged key (%#)", async (text) => {
    const path = join(folder, "state");
    await openState(path, systemRng());
    await writeFile(join(path, "identity.key"), text);
    await expect(openState(path, systemRng())).rejects.toThrow("damaged");
    expect(await readFile(join(path, "identity.key"), "utf8")).toBe(text);
  });

  it("says so when the directory cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(openState(join(folder, "file", "state"), systemRng())).rejects.toMatchObject({
      code: "EST_OPERATING_UNAVAILABLE",
    });
  });
});

describe("secrets", () => {
  it("come from credentials, then secrets.yaml, then the environment", async () => {
    const config = join(folder, "estafette.yaml");
    await mkdir(join(folder, "cred"));
    await writeFile(join(folder, "cred", "anna"), "from credential\n");
    await writeFile(join(folder, "secrets.yaml"), "anna: from file\nbob: from file\n", { mode: 0o600 });
    const lookup = secretLookup(config, {
      CREDENTIALS_DIRECTORY: join(folder, "cred"),
      ESTAFETTE_SECRET_BOB: "from env",
      ESTAFETTE_SECRET_CAROL_2: "from env",
    });
    expect(["anna", "bob", "carol-2", "dave"].map(lookup)).toEqual([
      "from credential",
      "from file",
      "from env",
      null,
    ]);
  });

  it("are refused from a file that others may read", async () => {
    await writeFile(join(folder, "secrets.yaml"), "anna: x\n", { mode: 0o644 });
    await chmod(join(folder, "secrets.yaml"), 0o644);
    expect(() => secretLookup(join(folder, "estafette.yaml"), {})("anna")).toThrow("may be read by others");
  });

  it("are refused from a file that is not a map of text", async () => {
    await writeFile(join(folder, "secrets.yaml"), "anna: [x]\n", { mode: 0o600 });
    expect(() => secretLookup(join(folder, "estafette.yaml"), {})("anna")).toThrow("a secret must be text");
  });
});

it("relative paths count from the configuration", () => {
  expect(besideConfig("/etc/estafette/estafette.yaml", "state")).toBe("/etc/estafette/state");
  expect(besideConfig("/etc/estafette/estafette.yaml", "/var/lib/estafette")).toBe("/var/lib/estafette");
});
