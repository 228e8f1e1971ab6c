import { ConfigError, InvariantError } from "@estafette/contract";
import type { Connection } from "./connection.js";

/*
 * bodies ◄── messages ◄─┐            store   one row: spool time, counters      untold   ends to be told of
 *        ◄── envelopes ◄┼── legs     seen    ids that need not be carried again
 *        ◄── deliveries              claims  (message, recipient) that was or will be delivered here
 *                                    partials, partial_ranges, partial_chunks    state
 *
 * `class` is the rank 0…3. Times are spool time in milliseconds.
 */
const VERSION_1 = `
CREATE TABLE store (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  spool_ms INTEGER NOT NULL CHECK (spool_ms >= 0),
  boot_id TEXT NOT NULL,
  monotonic_ms INTEGER NOT NULL,
  unix_ms INTEGER NOT NULL,
  clock_trusted INTEGER NOT NULL CHECK (clock_trusted IN (0, 1)),
  seen_watermark_ms INTEGER NOT NULL,
  meters TEXT NOT NULL CHECK (json_valid(meters))
) STRICT;

CREATE TABLE bodies (
  body_no INTEGER PRIMARY KEY AUTOINCREMENT,
  body_bytes INTEGER NOT NULL CHECK (body_bytes BETWEEN 0 AND 16842752),
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  content BLOB CHECK (content IS NULL OR (length(content) = body_bytes AND body_bytes <= 65536))
) STRICT;

CREATE TABLE messages (
  message_no INTEGER PRIMARY KEY AUTOINCREMENT,
  origin BLOB NOT NULL CHECK (length(origin) = 16),
  epoch INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295),
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  submission_id TEXT NOT NULL,
  account TEXT,
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL CHECK (json_valid(recipients)),
  destination BLOB NOT NULL CHECK (length(destination) = 16),
  mode TEXT NOT NULL CHECK (mode IN ('end-to-end', 'exit', 'clear-signed')),
  class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 3),
  lifetime_ms INTEGER NOT NULL CHECK (lifetime_ms >= 0),
  receipt INTEGER NOT NULL CHECK (receipt IN (0, 1)),
  body_kind TEXT NOT NULL CHECK (body_kind IN ('mail', 'text', 'notice')),
  body_bytes INTEGER NOT NULL,
  body_no INTEGER REFERENCES bodies (body_no),
  accepted_at_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  envelope_id BLOB CHECK (envelope_id IS NULL OR length(envelope_id) = 16),
  end_state TEXT CHECK (end_state IN ('delivered', 'forwarded', 'expired', 'refused', 'deleted')),
  ended_at_ms INTEGER,
  detail TEXT NOT NULL,
  UNIQUE (origin, epoch, sequence),
  CHECK ((end_state IS NULL) = (ended_at_ms IS NULL)),
  CHECK (body_no IS NULL OR (end_state IS NULL AND envelope_id IS NULL)),
  CHECK (body_no IS NOT NULL OR end_state IS NOT NULL OR envelope_id IS NOT NULL)
) STRICT;
CREATE INDEX messages_submission ON messages (submission_id);
CREATE INDEX messages_open ON messages (message_no) WHERE end_state IS NULL;
CREATE INDEX messages_deadline ON messages (deadline_ms) WHERE end_state IS NULL;
CREATE INDEX messages_destination ON messages (destination) WHERE end_state IS NULL AND envelope_id IS NULL;
CREATE INDEX messages_envelope ON messages (envelope_id) WHERE end_state IS NULL AND envelope_id IS NOT NULL;
CREATE INDEX messages_ended ON messages (ended_at_ms) WHERE end_state IS NOT NULL;
CREATE INDEX messages_body ON messages (body_no) WHERE body_no IS NOT NULL;
CREATE TRIGGER messages_end_once BEFORE UPDATE OF end_state ON messages WHEN OLD.end_state IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a message ends once'); END;
CREATE TRIGGER messages_open_stay BEFORE DELETE ON messages WHEN OLD.end_state IS NULL
BEGIN SELECT RAISE(ABORT, 'a message that has not ended stays'); END;

CREATE TABLE envelopes (
  envelope_no INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  head BLOB NOT NULL CHECK (length(head) <= 16384),
  transit BLOB NOT NULL CHECK (length(transit) <= 16384),
  destination BLOB NOT NULL CHECK (length(destination) = 16),
  class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 3),
  lifetime_ms INTEGER NOT NULL CHECK (lifetime_ms >= 0),
  age_ms INTEGER NOT NULL CHECK (age_ms >= 0),
  from_neighbour BLOB CHECK (from_neighbour IS NULL OR length(from_neighbour) = 16),
  ack_commitment BLOB CHECK (ack_commitment IS NULL OR length(ack_commitment) <= 32),
  body_no INTEGER NOT NULL REFERENCES bodies (body_no),
  payload_bytes INTEGER NOT NULL,
  taken_count INTEGER NOT NULL DEFAULT 0,
  kept_at_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX envelopes_destination ON envelopes (destination, id);
CREATE INDEX envelopes_deadline ON envelopes (deadline_ms);
CREATE INDEX envelopes_body ON envelopes (body_no);

CREATE TABLE legs (
  leg_id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
  link TEXT,
  neighbour BLOB NOT NULL CHECK (length(neighbour) = 16),
  class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 3),
  deadline_ms INTEGER NOT NULL,
  joins BLOB CHECK (joins IS NULL OR (length(joins) = 17 AND message_no IS NOT NULL)),
  flow BLOB NOT NULL CHECK (length(flow) = 16),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  not_before_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  message_no INTEGER REFERENCES messages (message_no),
  envelope_no INTEGER REFERENCES envelopes (envelope_no),
  note BLOB CHECK (note IS NULL OR length(note) <= 256),
  CHECK ((message_no IS NOT NULL) + (envelope_no IS NOT NULL) + (note IS NOT NULL) = 1)
) STRICT;
CREATE INDEX legs_ready ON legs (link, neighbour, class, flow, deadline_ms) WHERE state = 1;
CREATE INDEX legs_joinable ON legs (link, neighbour, class, joins, flow, deadline_ms)
  WHERE state = 1 AND joins IS NOT NULL;
CREATE INDEX legs_waiting ON legs (not_before_ms) WHERE state = 0;
CREATE INDEX legs_by_link ON legs (link, leg_id) WHERE state < 2;
CREATE INDEX legs_message ON legs (message_no) WHERE message_no IS NOT NULL;
CREATE INDEX legs_envelope ON legs (envelope_no) WHERE envelope_no IS NOT NULL;
CREATE INDEX legs_note ON legs (deadline_ms) WHERE note IS NOT NULL;

CREATE TABLE deliveries (
  delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
  origin BLOB NOT NULL CHECK (length(origin) = 16),
  epoch INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295),
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  kind TEXT NOT NULL CHECK (kind IN ('mailbox', 'internet')),
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL CHECK (json_valid(recipients)),
  pending TEXT NOT NULL CHECK (json_valid(pending)),
  envelope_id BLOB CHECK (envelope_id IS NULL OR length(envelope_id) = 16),
  place INTEGER CHECK (place IS NULL OR place BETWEEN 0 AND 255),
  context BLOB NOT NULL CHECK (length(context) <= 65536),
  lifetime_ms INTEGER NOT NULL CHECK (lifetime_ms >= 0),
  body_bytes INTEGER NOT NULL,
  body_no INTEGER REFERENCES bodies (body_no),
  arrived_at_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  next_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  uncertain INTEGER NOT NULL DEFAULT 0 CHECK (uncertain IN (0, 1)),
  delivered_count INTEGER NOT NULL DEFAULT 0,
  end_state TEXT CHECK (end_state IN ('delivered', 'expired', 'refused')),
  ended_at_ms INTEGER,
  detail TEXT NOT NULL,
  CHECK ((end_state IS NULL) = (ended_at_ms IS NULL)),
  CHECK ((end_state IS NULL) = (body_no IS NOT NULL))
) STRICT;
CREATE INDEX deliveries_due ON deliveries (next_at_ms) WHERE end_state IS NULL AND state = 0;
CREATE INDEX deliveries_begun ON deliveries (delivery_id) WHERE state = 1;
CREATE INDEX deliveries_open ON deliveries (delivery_id) WHERE end_state IS NULL;
CREATE INDEX deliveries_deadline ON deliveries (deadline_ms) WHERE end_state IS NULL AND state <> 1;
CREATE INDEX deliveries_ended ON deliveries (ended_at_ms) WHERE end_state IS NOT NULL;
CREATE INDEX deliveries_envelope ON deliveries (envelope_id) WHERE envelope_id IS NOT NULL;
CREATE INDEX deliveries_body ON deliveries (body_no) WHERE body_no IS NOT NULL;
CREATE TRIGGER deliveries_end_once BEFORE UPDATE OF end_state ON deliveries WHEN OLD.end_state IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a delivery ends once'); END;

CREATE TABLE claims (
  claim BLOB PRIMARY KEY CHECK (length(claim) = 16)
) STRICT, WITHOUT ROWID;

CREATE TABLE untold (
  untold_no INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('message', 'delivery', 'envelope')),
  origin BLOB CHECK (origin IS NULL OR length(origin) = 16),
  epoch INTEGER,
  sequence INTEGER,
  submission_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  failures TEXT NOT NULL CHECK (json_valid(failures)),
  end_state TEXT NOT NULL CHECK (end_state IN ('expired', 'refused')),
  reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 255),
  detail TEXT NOT NULL,
  envelope_id BLOB CHECK (envelope_id IS NULL OR length(envelope_id) = 16),
  context BLOB NOT NULL CHECK (length(context) <= 65536),
  delivered_count INTEGER NOT NULL
) STRICT;

CREATE TABLE seen (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  from_neighbour BLOB CHECK (from_neighbour IS NULL OR length(from_neighbour) = 16),
  ack_commitment BLOB CHECK (ack_commitment IS NULL OR length(ack_commitment) <= 32),
  forget_at_ms INTEGER NOT NULL,
  passed_on INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_forget ON seen (forget_at_ms);

CREATE TABLE partials (
  partial_no INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  total_bytes INTEGER NOT NULL CHECK (total_bytes BETWEEN 0 AND 16842752),
  held_bytes INTEGER NOT NULL CHECK (held_bytes BETWEEN 0 AND total_bytes),
  touched_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX partials_touched ON partials (touched_at_ms);
CREATE TABLE partial_ranges (
  partial_no INTEGER NOT NULL REFERENCES partials (partial_no) ON DELETE CASCADE,
  start_byte INTEGER NOT NULL CHECK (start_byte >= 0),
  end_byte INTEGER NOT NULL CHECK (end_byte > start_byte),
  PRIMARY KEY (partial_no, start_byte)
) STRICT, WITHOUT ROWID;
CREATE TABLE partial_chunks (
  partial_no INTEGER NOT NULL REFERENCES partials (partial_no) ON DELETE CASCADE,
  start_byte INTEGER NOT NULL CHECK (start_byte >= 0),
  end_byte INTEGER NOT NULL,
  content BLOB NOT NULL CHECK (length(content) = end_byte - start_byte),
  UNIQUE (partial_no, start_byte)
) STRICT;

CREATE TABLE state (
  name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 1024),
  content BLOB NOT NULL CHECK (length(content) <= 65536)
) STRICT, WITHOUT ROWID;
`;

