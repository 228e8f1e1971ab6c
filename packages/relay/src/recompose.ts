import { invariant } from "@estafette/contract";
import { type ContentMessage, type Header, sameBytes } from "@estafette/protocol";
import type { EnvelopeRecord, Hop } from "@estafette/spool";
import { type Core, keyText } from "./core.js";
import { openPayload } from "./opening.js";
import { headOf } from "./outgoing.js";

/** The messages in an envelope of our own, in their order. Null: it is not here any more, or we cannot open it. */
export async function ownMessages(
  core: Core,
  record: EnvelopeRecord,
): Promise<readonly ContentMessage[] | null> {
  invariant(record.from === null, "only own envelopes are opened by their origin");
  const payload = await core.spool.envelopePayload(record.id);
  const { header } = headOf(record).signed;
  const peer = core.directory.peer(record.destination);
  if (!payload || !peer) return null;
  const context = await contextOf(core, header);
  if (context === null) return null;
  return openPayload(core, { header, origin: core.identity.keys, recipient: peer.keys, context }, payload)
    .messages;
}

async function contextOf(core: Core, header: Header): Promise<Uint8Array | null> {
  const slot = header.context?.uses ?? null;
  if (slot === null) return new Uint8Array(0);
  const peer = core.directory.peer(header.destination);
  return peer && (await core.sentContexts.usedBy(peer, slot));
}

/**
 * Takes an envelope of our own apart: its messages wait again, to be joined, compressed and sealed anew. In one commit.
 * False when it cannot be, or is no longer here.
 */
export async function recompose(core: Core, record: EnvelopeRecord, hop: Hop): Promise<boolean> {
  const inside = await ownMessages(core, record);
  if (!inside) return false;
  const waiting = [];
  for (const { epoch, sequence, body } of inside) {
    const key = { origin: core.identity.address, epoch, sequence };
    const message = await core.spool.message(key);
    const isOpen =
      message?.end === null && message.envelopeId !== null && sameBytes(message.envelopeId, record.id);
    if (isOpen) waiting.push({ key, body: core.vault.seal(body, `message/${keyText(key)}`), hop });
  }
  core.faultPoint("recompose-before-commit");
  const done = await core.spool.decompose(record.id, waiting);
  core.faultPoint("recompose-after-commit");
  const peer = core.directory.peer(record.destination);
  if (peer) await core.sentContexts.dropped(peer, record.id);
  core.withdraw(record.id);
  core.wake(hop);
  return done;
}
