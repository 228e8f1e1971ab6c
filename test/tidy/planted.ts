/** A violation written on purpose, and how many findings it must cause in the rule of that name. */
export interface Planted {
  readonly rule: string;
  readonly path: string;
  readonly text: string;
  readonly findings: number;
}

const core = "packages/router/src/a.ts";
const test = "packages/router/src/a.test.ts";
const bans = "time, chance and the terminal come as arguments";
const imports = "imports stay where the package may reach";
const files = "files fit on a few screens";
const functions = "functions fit on one screen";
const names = "names say what a thing is";
const units = "numbers carry their unit";
const words = "nothing is left unfinished, silenced or tied to one machine";
const tests = "every test runs";

function linesOf(count: number): string {
  return "x();\n".repeat(count);
}

/** One-line violations: rule, path, text. Each causes exactly one finding. */
const GUILTY: readonly (readonly [string, string, string])[] = [
  [bans, core, "const a = Date.now();"],
  [bans, core, "const a = globalThis.Date.now();"],
  [bans, core, "const a = new Date();"],
  [bans, core, "const a = Date();"],
  [bans, test, "const a = new Date();"],
  [bans, core, "const a = performance.now();"],
  [bans, core, "setTimeout(done, 5);"],
  [bans, core, "const later = setTimeout;"],
  [bans, core, "globalThis.setInterval(done, 5);"],
  [bans, core, "setImmediate(done);"],
  [bans, core, "queueMicrotask(done);"],
  [bans, core, "const signal = AbortSignal.timeout(5);"],
  [bans, core, "const a = Math.random();"],
  [bans, test, "const a = Math.random();"],
  [bans, core, 'import { randomUUID } from "node:crypto";'],
  [bans, core, "const a = crypto.randomBytes(4);"],
  [bans, core, "const a = crypto.randomInt(4);"],
  [bans, core, "const a = webcrypto.getRandomValues(b);"],
  [bans, core, 'const a = generateKeyPairSync("ed25519");'],
  [bans, core, 'console.warn("a");'],
  [bans, core, "const { log } = console;"],
  [bans, core, "const a = process.env;"],
  [bans, core, 'globalThis.process.on("exit", done);'],
  [bans, "packages/simulation/src/world.ts", "setImmediate(done);"],
  [imports, core, 'import { map } from "rxjs";'],
  [imports, "packages/relay/src/lanes.ts", 'import { map } from "rxjs/operators";'],
  [imports, core, 'import { readFileSync } from "node:fs";'],
  [imports, core, 'import { join } from "path";'],
  [imports, core, 'export { join } from "node:path";'],
  [imports, core, 'const fs = await import("node:fs");'],
  [imports, core, 'type Stats = import("node:fs").Stats;'],
  [imports, "packages/contract/src/a.ts", 'import { createHash } from "node:crypto";'],
  [imports, "plugins/bearer-tcp/src/a.ts", 'import { connect } from "node:net";'],
  [imports, "plugins/bearer-tcp/src/a.ts", 'import { setTimeout as wait } from "node:timers/promises";'],
  [imports, "packages/relay/src/a.ts", 'import { spawn } from "node:child_process";'],
  [imports, "gateway/daemon/src/a.ts", 'import { x } from "../../../packages/spool/src/index.js";'],
  [imports, "gateway/daemon/src/a.ts", 'import { x } from "@estafette/spool/src/schema.js";'],
  [files, core, linesOf(401)],
  [files, "packages/spool/src/a.sql", linesOf(401)],
  [files, ".ci/run", linesOf(401)],
  [files, core, `${linesOf(5)}// long because: too late\n${linesOf(400)}`],
  [functions, core, `function a() {\n${linesOf(69)}}`],
  [functions, core, `const a = () => {\n${linesOf(69)}};`],
  [functions, core, `class A {\n  b() {\n${linesOf(69)}}\n}`],
  [functions, test, `describe("a", () => {\n it("b", () => {\n${linesOf(69)}});\n});`],
  [names, "packages/router/src/route-helper.ts", "export {};"],
  [names, "packages/router/src/utils.test.ts", "export {};"],
  [names, core, "class RouteManager {}"],
  [names, core, "interface HTTPHandler {}"],
  [names, core, "type MailServiceOptions = string;"],
  [units, core, "function a(timeout: number) {}"],
  [units, core, "const a = (delay: number) => 4;"],
  [units, core, "interface A { readonly size: number }"],
  [units, core, "class A { delay = 5; }"],
  [units, core, "class A { constructor(readonly size: number) {} }"],
  [words, core, `// ${"TO"}${"DO"}: later`],
  [words, "packages/router/README.md", `${"FIX"}${"ME"}`],
  [words, core, `// @ts-${"ignore"}`],
  [words, core, `const a = "/${"wo"}${"rk"}/a";`],
  [words, "hardware/systemd/a.service", `WorkingDirectory=/${"ro"}${"ot"}`],
  [tests, test, 'it.only("a", run);'],
  [tests, test, 'describe.skip("a", run);'],
  [tests, test, 'it.skip.each([1])("a", run);'],
  [tests, "test/crash/a.test.ts", 'const maybe = ok ? it : it.skip; maybe("a", run);'],
];

/** Things that look like violations and are none. */
const INNOCENT: readonly (readonly [string, string, string])[] = [
  [bans, core, "const a = new Date(clock.unixMs()); const b = clock.now(); // Date.now()"],
  [bans, core, 'const a = "setTimeout(x)"; const b = { process: 1, console: 2 }; a.process; b.console;'],
  [bans, core, "interface A { setTimeout(ms: number): void; process: string } x.setTimeout(5);"],
  [bans, test, 'setTimeout(done, 5); console.log("a"); process.env["FUZZ_CASES"];'],
  [bans, "packages/runtime/src/clock.ts", "const a = Date.now() + Math.random();"],
  [bans, "packages/simulation/src/kernel.ts", "setImmediate(done);"],
  [imports, core, 'import { createHash } from "node:crypto";'],
  [imports, "packages/relay/src/rx.ts", 'import { map } from "rxjs";'],
  [imports, "packages/spool/src/a.ts", 'import { openSync } from "node:fs";'],
  [imports, test, 'import { readFileSync } from "node:fs";'],
  [imports, core, 'import { a } from "./fs.js"; import { b } from "@estafette/contract";'],
  [files, core, linesOf(400)],
  [files, core, `// long because: a table of the RFC\n${linesOf(500)}`],
  [files, "packages/protocol/SPEC.md", linesOf(500)],
  [functions, core, `function a() {\n${linesOf(68)}}`],
  [functions, test, `describe("a", () => {\n${'it("b", () => {});\n'.repeat(80)}});`],
  [functions, core, `function describeAll() {\n${linesOf(69)}}`],
  [functions, test, `describe.each([1])("a", () => {\n${"inWorld();\n".repeat(69)}});`],
  [names, "packages/router/src/futile.ts", "class Utility {} class ServiceablePart {}"],
  [
    units,
    core,
    "function a(timeoutMs: number, mapSize: number) { const size = 4; return { size }; } b.map((size) => size);",
  ],
  [words, core, '// XXXX and hacks; "https://example.org/work/a", network/work'],
  [tests, test, 'it.skipIf(needs("dovecot").skip)("a", run); describe.runIf(x)("a", run); a.only();'],
];

/** Every planted violation, and the innocent neighbours that must stay unmentioned. */
export const PLANTED: readonly Planted[] = [
  ...GUILTY.map(([rule, path, text]) => ({ rule, path, text, findings: 1 })),
  ...INNOCENT.map(([rule, path, text]) => ({ rule, path, text, findings: 0 })),
];
