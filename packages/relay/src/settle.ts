import type { NeverReason, TransferResult } from "@estafette/link";
import { RECEIPT_REASONS, sameBytes, toHex } from "@estafette/protocol";
import { retryDelayMs } from "@estafette/router";
import type { EnvelopeRecord, Leg } from "@estafette/spool";
import { type Core, keyText } from "./core.js";
import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import type { Notices } from "./notices.js";
import { headOf } from "./outgoing.js";
import { ownMessages, recompose } from "./recompose.js";

interface Where {
  readonly link: string;
  readonly peer: Peer;
  readonly notices: Notices;
}

/** settle: the neighbour's answer to one leg is committed, and whoever waits for it is told. */
export async function settleTransfer(
  core: Core,
  leg: Leg,
  result: TransferResult,
  where: Where,
): Promise<void> {
  core.goodputs.settled(leg, result.result === "accepted");
  const envelopeId = leg.what.kind === "envelope" ? leg.what.id : null;
  const record = envelopeId && (await core.spool.envelope(envelopeId));
  await settleTemplates(core, leg, result, where.peer);
  if (result.result === "broken") return; // the leg stays ready; the next conversation resumes it
  if (result.result === "not-now") return await waitForIt(core, leg, result, where);
  if (result.result === "never") {
    if (result.reason === "template") return await tellInFull(core, leg);
    if (record && (await sealedAnew(core, leg, record, result.reason, where))) return;
  }
  const taken = result.result === "accepted" || result.result === "already-held";
  if (record && taken) await noteTaken(core, record, where.peer, result.result === "already-held");
  core.faultPoint("settle-before-commit");
  const why = result.result === "never" ? `${where.peer.name} refused it: ${result.reason}` : "";
  const { ended, cancelled } = await core.spool.settleLeg(
    leg.legId,
    taken ? { outcome: "taken" } : { outcome: "refused", why, reason: reasonCode(result) },
  );
  core.faultPoint("settle-after-commit");
  void core.goodputs.store().catch((error: unknown) => core.fail(error, "goodput"));
  if (!envelopeId) return;
  const what = { link: where.link, peer: where.peer.name, envelopeId: toHex(envelopeId) };
  if (cancelled.length > 0) core.withdraw(envelopeId); // other links may be about to carry it too
  core.emit(taken ? { type: "forwarded", ...what } : { type: "refused", ...what, why });
  where.notices.ended(ended);
}

async function settleTemplates(core: Core, leg: Leg, result: TransferResult, peer: Peer): Promise<void> {
  const templates = await core.templates.sent(peer);
  if (result.result === "never" && result.reason === "template") await templates.forget();
  // One that was held already came another way: this head was not read.
  else if (result.result === "accepted") await templates.accepted(leg.legId);
  else templates.dropped(leg.legId);
}

async function waitForIt(
  core: Core,
  leg: Leg,
  result: Extract<TransferResult, { result: "not-now" }>,
  { peer }: Where,
): Promise<void> {
  const chance = (core.rng.bytes(1)[0] ?? 0) / 256;
  const delayMs = Math.max(
    result.retryAfterS * 1000,
    retryDelayMs(leg.attempts + 1, chance, core.settings.retryS),
  );
  const atMs = core.spool.nowMs() + delayMs;
  await core.spool.settleLeg(leg.legId, { outcome: "retry", atMs, why: `${peer.name}: ${result.reason}` });
  core.wake(leg.hop); // sets the timer for the retry
}

/** The neighbour does not know what our head referred to: it is told again, without. */
async function tellInFull(core: Core, leg: Leg): Promise<void> {
  const atMs = core.spool.nowMs() + LIMITS.tellInFullAfterMs;
  await core.spool.settleLeg(leg.legId, { outcome: "retry", atMs, why: "its head is told in full" });
  core.wake(leg.hop);
}

/**
 * A refusal that is not the messages' fault: the destination lost the context their content refers to, or one message of
 * several is not wanted. They are sealed anew, without, or each for itself. False: it is what it says.
 */
async function sealedAnew(
  core: Core,
  leg: Leg,
  record: EnvelopeRecord,
  reason: NeverReason,
  { peer }: Where,
): Promise<boolean> {
  if (record.from !== null) return false;
  const { header } = headOf(record).signed;
  const atDestination = sameBytes(record.destination, peer.address);
  if (reason === "context" && atDestination && header.context?.uses != null) {
    await core.sentContexts.forget(peer);
    return await recompose(core, record, leg.hop);
  }
  if (!header.chunked) return false;
  for (const { epoch, sequence } of (await ownMessages(core, record)) ?? [])
    core.alone.add(keyText({ origin: core.identity.address, epoch, sequence }));
  return await recompose(core, record, leg.hop);
}

async function noteTaken(core: Core, record: EnvelopeRecord, peer: Peer, hadIt: boolean): Promise<void> {
  if (record.from !== null) core.asking.answered(peer.addressHex, hadIt);
  else if (sameBytes(record.destination, peer.address)) await core.sentContexts.confirmed(peer, record.id);
}

/** Reasons of a signed receipt for those of the link, SPEC.md §11.2. */
const REASONS: Readonly<Record<NeverReason, number>> = {
  expired: RECEIPT_REASONS.lifetime,
  "hop-limit": RECEIPT_REASONS["hop-limit"],
  "no-route": RECEIPT_REASONS["no-route"],
  denied: RECEIPT_REASONS.denied,
  "too-large": RECEIPT_REASONS["too-large"],
  invalid: RECEIPT_REASONS.unreadable,
  policy: RECEIPT_REASONS.policy,
  loop: RECEIPT_REASONS["no-route"],
  template: RECEIPT_REASONS.none,
  context: RECEIPT_REASONS.context,
};

function reasonCode(result: TransferResult): number {
  return result.result === "never" ? REASONS[result.reason] : RECEIPT_REASONS.none;
}
