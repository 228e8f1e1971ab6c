import { ProtocolError } from "@estafette/contract";

/** The answer to AT+SBDIX. */
export interface SessionResult {
  readonly moStatus: number;
  /** Sequence number of the message up [0…65 535]. */
  readonly momsn: number;
  /** 0 none, 1 received, 2 error. */
  readonly mtStatus: number;
  readonly mtmsn: number;
  readonly mtBytes: number;
  /** Messages still waiting at the gateway. */
  readonly mtQueued: number;
}

/** Reads `+SBDIX: 0, 1, 0, 0, 0, 0`, with or without spaces. Throws ProtocolError. */
export function parseSessionResult(line: string): SessionResult {
  const found = /^\+SBDIX:\s*(\d{1,5})((?:\s*,\s*-?\d{1,5}){5})\s*$/.exec(line);
  if (!found) throw new ProtocolError("EST_PROTOCOL_ENCODING", "the answer to a session is not six numbers");
  const rest = (found[2] ?? "").split(",").slice(1).map(Number);
  const [momsn = 0, mtStatus = 0, mtmsn = 0, mtBytes = 0, mtQueued = 0] = rest;
  const moStatus = Number(found[1]);
  if (moStatus > 255 || mtStatus < 0 || mtStatus > 2 || mtBytes < 0 || mtQueued < 0)
    throw new ProtocolError("EST_PROTOCOL_RANGE", "a number in the answer to a session is out of range");
  return { moStatus, momsn, mtStatus, mtmsn, mtBytes, mtQueued };
}

/** What a MO status means for us. */
export interface StatusMeaning {
  /** `taken`: the gateway has the message. `unknown`: it may have it. `not-sent`: it has not. */
  readonly fate: "taken" | "unknown" | "not-sent";
  /** Only a human can mend it. */
  readonly fatal: boolean;
  /** Milliseconds to wait at least. */
  readonly atLeastMs: number;
  readonly say: string;
}

/** MO statuses of the 9602 (AT command reference, +SBDIX); 33, 34, 37, 38, 64 and 65 from secondary sources. */
const MEANINGS: Readonly<Record<number, readonly [StatusMeaning["fate"], string, number?]>> = {
  10: ["unknown", "the gateway says that the call did not complete in time"],
  11: ["not-sent", "the gateway's queue for our messages is full"],
  12: ["not-sent", "the message has too many segments"],
  13: ["unknown", "the gateway says that the session did not complete"],
  14: ["not-sent", "the gateway says that the segment size is invalid"],
  15: ["not-sent", "access is denied: is this modem's line rented?"],
  16: ["not-sent", "the modem is locked (+CULK)"],
  17: ["unknown", "the gateway does not answer"],
  18: ["unknown", "the radio connection broke"],
  19: ["unknown", "the link failed"],
  32: ["not-sent", "no network service"],
  33: ["not-sent", "antenna fault"],
  34: ["not-sent", "the radio is switched off"],
  35: ["not-sent", "the modem is busy"],
  36: ["not-sent", "the last registration is too recent", 180_000],
  37: ["not-sent", "short bursts are disabled for the time being"],
  38: ["not-sent", "the network holds traffic back"],
  64: ["not-sent", "outside the permitted band"],
  65: ["not-sent", "the modem's frequency loop does not lock"],
};

const FATAL = new Set([12, 14, 15, 16, 33, 34, 64, 65]);

/** Never fails: a number nobody documented leaves the message's fate unknown. */
export function meaningOf(moStatus: number): StatusMeaning {
  if (moStatus <= 4) return { fate: "taken", fatal: false, atLeastMs: 0, say: "sent" };
  const [fate, say, atLeastMs = 0] = MEANINGS[moStatus] ?? ["unknown", `status ${moStatus}`];
  return { fate, fatal: FATAL.has(moStatus), atLeastMs, say };
}
