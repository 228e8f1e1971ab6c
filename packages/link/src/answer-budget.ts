import { ProtocolError } from "@estafette/contract";
import { equalBytes } from "./bytes.js";
import { LINK_LIMITS } from "./limits.js";

/** Which unauthenticated parcels may still be answered: a first message once, and not too many at a time. */
export class AnswerBudget {
  private readonly answered: Uint8Array[] = [];
  private left: number = LINK_LIMITS.handshakeAnswersBurstMax;

  constructor(private refilledAtMs: number) {}

  /** Takes one answer from the budget; false when there is none. */
  spend(nowMs: number): boolean {
    const refill = ((nowMs - this.refilledAtMs) / 1000) * LINK_LIMITS.handshakeAnswersPerSecond;
    this.refilledAtMs = nowMs;
    this.left = Math.min(this.left + refill, LINK_LIMITS.handshakeAnswersBurstMax);
    if (this.left < 1) return false;
    this.left--;
    return true;
  }

  /** Throws a ProtocolError when this first message must not be answered. */
  spendOn(token: Uint8Array, nowMs: number): void {
    if (this.answered.some((old) => equalBytes(old, token))) {
      throw new ProtocolError("EST_PROTOCOL_STATE", "a first message that was answered before");
    }
    if (!this.spend(nowMs)) throw new ProtocolError("EST_PROTOCOL_STATE", "too many first messages");
  }

  /** This one led to an answer: never again. */
  note(token: Uint8Array): void {
    this.answered.push(token);
    if (this.answered.length > LINK_LIMITS.handshakeTokensKeptMax) this.answered.shift();
  }
}
