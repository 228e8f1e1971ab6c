import { InvariantError } from "@estafette/contract";
import type { Row } from "./connection.js";
import type { Leg, MessageRecord } from "./records.js";
import * as rows from "./rows.js";

/** Of the column `state`. A held leg belongs to a damaged body: it waits for its deadline, nothing else. */
export const LEG = { waiting: 0, ready: 1, held: 2 } as const;

/** A leg with the name of what it carries. */
export const JOINED = `SELECT l.leg_id, l.link, l.neighbour, l.class, l.deadline_ms, l.attempts, l.bytes, l.note,
  m.origin, m.epoch, m.sequence, e.id FROM legs AS l`;
export const JOINS = `LEFT JOIN messages AS m ON m.message_no = l.message_no
  LEFT JOIN envelopes AS e ON e.envelope_no = l.envelope_no`;

const MODES = ["end-to-end", "exit", "clear-signed"] as const satisfies readonly MessageRecord["mode"][];

/** What an envelope has one of besides its hop and class: 16 bytes of its destination, and its mode. */
export function joinsOf({ destination, mode }: Pick<MessageRecord, "destination" | "mode">): Uint8Array {
  const joins = new Uint8Array(17);
  joins.set(destination);
  joins[16] = MODES.indexOf(mode);
  return joins;
}

export function toLeg(row: Row): Leg {
  return {
    legId: rows.number(row, "leg_id"),
    hop: { link: rows.textOrNull(row, "link"), neighbour: rows.bytes(row, "neighbour") },
    class: rows.className(row.class),
    deadlineMs: rows.number(row, "deadline_ms"),
    attempts: rows.number(row, "attempts"),
    what: whatOf(row),
  };
}

function whatOf(row: Row): Leg["what"] {
  if (row.note instanceof Uint8Array) {
    return { kind: "note", noteId: rows.number(row, "leg_id"), bytes: rows.bytes(row, "note") };
  }
  if (row.id instanceof Uint8Array) return { kind: "envelope", id: rows.bytes(row, "id") };
  if (row.origin instanceof Uint8Array) return { kind: "message", key: rows.keyOf(row) };
  throw new InvariantError("EST_INVARIANT", "a leg carries a message, an envelope or a note");
}
