import type { MessageRecord } from "@estafette/spool";
import { bodyOf, type HandOver, headerOf } from "./outside.js";
import { type ExpectedRecipient, INTERNET_USER, MARKER_PREFIX, type Sent } from "./workload.js";

/** What the store of a submission's node says about one of its messages, with times of the world. */
export interface FinalRecord {
  readonly node: number;
  readonly record: MessageRecord;
  /** When the end was committed; null: not ended, or the power went right after. */
  readonly endedAtMs: number | null;
}

/** Everything a run left behind that people outside could see, and the records of the stores. */
export interface History {
  readonly sent: readonly Sent[];
  readonly handOvers: readonly HandOver[];
  mailbox(address: string): readonly HandOver[];
  readonly records: readonly FinalRecord[];
}

/** An expiry counted in whole seconds per hop may come this much before its time, in milliseconds. Our choice. */
const EARLY_MS = 20_000;

/**
 * Holds a finished run against the promises. Independent of the code under test: it knows what was handed in, what came
 * out, and nothing of how. Returns one sentence for each broken promise.
 */
export function checkHistory(history: History): string[] {
  const found: string[] = [];
  for (const sent of history.sent) {
    for (const recipient of sent.recipients) found.push(...checkRecipient(history, sent, recipient));
  }
  found.push(...checkRecords(history), ...checkRepeats(history), ...checkStrays(history));
  return found;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function copiesFor(history: History, sent: Sent, address: string): readonly HandOver[] {
  return history.mailbox(address).filter((mail) => mail.from !== "" && markerOf(mail) === sent.marker);
}

/** The marker of a delivered mail, from its subject: there it survives every encoding of the body. */
function markerOf(mail: HandOver): string | null {
  const subject = headerOf(mail.rfc5322, "subject") ?? "";
  const at = subject.indexOf(MARKER_PREFIX);
  return at < 0 ? null : subject.slice(at, at + MARKER_PREFIX.length + 12);
}

function recordFor(history: History, sent: Sent, address: string): FinalRecord | undefined {
  if (sent.answer?.outcome !== "accepted") return undefined;
  const { id } = sent.answer;
  return history.records.find(
    ({ node, record }) => node === sent.node && record.submissionId === id && record.to.includes(address),
  );
}

function checkRecipient(history: History, sent: Sent, recipient: ExpectedRecipient): string[] {
  const name = `submission ${sent.index} to ${recipient.address}`;
  const copies = copiesFor(history, sent, recipient.address);
  const surplus = copies.slice(1).filter((copy) => copy.kind === "mailbox" || !copy.possibleDuplicate);
  const found: string[] = [];
  if (surplus.length > 0) found.push(`${name}: in the mailbox ${copies.length} times`);
  for (const copy of copies) found.push(...checkContent(sent, copy, name));
  if (sent.answer === null) return found;
  if (sent.answer.outcome === "refused") {
    if (copies.length > 0) found.push(`${name}: refused, yet delivered`);
    if (!sent.answer.temporary)
      found.push(`${name}: refused without reason: ${sent.answer.why} ${sent.answer.text}`);
    return found;
  }
  return [...found, ...checkEnd(history, sent, recipient, name, copies)];
}

/** An accepted message is delivered, or its sender knows why not. */
function checkEnd(
  history: History,
  sent: Sent,
  recipient: ExpectedRecipient,
  name: string,
  copies: readonly HandOver[],
): string[] {
  const final = recordFor(history, sent, recipient.address);
  const end = final?.record.end ?? null;
  const failed = end === "expired" || end === "refused";
  if (copies.length > 0) {
    return failed && recipient.expect === "delivered" ? [`${name}: delivered, yet recorded as ${end}`] : [];
  }
  if (recipient.expect === "delivered") {
    if (!failed) return [`${name}: accepted and not delivered (record: ${end ?? "open"})`];
    if (end === "refused")
      return [`${name}: refused on the way though it could be delivered: ${final?.record.detail}`];
  }
  const told = isNotified(history, sent, recipient.address);
  if (recipient.expect === "expired" && end !== "expired")
    return [`${name}: should have expired, record: ${end ?? "open"}`];
  if (sent.submission.account !== null && !told) return [`${name}: failed, and its sender was never told`];
  if (final !== undefined && failed && final.record.detail === "")
    return [`${name}: ended ${end} without a reason`];
  return [];
}

/** A notice about this recipient lies in the sender's mailbox. */
function isNotified(history: History, sent: Sent, address: string): boolean {
  return history
    .mailbox(sent.submission.from)
    .some((mail) => mail.from === "" && mail.atMs >= sent.atMs && text(mail.rfc5322).includes(address));
}

/** What arrived is what was sent, byte for byte, and shows no hidden recipient. */
function checkContent(sent: Sent, copy: HandOver, name: string): string[] {
  const { content } = sent.submission;
  const found: string[] = [];
  if (content.kind === "text") {
    const carried = Buffer.from(text(bodyOf(copy.rfc5322)), "base64").toString("utf8");
    if (carried !== content.text) found.push(`${name}: the text changed on the way`);
  } else {
    if (!Buffer.from(bodyOf(content.rfc5322)).equals(bodyOf(copy.rfc5322)))
      found.push(`${name}: the body changed on the way`);
    for (const header of ["from", "to", "subject", "date", "message-id", "content-type"]) {
      if (headerOf(content.rfc5322, header) !== headerOf(copy.rfc5322, header)) {
        found.push(`${name}: the header ${header} changed on the way`);
      }
    }
    for (const hidden of sent.recipients) {
      if (
        hidden.bcc &&
        hidden.address !== sent.submission.from &&
        text(copy.rfc5322).includes(hidden.address)
      )
        found.push(`${name}: shows its Bcc`);
    }
  }
  return found;
}

function checkRecords(history: History): string[] {
  const found: string[] = [];
  for (const { record, endedAtMs } of history.records) {
    const sent = history.sent.find(
      (one) => one.answer?.outcome === "accepted" && one.answer.id === record.submissionId,
    );
    if (sent === undefined || record.end === null) continue;
    const name = `submission ${sent.index}`;
    if (record.end === "delivered") {
      for (const address of record.to) {
        const copy = copiesFor(history, sent, address)[0];
        if (copy === undefined && !isNotified(history, sent, address)) {
          found.push(`${name}: recorded as delivered, ${address} has nothing`);
        } else if (copy !== undefined && endedAtMs !== null && copy.atMs > endedAtMs) {
          found.push(`${name}: recorded as delivered before it was`);
        }
      }
    }
    if (
      record.end === "expired" &&
      endedAtMs !== null &&
      endedAtMs - sent.atMs < record.lifetimeMs - EARLY_MS
    ) {
      found.push(`${name}: expired after ${endedAtMs - sent.atMs} ms of ${record.lifetimeMs}`);
    }
  }
  return found;
}

/** A second hand-over of the same delivery is honest only when it says that it may be one, and has the same bytes. */
function checkRepeats(history: History): string[] {
  const found: string[] = [];
  const earlier = new Map<string, HandOver>();
  for (const handOver of history.handOvers) {
    const key = `${handOver.node} ${handOver.stableId} ${handOver.to}`;
    const first = earlier.get(key);
    earlier.set(key, handOver);
    if (first === undefined) continue;
    if (!handOver.possibleDuplicate) found.push(`${key}: handed over again without saying so`);
    if (first.told && first.life === handOver.life)
      found.push(`${key}: handed over again after it was settled`);
    if (!Buffer.from(first.rfc5322).equals(handOver.rfc5322))
      found.push(`${key}: other bytes at the second attempt`);
  }
  return found;
}

/** Nothing lies in a mailbox that nobody sent there. */
function checkStrays(history: History): string[] {
  const found: string[] = [];
  for (const mail of history.handOvers) {
    if (mail.from === "") continue;
    const marker = markerOf(mail);
    const sent = history.sent.find((one) => one.marker === marker);
    if (sent === undefined) found.push(`a mail nobody sent lies with ${mail.to}`);
    else if (!sent.submission.to.includes(mail.to))
      found.push(`submission ${sent.index}: delivered to a stranger, ${mail.to}`);
    else if ((mail.kind === "internet") !== (mail.to === INTERNET_USER)) {
      found.push(`submission ${sent.index}: handed to the wrong place for ${mail.to}`);
    }
  }
  return found;
}
