import { equalBytes } from "./bytes.js";
import type { Agreement, Opening } from "./introduction.js";
import { LINK_LIMITS } from "./limits.js";
import type { NoisePattern } from "./noise.js";

export type Way = "resume" | NoisePattern;

/** A first message of the neighbour, or of somebody who says so, that we answered. */
export interface Candidate {
  readonly way: Way;
  /** Ephemeral key or nonce. */
  readonly token: Uint8Array;
  readonly attempt: number;
  readonly opening: Opening | null;
  readonly answer: readonly Uint8Array[];
  /** Null for XX before the third message. */
  readonly agreement: Agreement | null;
}

/**
 * The handshakes we answered and whose initiator is not proven.
 *
 *   answered ── pending ──(its life is over)──► aged ──(newer ones of its way)──► forgotten
 *
 * A pending one makes us wait for the neighbour; an aged one does not, yet its keys still open what may come:
 * on a channel slower than we think the answer was only late.
 */
export class Candidates {
  private list: { readonly candidate: Candidate; readonly pendingUntilMs: number }[] = [];
  private readonly answered: Uint8Array[] = [];

  constructor(private readonly lifeMs: number) {}

  get agreements(): readonly (Agreement | null)[] {
    return this.list.map(({ candidate }) => candidate.agreement);
  }

  /** Is one so young that its initiator may be about to speak? */
  pending(nowMs: number): boolean {
    return this.list.some(({ pendingUntilMs }) => nowMs < pendingUntilMs);
  }

  withToken(token: Uint8Array): Candidate | undefined {
    return this.list.find(({ candidate }) => equalBytes(candidate.token, token))?.candidate;
  }

  /** Those that wait for a third message of this attempt. A forger can copy the number, so there may be several. */
  awaitingThird(attempt: number): readonly Candidate[] {
    return this.list
      .map(({ candidate }) => candidate)
      .filter((one) => one.attempt === attempt && one.agreement === null);
  }

  /** Was this first message answered, now or earlier in this conversation? */
  wasAnswered(token: Uint8Array): boolean {
    return this.answered.some((old) => equalBytes(old, token));
  }

  /** A flood of one way pushes out candidates of that way only. */
  add(candidate: Candidate, nowMs: number): void {
    const { candidatesPerWayMax, handshakeTokensKeptMax } = LINK_LIMITS;
    const sameWay = this.list.filter((entry) => entry.candidate.way === candidate.way);
    if (sameWay.length >= candidatesPerWayMax) this.list = this.list.filter((entry) => entry !== sameWay[0]);
    this.list.push({ candidate, pendingUntilMs: nowMs + this.lifeMs });
    this.answered.push(candidate.token);
    if (this.answered.length > handshakeTokensKeptMax) this.answered.shift();
  }

  remove(candidate: Candidate): void {
    this.list = this.list.filter((entry) => entry.candidate !== candidate);
  }

  clear(): void {
    this.list = [];
  }
}
