import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { benchAir, measure } from "./command.js";
import { HELD_OUT, heldOutFolders } from "./held-out.js";
import { LOSSY_ROWS } from "./lossy.js";
import { readFolders } from "./messages.js";
import { isWithin, ROWS, type RowPlan } from "./rows.js";

const MESSAGES = fileURLToPath(new URL("messages", import.meta.url));
const folders = readFolders(MESSAGES);
/** Longest real time of one row on a busy machine. */
const ROW_MS_MAX = 240_000;

/** Rows that keep their budget; they may not leave it again. A row not named here must still deliver everything. */
const WITHIN: ReadonlySet<string> = new Set([
  ...["small-waiting", "mail-waiting", "mail-outsiders", "small-single", "mail-single", "small-first"],
  ...["small-acquainted", "mail-1200", "mail-300hd", "mail-1200-first", "mail-300hd-first"],
  ...["flash-behind-bulk", "cut-link", "cut-link-killed", "cut-link-whole", "probe-duplicates", "lora-219"],
  ...["small-gzip", "mail-gzip"],
]);

const HELD_OUT_WITHIN = ["mail-gzip"];

/** What is one parcel of 219 bytes is one of 231; the command plays both. */
const ROWS_PLAYED = ROWS.filter(({ id }) => id !== "lora-231");
/** Of the table over lossy links, the rows that are played at every run: the two ends of what is promised. */
const LOSSY_PLAYED = LOSSY_ROWS.filter(({ id }) => /^mail-waiting-.*-loss(0|20)$/.test(id));
const LOSSY_WITHIN: ReadonlySet<string> = new Set([
  ...["mail-waiting-1200-loss20", "mail-waiting-300hd-loss20"],
]);

describe("bytes and time between two gateways", () => {
  it("names every row of the table, each once", () => {
    const ids = [...ROWS, ...LOSSY_ROWS].map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining([...WITHIN, ...LOSSY_WITHIN, ...ASKED]));
  });

  it.each(named(ROWS_PLAYED))("%s", { timeout: ROW_MS_MAX }, (_, plan) => holds(plan, WITHIN));

  it.each(HELD_OUT)("messages nothing was fitted to, in %s", { timeout: ROW_MS_MAX }, async (language) => {
    const messages = heldOutFolders(language);
    for (const id of HELD_OUT_WITHIN) {
      const row = await measure(ROWS.find((plan) => plan.id === id) as RowPlan, messages);
      expect(isWithin(row), `${row.id}: ${row.value} ${row.unit}, ${row.delivered} of ${row.of}`).toBe(true);
    }
  });

  it.each(named(LOSSY_PLAYED))("%s", { timeout: ROW_MS_MAX }, (_, plan) => holds(plan, LOSSY_WITHIN));

  it.each(named([...ROWS, ...LOSSY_ROWS].filter(({ id }) => SAME_TWICE.includes(id))))(
    "%s is the same to the byte at a second run",
    { timeout: ROW_MS_MAX },
    async (_, plan) => {
      expect(await measure(plan, folders)).toEqual(await measure(plan, folders));
    },
  );
});

/** The ids other programs read. */
const ASKED = [
  ...["small-waiting", "mail-waiting", "mail-outsiders", "small-single", "mail-single", "small-first"],
  ...["small-acquainted", "mail-1200", "mail-300hd", "flash-behind-bulk", "cut-link"],
];
const SAME_TWICE = ["mail-waiting", "mail-waiting-300hd-lossbursts"];

function named(plans: readonly RowPlan[]) {
  return plans.map((plan) => [plan.id, plan] as const);
}

async function holds(plan: RowPlan, within: ReadonlySet<string>): Promise<void> {
  const row = await measure(plan, folders);
  const told = `${row.id}: ${row.value} ${row.unit}, ${row.delivered} of ${row.of}, budget ${row.budget}`;
  expect(Number.isFinite(row.value) && row.value > 0, told).toBe(true);
  if (within.has(row.id)) expect(isWithin(row), told).toBe(true);
  else expect(row.delivered, told).toBe(row.of);
}

describe("the command", () => {
  const own = mkdtempSync(join(tmpdir(), "est-messages-"));
  afterAll(() => rmSync(own, { recursive: true, force: true }));

  async function run(...args: string[]) {
    const [out, err]: [string[], string[]] = [[], []];
    const code = await benchAir(args, MESSAGES, {
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
    });
    return { code, out, err };
  }

  it("prints one document and nothing else with --json", async () => {
    const { code, out } = await run("--json", "--only", "small-acquainted,small-first");
    expect(code).toBe(0);
    const { rows } = JSON.parse(out.join("\n")) as { rows: Record<string, unknown>[] };
    expect(rows.map((row) => Object.keys(row).sort())).toEqual([KEYS, KEYS]);
    expect(rows.map((row) => row.id)).toEqual(["small-first", "small-acquainted"]);
  });

  it("fails for a budget only when asked to", async () => {
    const tight = ROWS.find(({ id }) => id === "small-first");
    const { value } = await measure(tight as RowPlan, folders);
    const over = value > 520;
    expect((await run("--only", "small-first")).code).toBe(0);
    expect((await run("--only", "small-first", "--check")).code).toBe(over ? 1 : 0);
    expect(isWithin({ id: "x", value: 2, unit: "B", delivered: 1, of: 1, budget: 1 })).toBe(false);
    expect(isWithin({ id: "x", value: 1, unit: "B", delivered: 0, of: 1, budget: 1 })).toBe(false);
    expect(isWithin({ id: "x", value: 89, unit: "%", delivered: 1, of: 1, budget: 90, atLeast: true })).toBe(
      false,
    );
  });

  it("says which prose there is", async () => {
    const { code, err } = await run("--held-out", "xx", "--only", "mail-gzip");
    expect(code).toBe(64);
    expect(err.join()).toContain("nl");
  });

  it("says which rows there are", async () => {
    const { code, err } = await run("--only", "small-waitin");
    expect(code).toBe(64);
    expect(err.join()).toContain("small-waiting");
  });

  it("takes any folder of messages, whatever the files are called", { timeout: ROW_MS_MAX }, async () => {
    for (const folder of ["W-small", "W-mail"]) mkdirSync(join(own, folder));
    const [mail] = readdirSync(join(MESSAGES, "W-mail"));
    cpSync(join(MESSAGES, "W-mail", mail as string), join(own, "W-mail", "one.txt"));
    const text = readFileSync(join(MESSAGES, "W-mail", mail as string), "latin1");
    writeFileSync(join(own, "W-mail", "two"), text.replaceAll("\r\n", "\n"), "latin1");
    writeFileSync(join(own, "W-mail", "README.txt"), "Not a message.\n");
    writeFileSync(join(own, "W-small", "a.msg"), "Position 54 10 N, all well: no news.\n");
    const { code, out, err } = await run("--messages", own, "--only", "small-waiting,mail-waiting,cut-link");
    expect(code).toBe(0);
    expect(out.map((line) => line.split(/ +/)[0])).toEqual(["small-waiting", "mail-waiting"]);
    expect(out[0]).toContain("1/1");
    expect(out[1]).toContain("2/2");
    expect(err).toEqual(["cut-link is left out: no messages in W"]);
  });
});

const KEYS = ["budget", "delivered", "id", "of", "unit", "value"];
