import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bodies } from "./bodies.js";
import { Connection } from "./connection.js";
import { JOINABLE_SQL, READY_SQL } from "./leg-table.js";
import { Meters } from "./meters.js";
import { migrate } from "./schema.js";
import { Tables } from "./tables.js";

/** Lists in the order of their row numbers: they walk the table from one end, and stop at their limit.
 *  The one row of the store; attempts that were begun, of which there are as many as hand-overs at once. */
const WALKS = [
  /ORDER BY (message_no|envelope_no|delivery_id|untold_no)( DESC)? LIMIT/,
  /FROM store/,
  /UPDATE store/,
  /WHERE state = 1$/,
];
/** Lists by destination prefix, which are promised in another order than their index has. */
const SORTS = [/destination BETWEEN/];

describe("how SQLite runs our statements", () => {
  let directory: string;
  let connection: Connection;
  const statements: string[] = [];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "estafette-plan-"));
    connection = new Connection(directory, 1 << 30, "FULL");
    migrate(connection);
    const meters = new Meters("{}");
    const bodies = new Bodies(connection, meters, directory, () => {});
    const prepare = connection.prepare.bind(connection);
    connection.prepare = (sql: string) => {
      statements.push(sql);
      return prepare(sql);
    };
    void new Tables({ connection, meters, bodies, nowMs: () => 0 }, 1 << 30);
    connection.prepare = prepare;
  });
  afterAll(() => {
    connection.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const planOf = (sql: string): string => {
    const parameters = Array.from(sql.replace(/'[^']*'/g, "").matchAll(/\?/g), () => null);
    const steps = connection.prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
    return steps.map((step) => step.detail).join("\n");
  };

  it.each([
    ["legs_ready", READY_SQL, ""],
    ["legs_joinable", JOINABLE_SQL, " AND joins=?"],
  ])("%s is probed, in its order", (index, { first, next }, more) => {
    const search = `SEARCH l USING INDEX ${index} (link=? AND neighbour=? AND class=?${more}`;
    expect(planOf(first)).toContain(`${search} AND flow=? AND deadline_ms>?)`);
    expect(planOf(next)).toContain(`${search.replace("USING INDEX", "USING COVERING INDEX")} AND flow>?)`);
    for (const sql of [first, next]) expect(planOf(sql)).not.toMatch(/SCAN|TEMP B-TREE/);
  });

  it("nothing walks a table, nothing sorts", () => {
    expect(statements.length).toBeGreaterThan(60);
    for (const sql of statements) {
      const plan = planOf(sql);
      // Walking an index in its order until a limit is a probe with more than one answer.
      const walks = sql.includes("LIMIT") ? /^SCAN (?!\w+ USING (COVERING )?INDEX)/m : /^SCAN/m;
      if (!WALKS.some((pattern) => pattern.test(sql))) expect(plan, sql).not.toMatch(walks);
      if (!SORTS.some((pattern) => pattern.test(sql))) expect(plan, sql).not.toContain("TEMP B-TREE");
    }
  });
});
