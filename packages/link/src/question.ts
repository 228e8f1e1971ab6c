import type { Session } from "./session.js";

/** A question asked of the neighbour: due, or asked and answered before `deadlineMs`. */
export interface Question {
  due: boolean;
  deadlineMs: number | null;
  /** In which burst of ours it was asked last. */
  askedBurst: number;
  tries: number;
}

/** What filling a parcel needs to know. */
export interface FillContext {
  readonly session: Session;
  readonly burst: number;
  readonly roomBytes: number;
  /** When a question asked now for the `tries`-th time has waited long enough. */
  readonly deadlineMs: (tries: number) => number;
}

/** What of ours went into a parcel. */
export interface Filled {
  asked: boolean;
  /** Urgency of the most urgent OFFER in it whose answer we wait for. */
  offered: number;
  /** Urgency of the most urgent transfer in it that now waits for an answer. */
  asking: number;
}

const NEVER_BURST = -1;
export const freshQuestion = (): Question => ({
  due: true,
  deadlineMs: null,
  askedBurst: NEVER_BURST,
  tries: 0,
});

export const isDue = (question: Question, burst: number): boolean =>
  question.due && question.askedBurst !== burst;

export function markAsked(question: Question, context: FillContext): void {
  question.due = false;
  question.askedBurst = context.burst;
  question.deadlineMs = context.deadlineMs(question.tries);
}

/** What has waited in vain becomes due again; true if it had. `inVain`: the burst that is known to have no answer. */
export function expired(question: Question, nowMs: number, inVain: number | null): boolean {
  if (question.deadlineMs === null) return false;
  if (nowMs < question.deadlineMs && question.askedBurst !== inVain) return false;
  question.deadlineMs = null;
  question.due = true;
  question.tries++;
  return true;
}
