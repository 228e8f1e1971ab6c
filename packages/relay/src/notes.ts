import {
  type Ack,
  addressOf,
  decodeNote,
  encodeReceipt,
  type Header,
  type Note,
  publicKeysOf,
  RECEIPT_REASONS,
  type ReceiptOutcome,
  sameBytes,
  signReceipt,
  toHex,
  verifyAck,
  verifyReceipt,
  verifyReceipts,
} from "@estafette/protocol";
import type {
  EnvelopeId,
  EnvelopeRecord,
  MessageKey,
  NewNote,
  NodeAddress,
  PassedNote,
} from "@estafette/spool";
import type { Core } from "./core.js";
import type { Notices } from "./notices.js";
import { headOf } from "./outgoing.js";
import { planHop } from "./planning.js";
import { ownMessages } from "./recompose.js";

/** How long a note is kept for an absent neighbour: as long as the longest lifetime. */
const NOTE_LIFETIME_MS = 30 * 86_400_000;

/** A note for a neighbour, over the link that leads there; without one it waits until there is one. */
export function noteFor(core: Core, neighbour: NodeAddress, bytes: Uint8Array): NewNote {
  const plan = planHop(core, {
    destination: neighbour,
    relays: [],
    relayIndex: 0,
    sealed: false,
    from: null,
    listStalled: false,
  });
  const hop = typeof plan === "string" ? { link: null, neighbour } : plan.hop;
  return { hop, bytes, lifetimeMs: NOTE_LIFETIME_MS };
}

/** A note for the neighbour an envelope came from, one hop back towards its origin. Null for our own envelopes. */
export async function noteTowardsOrigin(
  core: Core,
  id: EnvelopeId,
  bytes: Uint8Array,
): Promise<NewNote | null> {
  const seen = await core.spool.seen(id);
  return seen?.from ? noteFor(core, seen.from, bytes) : null;
}

/** What we say, signed, of an envelope that goes no further. */
export function refusalBytes(
  core: Core,
  id: EnvelopeId,
  outcome: ReceiptOutcome,
  reason: number,
  /** Which message of it; null: all of it. */
  message: number | null = null,
): Uint8Array {
  return encodeReceipt(signReceipt({ id, outcome, reason, message }, core.identity));
}

/**
 * A note from a neighbour. Acts only on what proves itself: an ack by its preimage, a receipt by its signature.
 * Everything it changes is committed when it resolves; a repeat changes nothing more.
 */
export async function heardNote(core: Core, notices: Notices, bytes: Uint8Array): Promise<void> {
  const note = decodeNote(bytes);
  if (note.kind === "ack") await heardAck(core, note, bytes);
  else await heardReceipt(core, notices, note, bytes);
}

async function heardAck(core: Core, ack: Ack, bytes: Uint8Array): Promise<void> {
  const seen = await core.spool.seen(ack.id);
  if (!seen?.ackCommitment || !verifyAck(ack, seen.ackCommitment)) return;
  if (seen.from) await passOn(core, ack.id, ack.stage, noteFor(core, seen.from, bytes));
  if (ack.stage === "accepted") {
    // Custody of the exit is news for the sender, and no reason to let a copy go.
    if (seen.from === null) await tellAcceptance(core, ack.id);
    return;
  }
  const ended = await core.spool.settleEnvelope(ack.id, "delivered", "receipt from the destination");
  core.withdraw(ack.id);
  for (const message of ended)
    core.emit({ type: "receipt", submissionId: message.submissionId, detail: "delivered" });
}

async function tellAcceptance(core: Core, id: EnvelopeId): Promise<void> {
  if (await core.spool.envelope(id))
    core.emit({ type: "receipt", submissionId: toHex(id), detail: "the exit gateway has it" });
}

async function heardReceipt(
  core: Core,
  notices: Notices,
  receipt: AnyReceipt,
  bytes: Uint8Array,
): Promise<void> {
  const seen = await core.spool.seen(receipt.id);
  if (!seen || receipt.keyEpoch !== 0 || !holds(receipt)) return;
  if (seen.from) return await passOn(core, receipt.id, "refusal", noteFor(core, seen.from, bytes));
  const record = await core.spool.envelope(receipt.id);
  const verdict = record && verdictOf(core, receipt, headOf(record).signed.header);
  if (!record || !verdict) return;
  const by = core.directory.nameOf(addressOf(receipt.signer));
  const detail = `${verdict.end} at ${by}${reasonText(receipt.reason)}`;
  const keys = await keysIn(core, record, receipt);
  if (keys?.length === 0) return;
  const ended = keys
    ? await core.spool.settleMessages(keys, verdict.end, detail, verdict.told)
    : await core.spool.settleEnvelope(receipt.id, verdict.end, detail, verdict.told);
  if (!(await core.spool.envelope(receipt.id))) core.withdraw(receipt.id);
  if (verdict.end === "refused") notices.ended(ended);
  else
    for (const { submissionId } of ended) core.emit({ type: "receipt", submissionId, detail: "delivered" });
}

type AnyReceipt = Exclude<Note, { kind: "ack" }>;

function holds(receipt: AnyReceipt): boolean {
  const keys = publicKeysOf(receipt.signer);
  return receipt.kind === "receipts" ? verifyReceipts(receipt, keys) : verifyReceipt(receipt, keys);
}

/** The messages a receipt speaks of, by their places in the envelope; null: of all. */
async function keysIn(
  core: Core,
  record: EnvelopeRecord,
  receipt: AnyReceipt,
): Promise<readonly MessageKey[] | null> {
  const places =
    receipt.kind === "receipts" ? receipt.messages : receipt.message === null ? null : [receipt.message];
  if (places === null) return null;
  const messages = (await ownMessages(core, record)) ?? [];
  return places.flatMap((place) => {
    const message = messages[place];
    return message
      ? [{ origin: core.identity.address, epoch: message.epoch, sequence: message.sequence }]
      : [];
  });
}

/** SPEC.md §11.3: who may end a message of ours, and how; null: information only. */
function verdictOf(
  core: Core,
  { signer, outcome, reason }: AnyReceipt,
  header: Pick<Header, "destination" | "relays">,
): { readonly end: "delivered" | "refused"; readonly told: boolean } | null {
  const address = addressOf(signer);
  const isDestination = sameBytes(address, header.destination);
  if (outcome === "delivered") return isDestination ? { end: "delivered", told: false } : null;
  if (outcome !== "refused") return null;
  const onTheWay = core.directory.peer(address) !== null || header.relays.some((r) => sameBytes(r, address));
  if (!isDestination && !onTheWay) return null;
  return { end: "refused", told: isDestination && TOLD_BY_DESTINATION.has(reason) };
}

/** Reasons the destination gives when it has told the sender itself, in the words of its mail server. */
const TOLD_BY_DESTINATION: ReadonlySet<number> = new Set([
  RECEIPT_REASONS["unknown-user"],
  RECEIPT_REASONS["remote-refused"],
]);

function reasonText(reason: number): string {
  const name = Object.entries(RECEIPT_REASONS).find(([, code]) => code === reason)?.[0];
  if (name === "none") return "";
  return `: ${name?.replaceAll("-", " ") ?? `reason ${reason}`}`;
}

async function passOn(core: Core, id: EnvelopeId, kind: PassedNote, note: NewNote): Promise<void> {
  if (await core.spool.passOn(id, kind, note)) core.wake(note.hop);
}
