import {
  type Ack,
  addressOf,
  decodeNote,
  encodeReceipt,
  publicKeysOf,
  type ReceiptOutcome,
  type SignedReceipt,
  signReceipt,
  toHex,
  verifyAck,
  verifyReceipt,
} from "@estafette/protocol";
import type { EnvelopeId, NewNote } from "@estafette/spool";
import type { Core } from "./core.js";
import type { Notices } from "./notices.js";
import { headOf } from "./outgoing.js";
import { planHop } from "./planning.js";

/** Seconds a note is kept for an absent neighbour: as long as the longest lifetime. */
const NOTE_LIFETIME_MS = 30 * 86_400_000;

/** A note for the neighbour an envelope came from, one hop back towards its origin. Null for our own envelopes. */
export async function noteTowardsOrigin(
  core: Core,
  id: EnvelopeId,
  bytes: Uint8Array,
): Promise<NewNote | null> {
  const seen = await core.spool.seen(id);
  if (!seen?.from) return null;
  const plan = planHop(core, {
    destination: seen.from,
    relays: [],
    relayIndex: 0,
    sealed: false,
    from: null,
    listStalled: true,
  });
  return typeof plan === "string" ? null : { hop: plan.hop, bytes, lifetimeMs: NOTE_LIFETIME_MS };
}

/** Tells the origin, hop by hop and signed, that an envelope goes no further. */
export async function sendSignedRefusal(
  core: Core,
  id: EnvelopeId,
  outcome: ReceiptOutcome,
  reason: number,
): Promise<void> {
  const note = await noteTowardsOrigin(
    core,
    id,
    encodeReceipt(signReceipt({ id, outcome, reason }, core.identity)),
  );
  if (!note) return;
  await core.spool.addNotes([note]);
  core.wake(note.hop);
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
  await passOn(core, ack.id, bytes);
  if (seen.from === null && ack.stage === "accepted") {
    const open = await core.spool.envelope(ack.id);
    if (open) core.emit({ type: "receipt", submissionId: toHex(ack.id), detail: "the exit gateway has it" });
    return;
  }
  const ended = await core.spool.settleEnvelope(ack.id, "delivered", "receipt from the destination");
  for (const message of ended)
    core.emit({ type: "receipt", submissionId: message.submissionId, detail: "delivered" });
}

async function heardReceipt(
  core: Core,
  notices: Notices,
  receipt: SignedReceipt,
  bytes: Uint8Array,
): Promise<void> {
  const seen = await core.spool.seen(receipt.id);
  if (!seen || receipt.keyEpoch !== 0 || !verifyReceipt(receipt, publicKeysOf(receipt.signer))) return;
  await passOn(core, receipt.id, bytes);
  if (seen.from !== null || !(await mayRefuse(core, receipt))) return;
  const by = core.directory.nameOf(addressOf(receipt.signer));
  const end = receipt.outcome === "delivered" ? "delivered" : "refused";
  const ended = await core.spool.settleEnvelope(receipt.id, end, `${receipt.outcome} at ${by}`);
  if (end === "refused") await notices.ended(ended);
}

/** Only the destination, a node on the relay list and configured peers may end our messages. */
async function mayRefuse(core: Core, receipt: SignedReceipt): Promise<boolean> {
  const signer = addressOf(receipt.signer);
  if (core.directory.peer(signer)) return true;
  const record = await core.spool.envelope(receipt.id);
  if (!record) return false;
  const { destination, relays } = headOf(record).signed.header;
  return [destination, ...relays].some((a) => toHex(a) === toHex(signer));
}

async function passOn(core: Core, id: EnvelopeId, bytes: Uint8Array): Promise<void> {
  const onward = await noteTowardsOrigin(core, id, bytes);
  if (!onward) return;
  await core.spool.addNotes([onward]);
  core.wake(onward.hop);
}
