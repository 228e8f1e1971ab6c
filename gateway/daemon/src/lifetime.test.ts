import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey } from "@estafette/config";
import { ConfigError, InvariantError, OperatingError } from "@estafette/contract";
import { expect, it } from "vitest";
import { exitCodeOf } from "./lifetime.js";
import { loadConfig } from "./load.js";

it.each([
  [new ConfigError("EST_CONFIG_VALUE", "x"), 78],
  [new OperatingError("EST_OPERATING_LOCKED", "x"), 73],
  [new OperatingError("EST_OPERATING_DISK_FAULT", "x"), 75],
  [new OperatingError("EST_OPERATING_PORT_GONE", "x"), 75],
  [new InvariantError("EST_INVARIANT", "x"), 70],
  [new TypeError("x"), 70],
])("%s ends the service with %i", (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});

it("a key that proves nothing is refused at its line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "estafette-load-"));
  const file = join(folder, "e.yaml");
  // The neutral element of the curve: a signature under it says nothing (RFC 8032 §5.1).
  const weak = formatKey(Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0)));
  await writeFile(file, `version: 1\nnode: {name: a}\npeers:\n  b:\n    key: ${weak}\n`);
  await expect(loadConfig(file, {})).rejects.toMatchObject({
    place: { line: 5, column: 5, key: "peers.b.key" },
  });
  await rm(folder, { recursive: true, force: true });
});
