import { limits } from "./limits.js";
import { type Entity, headerValues } from "./read.js";

/** Field in which every gateway that hands a mail to the internet writes its own mail domain; kept by the payload. */
export const traceField = "X-Estafette-Trace";

/** Field that names a message for ever, so that a mailbox can drop a repeat. */
export const idField = "X-Estafette-Id";

/** Field that marks a delivery whose earlier attempt ended without an answer. */
export const possibleDuplicateField = "X-Estafette-Possible-Duplicate";

/** How often a mail has been handed on, as far as its header tells. */
export interface MailHops {
  readonly received: number;
  /** Times this gateway already sent it out. */
  readonly ownTraces: number;
  /** Above a bound: refuse with 554 5.4.6 (RFC 3463 §3.5, X.4.6 routing loop detected). */
  readonly loops: boolean;
}

/** `ownDomain` is what this gateway writes into {@link traceField}, any case. */
export function countHops(mail: Entity, ownDomain: string): MailHops {
  const own = ownDomain.toLowerCase();
  const received = headerValues(mail, "Received").length;
  const ownTraces = headerValues(mail, traceField).filter((value) => value.toLowerCase() === own).length;
  const traces = headerValues(mail, traceField).length;
  const loops = Math.max(received, traces) > limits.receivedMax || ownTraces > limits.ownTracesMax;
  return { received, ownTraces, loops };
}
