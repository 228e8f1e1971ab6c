import type { SubmissionRefusal } from "@estafette/contract";
import { limits } from "./limits.js";

/** One SMTP answer: reply code (RFC 5321 §4.2), enhanced status (RFC 3463), text. */
export interface Reply {
  readonly code: number;
  readonly status: string;
  readonly text: string;
}

const codes: Record<SubmissionRefusal["why"], readonly [number, string]> = {
  "no-route": [550, "5.1.2"],
  "unknown-user": [550, "5.1.1"],
  "relay-denied": [554, "5.7.1"],
  "sender-not-owned": [553, "5.7.1"],
  "too-large": [552, "5.3.4"],
  "never-carried": [554, "5.3.4"],
  "over-share": [452, "4.3.1"],
  full: [452, "4.3.1"],
  fault: [451, "4.3.0"],
  malformed: [554, "5.6.0"],
  loop: [554, "5.4.6"],
  stopping: [421, "4.3.2"],
};

/** The answer for a refusal of the core. Only a missing route has two: it may appear later. */
export function refusalReply(refusal: SubmissionRefusal): Reply {
  const [code, status] = codes[refusal.why];
  if (refusal.why === "no-route" && refusal.temporary)
    return { code: 451, status: "4.4.4", text: refusal.text };
  return { code, status, text: refusal.text };
}

/** A reply as smtp-server takes it. */
export class ReplyError extends Error {
  readonly responseCode: number;

  constructor(reply: Reply) {
    super(replyText(reply.status, reply.text));
    this.name = "ReplyError";
    this.responseCode = reply.code;
  }
}

/** Status and text on one printable ASCII line. */
export function replyText(status: string, text: string): string {
  const line = text.replace(/[^\x20-\x7e]+/g, " ").trim();
  return `${status} ${line.slice(0, limits.replyCharsMax)}`;
}
