import type { Bodies } from "./bodies.js";
import type { Connection } from "./connection.js";
import type { Meters } from "./meters.js";

/** What every table works with. */
export interface Store {
  readonly connection: Connection;
  readonly meters: Meters;
  readonly bodies: Bodies;
  /** Spool time in whole milliseconds. */
  nowMs(): number;
}
