/** How a test run ended. */
export interface Tally {
  readonly passed: number;
  /** Failed tests, files that could not be loaded, groups whose hooks failed, and errors nobody caught. */
  readonly failed: number;
  readonly skipped: number;
  /** Files in which a test has no end, because the process that ran them died, with their part of the counts above. */
  readonly died: readonly DiedFile[];
}

/** What a file whose process died adds to the counts: each test without an end, and the error of the lost process, is a failure. */
export interface DiedFile {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What the tally needs from the runner's own report; the shape of vitest's reported tasks. */
export interface ReportedFile {
  /** Full path of the file. */
  readonly moduleId: string;
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
  const tally = { passed: 0, failed: uncaught, skipped: 0 };
  const died: DiedFile[] = [];
  for (const file of files) {
    const { unfinished, ...counts } = countsOf(file);
    tally.passed += counts.passed;
    tally.failed += counts.failed;
    tally.skipped += counts.skipped;
    if (unfinished > 0) died.push({ file: file.moduleId, ...counts, failed: counts.failed + 1 });
  }
  return { ...tally, died };
}

function countsOf(file: ReportedFile): {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly unfinished: number;
} {
  let failed = file.errors().length;
  for (const suite of file.children.allSuites()) failed += suite.errors().length;
  const states = [...file.children.allTests()].map((test) => test.result().state);
  const count = (wanted: string): number => states.filter((state) => state === wanted).length;
  const [passed, skipped] = [count("passed"), count("skipped")];
  return { passed, skipped, failed: failed + states.length - passed - skipped, unfinished: count("pending") };
}

/** The last lines of a run; the very last is `N passed, N failed`. */
export function lastLines(tally: Tally): string {
  const died = tally.died.map(({ file }) => `did not end, its process died: ${file}\n`).join("");
  return `${died}${tally.skipped} skipped\n${tally.passed} passed, ${tally.failed} failed\n`;
}

/** Exit status of a run: one that ran nothing shows nothing, so it failed. */
export function exitCodeOf(tally: Tally): number {
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}
