import { compressContent } from "@estafette/compression";
import { ProtocolError, type Submission, type SubmissionRefusal } from "@estafette/contract";
import { shrinkMail } from "@estafette/mail";
import { encodeContent, SEAL_OVERHEAD_BYTES } from "@estafette/protocol";
import { bytesOnAir } from "@estafette/router";
import type { Estimate, EstimatePart } from "./api.js";
import type { Core } from "./core.js";
import { explainWay } from "./explain.js";
import { LIMITS } from "./limits.js";
import { type Group, groupsOf, refusal } from "./submit.js";

/**
 * What a submission would cost if it went alone and now: its content is joined and compressed as compose does it, and
 * weighed. Nothing is kept, no number is used up. Joined with others that wait it costs less.
 */
export function estimate(core: Core, submission: Submission): Estimate | SubmissionRefusal {
  try {
    const { content } = submission;
    const body =
      content.kind === "mail" ? shrinkMail(content.rfc5322) : new TextEncoder().encode(content.text);
    const parts: EstimatePart[] = [];
    for (const group of groupsOf(core, submission)) {
      const part = partOf(core, submission, group, body);
      if ("outcome" in part) return part;
      parts.push(part);
    }
    return { parts };
  } catch (error) {
    if (error instanceof ProtocolError) return refusal("malformed", error.message);
    throw error;
  }
}

function partOf(
  core: Core,
  submission: Submission,
  { mode, peer, to }: Group,
  body: Uint8Array,
): EstimatePart | SubmissionRefusal {
  const lifetimeS = submission.lifetimeS ?? core.settings.lifetimeS;
  const envelopeBytes = peer ? envelopeBytesOf(core, { ...submission, to, lifetimeS }, body) : 0;
  const served = peer
    ? { by: mode === "exit" ? ("exit" as const) : ("peer" as const), peer }
    : core.directory.serves(to[0] ?? "");
  if (served.by === "nobody") return refusal(served.why, served.text);
  const load = { bytes: envelopeBytes, class: submission.class, lifetimeMs: lifetimeS * 1000 };
  const route = explainWay(core, served, load);
  if ("outcome" in route) return route;
  const airBytes = peer ? bytesOnAir(envelopeBytes) : 0;
  return { to, bodyBytes: body.length, envelopeBytes, airBytes, route };
}

const ACK_COMMITMENT_BYTES = 16;

function envelopeBytesOf(
  core: Core,
  submission: Submission & { readonly lifetimeS: number },
  body: Uint8Array,
): number {
  const receipt = submission.receipt || core.settings.receipts;
  const base = { epoch: 0, sequence: 0, class: submission.class, lifetimeS: submission.lifetimeS };
  const message = {
    ...base,
    kind: submission.content.kind,
    receipt,
    token: receipt ? core.identity.address : null, // any 16 bytes that do not compress
    from: submission.from,
    to: [...submission.to],
    laterS: 0,
    body,
  };
  const { bytes } = compressContent(encodeContent([message], base));
  const headBytes = LIMITS.estimatedHeadBytes + (receipt ? ACK_COMMITMENT_BYTES : 0);
  return bytes.length + SEAL_OVERHEAD_BYTES.static + headBytes;
}
