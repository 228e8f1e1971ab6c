import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { needs, pathOf } from "./require.js";
import { exitCodeOf, lastLines, tallyOf } from "./tally.js";

const root = new URL("../..", import.meta.url).pathname;

/** Runs the real runner with the real reporter over one file of the given text. */
function run(text: string): {
  readonly status: number | null;
  readonly last: readonly string[];
  readonly json: string;
} {
  const folder = mkdtempSync(join(tmpdir(), "estafette-report-"));
  try {
    const reporter = join(root, "test/report/counting-reporter.ts");
    const test = { globals: true, include: ["*.test.ts"], reporters: ["default", reporter] };
    writeFileSync(join(folder, "vitest.config.mjs"), `export default ${JSON.stringify({ test })};`);
    writeFileSync(join(folder, "a.test.ts"), text);
    const reportFile = join(folder, "report.json");
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const { status, stdout } = spawnSync(process.execPath, [vitest, "run"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, ESTAFETTE_REPORT: reportFile, NO_COLOR: "1" },
    });
    const last = stdout.trimEnd().split("\n").slice(-2);
    return { status, last, json: readFileSync(reportFile, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the last line of a run", () => {
  it("counts what passed, failed and was skipped, and fails", () => {
    const { status, last, json } = run(`
      it("a", () => {});
      it("b", () => {});
      it.skipIf(true)("c", () => {});
      it("d", () => { expect(1).toBe(2); });
    `);
    expect(last).toEqual(["1 skipped", "2 passed, 1 failed"]);
    expect(status).not.toBe(0);
    expect(JSON.parse(json)).toEqual({ passed: 2, failed: 1, skipped: 1, died: [] });
  });

  it("counts a file that does not load as a failure", () => {
    const { status, last } = run('throw new Error("planted");');
    expect(last).toEqual(["0 skipped", "0 passed, 1 failed"]);
    expect(status).not.toBe(0);
  });

  it("counts a failed hook, whose tests the runner calls skipped", () => {
    const { status, last } = run(`
      it("a", () => {});
      describe("b", () => {
        beforeAll(() => { throw new Error("planted"); });
        it("c", () => {});
      });
    `);
    expect(last).toEqual(["1 skipped", "1 passed, 1 failed"]);
    expect(status).not.toBe(0);
  });

  it("names the file whose process died", () => {
    const { status, last, json } = run(`
      it("a", () => {});
      it("b", () => { process.kill(process.pid, "SIGKILL"); return new Promise(() => {}); });
    `);
    const { failed, died } = JSON.parse(json);
    expect(died).toEqual([
      { file: expect.stringMatching(/a\.test\.ts$/), passed: 2 - failed + 1, failed, skipped: 0 },
    ]);
    expect(last[1]).toMatch(/^\d passed, [1-9] failed$/);
    expect(status).not.toBe(0);
  });

  it("passes a good run", () => {
    const { status, last } = run('it("a", () => {});');
    expect(last).toEqual(["0 skipped", "1 passed, 0 failed"]);
    expect(status).toBe(0);
  });

  it("counts unknown states and uncaught errors as failures, and an empty run as failed", () => {
    const children = { allTests: () => [{ result: () => ({ state: "pending" }) }], allSuites: () => [] };
    const file = { moduleId: "/a.test.ts", errors: () => [], children };
    expect(tallyOf([file], 2)).toEqual({
      passed: 0,
      failed: 3,
      skipped: 0,
      died: [{ file: "/a.test.ts", passed: 0, failed: 2, skipped: 0 }],
    });
    expect(exitCodeOf(tallyOf([], 0))).toBe(1);
    expect(lastLines({ passed: 3, failed: 0, skipped: 2, died: [] })).toBe("2 skipped\n3 passed, 0 failed\n");
  });
});

describe("needs", () => {
  it("finds programs, and says which are missing", () => {
    expect(pathOf("sh")).toMatch(/\/sh$/);
    expect(pathOf("no-such-program-here")).toBeNull();
    const { PATH, ESTAFETTE_REQUIRE_DEBIAN } = process.env;
    try {
      expect(needs().skip).toBe(false);
      process.env.PATH = "/nonexistent";
      process.env.ESTAFETTE_REQUIRE_DEBIAN = "1";
      expect(() => needs("swaks")).toThrow("apt-get install swaks");
      process.env.ESTAFETTE_REQUIRE_DEBIAN = "";
      expect(needs("swaks").skip).toBe(true);
    } finally {
      process.env.PATH = PATH ?? "";
      process.env.ESTAFETTE_REQUIRE_DEBIAN = ESTAFETTE_REQUIRE_DEBIAN ?? "";
    }
  });
});
