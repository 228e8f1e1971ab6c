/** How a test run ended. */
export interface Tally {
  readonly passed: number;
  /** Failed tests, files that could not be loaded, groups whose hooks failed, and errors nobody caught. */
  readonly failed: number;
  readonly skipped: number;
}

/** What the tally needs from the runner's own report; the shape of vitest's reported tasks. */
export interface ReportedFile {
  readonly children: {
    allTests(): Iterable<{ result(): { readonly state: string } }>;
    /** Groups (`describe`); when a hook of one fails, the runner calls its tests skipped. */
    allSuites(): Iterable<{ errors(): readonly unknown[] }>;
  };
  /** Errors of the file itself: it did not load, or a hook of the whole file failed. */
  errors(): readonly unknown[];
}

/** Counts a finished run. A test that neither passed nor was skipped failed, whatever its state is called. */
export function tallyOf(files: Iterable<ReportedFile>, uncaught: number): Tally {
  let passed = 0;
  let failed = uncaught;
  let skipped = 0;
  for (const file of files) {
    failed += file.errors().length;
    for (const suite of file.children.allSuites()) failed += suite.errors().length;
    for (const test of file.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "skipped") skipped += 1;
      else failed += 1;
    }
  }
  return { passed, failed, skipped };
}

/** The last lines of a run; the very last is `N passed, N failed`. */
export function lastLines(tally: Tally): string {
  return `${tally.skipped} skipped\n${tally.passed} passed, ${tally.failed} failed\n`;
}

/** Exit status of a run: one that ran nothing shows nothing, so it failed. */
export function exitCodeOf(tally: Tally): number {
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}