/** One step from version n to n + 1, in the order of their numbers. A released step never changes. */
export type Migration = (connection: Connection) => void;

const MIGRATIONS: readonly Migration[] = [(connection) => connection.exec(VERSION_1)];

/** "EST1" in ASCII: marks the file as ours for file(1) and against opening another program's database. */
const APPLICATION_ID = 0x45535431;

/**
 * Brings the database to the newest version, one transaction per step: a cut leaves the old or the new schema.
 * Returns whether anything changed.
 * @throws ConfigError EST_CONFIG_VALUE when the file is another program's or a newer version wrote it.
 */
export function migrate(connection: Connection, steps: readonly Migration[] = MIGRATIONS): boolean {
  const applicationId = connection.number("PRAGMA application_id");
  const version = connection.number("PRAGMA user_version");
  const isEmpty = connection.number("SELECT count(*) FROM sqlite_schema") === 0;
  if (!isEmpty && applicationId !== APPLICATION_ID) {
    throw new ConfigError("EST_CONFIG_VALUE", "the state directory holds the database of another program");
  }
  if (version > steps.length) {
    throw new ConfigError(
      "EST_CONFIG_VALUE",
      `a newer release wrote this state directory (schema ${version}, this release knows ${steps.length})`,
      { fix: "install that release again, or give this one a directory of its own" },
    );
  }
  for (let from = version; from < steps.length; from++) {
    const step = steps[from];
    if (step === undefined) throw new InvariantError("EST_INVARIANT", "the migrations have no gaps");
    connection.exec("BEGIN IMMEDIATE");
    try {
      step(connection);
      connection.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      connection.exec(`PRAGMA user_version = ${from + 1}`);
      connection.exec("COMMIT");
    } catch (error) {
      if (connection.inTransaction) connection.exec("ROLLBACK");
      throw error;
    }
  }
  return version < steps.length;
}
