import type { IncomingBook } from "./incoming.js";
import type { OutgoingBook } from "./outgoing.js";
import type { LinkRecord } from "./records.js";
import type { Timing } from "./timing.js";

interface Books {
  readonly incoming: IncomingBook;
  readonly outgoing: OutgoingBook;
  readonly timing: Timing;
}

/** Tells the book it is about. False: the record contradicts what we know. */
export function applyRecord(record: LinkRecord, books: Books, nowMs: number): boolean {
  const { incoming, outgoing, timing } = books;
  switch (record.type) {
    case "offer":
      return incoming.heardOffer(record);
    case "segment":
      return incoming.heardSegment(record);
    case "note":
      return incoming.notes.heard(record);
    case "push":
      incoming.heardPush(record);
      break;
    case "poll":
      incoming.heardPoll(record.tag);
      break;
    case "withdraw":
      incoming.heardWithdraw(record.tag);
      break;
    case "want":
      outgoing.heardWant(record, (tries) => nowMs + timing.backOffMs(tries));
      break;
    case "verdict":
      outgoing.heardVerdict(record.tag, record.verdict);
      break;
    case "accepted":
      outgoing.heardAccepted(record.low);
      break;
    case "unknown":
      outgoing.heardUnknown(record.tag, nowMs);
      break;
    case "note-ok":
      outgoing.notes.heardOk(record.tag);
      break;
  }
  return true;
}
