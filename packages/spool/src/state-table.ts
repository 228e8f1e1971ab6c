import { invariant } from "@estafette/contract";
import { SPOOL_LIMITS } from "./limits.js";
import * as rows from "./rows.js";
import type { Store } from "./store.js";

/** Small named values of the core. */
export class StateTable {
  private readonly selectRow;
  private readonly selectBytes;
  private readonly insertRow;
  private readonly updateRow;
  private readonly deleteRow;

  constructor(private readonly store: Store) {
    const prepare = (sql: string) => store.connection.prepare(sql);
    this.selectRow = prepare("SELECT content FROM state WHERE name = ?");
    this.selectBytes = prepare("SELECT length(content) AS bytes FROM state WHERE name = ?");
    this.insertRow = prepare("INSERT INTO state (name, content) VALUES (?, ?)");
    this.updateRow = prepare("UPDATE state SET content = ? WHERE name = ?");
    this.deleteRow = prepare("DELETE FROM state WHERE name = ?");
  }

  get(name: string): Uint8Array | null {
    const row = this.selectRow.get(name);
    return row === undefined ? null : rows.bytes(row, "content");
  }

  /** Bytes that {@link put} would add: a new name with its value, or what the value is longer than before. */
  growth(name: string, value: Uint8Array | null): number {
    if (value === null) return 0;
    const row = this.selectBytes.get(name);
    return row === undefined
      ? name.length + value.length
      : Math.max(0, value.length - rows.number(row, "bytes"));
  }

  put(name: string, value: Uint8Array | null): void {
    const { meters } = this.store;
    if (value === null) {
      meters.add("stateNames", -this.deleteRow.run(name).changes);
      return;
    }
    invariant(
      value.length <= SPOOL_LIMITS.stateBytesMax,
      "a named value is within SPOOL_LIMITS.stateBytesMax",
    );
    if (this.updateRow.run(value, name).changes === 1) return;
    const count = meters.get("stateNames");
    invariant(count < SPOOL_LIMITS.stateNamesMax, "named values are within SPOOL_LIMITS.stateNamesMax");
    this.insertRow.run(name, value);
    meters.add("stateNames", 1);
  }
}
