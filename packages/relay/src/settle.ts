import type { NeverReason, TransferResult } from "@estafette/link";
import { RECEIPT_REASONS, toHex } from "@estafette/protocol";
import { retryDelayMs } from "@estafette/router";
import type { Leg } from "@estafette/spool";
import type { Core } from "./core.js";
import type { Notices } from "./notices.js";

/** settle: the neighbour's answer to one leg is committed, and whoever waits for it is told. */
export async function settleTransfer(
  core: Core,
  leg: Leg,
  result: TransferResult,
  where: { readonly link: string; readonly peer: string; readonly notices: Notices },
): Promise<void> {
  if (result.result === "broken") return; // the leg stays ready; the next conversation resumes it
  const envelopeId = leg.what.kind === "envelope" ? leg.what.id : null;
  if (result.result === "not-now") {
    const chance = (core.rng.bytes(1)[0] ?? 0) / 256;
    const delayMs = Math.max(
      result.retryAfterS * 1000,
      retryDelayMs(leg.attempts + 1, chance, core.settings.retryS),
    );
    await core.spool.settleLeg(leg.legId, {
      outcome: "retry",
      atMs: core.spool.nowMs() + delayMs,
      why: `${where.peer}: ${result.reason}`,
    });
    core.wake(leg.hop); // sets the timer for the retry
    return;
  }
  core.faultPoint("settle-before-commit");
  const taken = result.result === "accepted" || result.result === "already-held";
  const why = result.result === "never" ? `${where.peer} refused it: ${result.reason}` : "";
  const ended = await core.spool.settleLeg(
    leg.legId,
    taken ? { outcome: "taken" } : { outcome: "refused", why, reason: reasonCode(result) },
  );
  core.faultPoint("settle-after-commit");
  if (!envelopeId) return;
  if (taken)
    core.emit({ type: "forwarded", link: where.link, peer: where.peer, envelopeId: toHex(envelopeId) });
  else core.emit({ type: "refused", link: where.link, peer: where.peer, envelopeId: toHex(envelopeId), why });
  where.notices.ended(ended);
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
};

function reasonCode(result: TransferResult): number {
  return result.result === "never" ? REASONS[result.reason] : RECEIPT_REASONS.none;
}
