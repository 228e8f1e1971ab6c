import { type AdmissionLevel, nextLevel } from "@estafette/router";
import type { Spool } from "@estafette/spool";
import { LIMITS } from "./limits.js";

/** How full the store is, with hysteresis; one for all who ask, so that submitting and hearing agree. */
export class Admission {
  #level: AdmissionLevel = "open";
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(readonly spool: Spool) {}

  /** At most {@link LIMITS.admissionHoldsMs} old. */
  async level(): Promise<AdmissionLevel> {
    const nowMs = this.spool.nowMs();
    if (nowMs < this.#lookedAtMs + LIMITS.admissionHoldsMs) return this.#level;
    this.#lookedAtMs = nowMs;
    return await this.look();
  }

  /** As it is now. */
  async look(): Promise<AdmissionLevel> {
    this.#level = nextLevel(this.#level, (await this.spool.stats()).fill);
    return this.#level;
  }
}
