import type { TransferResult } from "@estafette/link";
import { toHex } from "@estafette/protocol";
import { retryDelayMs } from "@estafette/router";
import type { Leg } from "@estafette/spool";
import type { Core } from "./core.js";
import { sendSignedRefusal } from "./notes.js";
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
  const own = envelopeId ? (await core.spool.seen(envelopeId))?.from === null : false;
  const ended = await core.spool.settleLeg(
    leg.legId,
    taken ? { outcome: "taken" } : { outcome: "refused", why },
  );
  core.faultPoint("settle-after-commit");
  if (!envelopeId) return;
  if (taken)
    core.emit({ type: "forwarded", link: where.link, peer: where.peer, envelopeId: toHex(envelopeId) });
  else core.emit({ type: "refused", link: where.link, peer: where.peer, envelopeId: toHex(envelopeId), why });
  if (!taken && !own) await sendSignedRefusal(core, envelopeId, "refused", reasonCode(result));
  await where.notices.ended(ended);
}

/** SPEC.md: reasons of a signed receipt. */
function reasonCode(result: TransferResult): number {
  const codes: Readonly<Record<string, number>> = {
    expired: 1,
    "hop-limit": 2,
    "no-route": 3,
    denied: 5,
    "too-large": 6,
    invalid: 7,
    policy: 8,
  };
  return result.result === "never" ? (codes[result.reason] ?? 0) : 0;
}
