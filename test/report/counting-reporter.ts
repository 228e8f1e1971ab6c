import { writeFileSync, writeSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { exitCodeOf, lastLines, tallyOf } from "./tally.js";

const STDOUT = 1;

/**
 * Ends each run with the line `N passed, N failed`, counted from the runner's own report. Written as the process exits,
 * so that nothing comes after it. ESTAFETTE_REPORT names a file that gets the same numbers as JSON.
 */
export default class CountingReporter implements Reporter {
  onTestRunEnd(files: readonly TestModule[], uncaught: readonly unknown[]): void {
    const tally = tallyOf(files, uncaught.length);
    const reportFile = process.env.ESTAFETTE_REPORT;
    if (reportFile) writeFileSync(reportFile, `${JSON.stringify(tally)}\n`);
    process.once("exit", () => {
      writeSync(STDOUT, lastLines(tally));
      if (exitCodeOf(tally) !== 0) process.exitCode ||= exitCodeOf(tally);
    });
  }
}
