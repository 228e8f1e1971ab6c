/** Every error code. A code never changes within a major version; messages may. */
export type ErrorCode =
  | "EST_PROTOCOL_TRUNCATED" // the input ends before the value it announces
  | "EST_PROTOCOL_TRAILING" // bytes remain after a complete value
  | "EST_PROTOCOL_RANGE" // a number or length outside its bound
  | "EST_PROTOCOL_ENCODING" // decodable, but not the one canonical encoding
  | "EST_PROTOCOL_VERSION" // a version, mode, codec or record kind we do not speak
  | "EST_PROTOCOL_KEY" // a public key that is weak, malformed or not admitted
  | "EST_PROTOCOL_SIGNATURE" // a signature or authentication tag that does not verify
  | "EST_PROTOCOL_CHECKSUM" // a frame whose CRC or hash is wrong
  | "EST_PROTOCOL_CHAIN" // a signature chain that is present but broken
  | "EST_PROTOCOL_STATE" // a well-formed frame that has no meaning now
  | "EST_PROTOCOL_MAIL" // a mail that is malformed or exceeds a bound
  | "EST_OPERATING_PORT_GONE" // a serial port or socket closed or could not be opened
  | "EST_OPERATING_DISK_FULL" // no room for another accepted message
  | "EST_OPERATING_DISK_FAULT" // the store reported an I/O error or corruption: stop and restart
  | "EST_OPERATING_LOCKED" // another process holds the state directory
  | "EST_OPERATING_UNAVAILABLE" // the daemon or a service it needs does not answer
  | "EST_CONFIG_SYNTAX" // the file is not YAML
  | "EST_CONFIG_KEY" // a key that is unknown or missing
  | "EST_CONFIG_VALUE" // a value of the wrong kind, unit or range
  | "EST_CONFIG_SECRET" // a secret that is missing or readable by others
  | "EST_INVARIANT"; // a statement about our own code that turned out false

abstract class EstafetteError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The other side sent something wrong: count it, drop the bytes, carry on. */
export class ProtocolError extends EstafetteError {}

/** The machine below us failed: the supervisor closes, waits, reopens, and tells the operator. */
export class OperatingError extends EstafetteError {}

/** A human must edit something: names the place, what is wrong and what to write instead. */
export class ConfigError extends EstafetteError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly place: {
      readonly file?: string;
      readonly line?: number;
      readonly column?: number;
      readonly key?: string;
      readonly fix?: string;
    } = {},
  ) {
    super(code, message);
  }
}

/** Our own code is wrong: crash, let the service manager restart; the spool is intact. */
export class InvariantError extends EstafetteError {}

/** Throws {@link InvariantError} unless `condition` holds. Stays on in production. */
export function invariant(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new InvariantError("EST_INVARIANT", sentence);
}
