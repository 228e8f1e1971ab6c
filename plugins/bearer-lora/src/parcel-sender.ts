import { type BearerHost, type SendResult, sleep } from "@estafette/contract";
import { unlessAborted } from "@estafette/framing";
import type { LoraDriver } from "./driver.js";
import { LORA_LIMITS } from "./limits.js";
import type { ModuleSession } from "./module-session.js";

/** What became of a parcel, and whether the board has it. */
export interface Sent {
  readonly result: SendResult;
  readonly wasTaken: boolean;
}

/** Gives a board one packet and waits until it was on the air: what lies in the board's queue cannot be overtaken, so
 *  there is never more in it than one. */
export class ParcelSender {
  /** Packets given and not yet reported as sent, when we looked last. */
  #waiting: { readonly sentBefore: number } | null = null;

  constructor(
    private readonly session: ModuleSession,
    private readonly driver: LoraDriver,
    private readonly host: Pick<BearerHost, "clock" | "log">,
  ) {}

  async send(payload: Uint8Array, airtimeMs: number, signal: AbortSignal): Promise<Sent> {
    const sentBefore = await this.driver.sentCount(this.session);
    if (this.session.isOver) return { result: GONE, wasTaken: false };
    if (signal.aborted) return { result: timedOut(0), wasTaken: false };
    if (this.#waiting && sentBefore !== null && sentBefore <= this.#waiting.sentBefore)
      return { result: busy(Math.max(BUSY_MS_MIN, 2 * airtimeMs)), wasTaken: false };
    this.#waiting = null;
    const refusal = this.session.expect(({ type }) => type === "full", FULL_MS);
    if (!(await this.session.write(this.driver.encode(payload)))) refusal.cancel();
    const refused = await unlessAborted(refusal, signal);
    if (refused === "gone") return { result: GONE, wasTaken: true };
    if (refused === "aborted") return { result: timedOut(0), wasTaken: true };
    if (refused !== "silent") return { result: busy(BUSY_MS_MIN), wasTaken: false };
    await sleep(this.host.clock, airtimeMs, signal);
    return await this.#untilSent(sentBefore, airtimeMs, signal);
  }

  async #untilSent(sentBefore: number | null, airtimeMs: number, signal: AbortSignal): Promise<Sent> {
    for (let poll = 0; poll < LORA_LIMITS.pollsMax && !signal.aborted; poll++) {
      const sent = sentBefore === null ? null : await this.driver.sentCount(this.session);
      if (this.session.isOver) return { result: timedOut(GONE_MS), wasTaken: true };
      // A board that keeps no count has had the airtime; a lower count is one that restarted.
      if (sent === null || sentBefore === null) return { result: { outcome: "sent" }, wasTaken: true };
      if (sent < sentBefore) return { result: timedOut(GONE_MS), wasTaken: true };
      if (sent > sentBefore) return { result: { outcome: "sent" }, wasTaken: true };
      await sleep(this.host.clock, Math.max(POLL_MS_MIN, airtimeMs / 4), signal);
    }
    if (sentBefore !== null) this.#waiting = { sentBefore };
    this.host.log("debug", "the board still holds a parcel");
    return { result: { outcome: "sent" }, wasTaken: true };
  }
}

function busy(retryAfterMs: number): SendResult {
  return { outcome: "deferred", why: "busy", retryAfterMs };
}

function timedOut(retryAfterMs: number): SendResult {
  return { outcome: "deferred", why: "timeout", retryAfterMs };
}

const GONE_MS = 5_000;
const GONE: SendResult = { outcome: "deferred", why: "no-contact", retryAfterMs: GONE_MS };
const BUSY_MS_MIN = 2_000;
const POLL_MS_MIN = 30;
/** A board says at once that its queue is full. */
const FULL_MS = 20;
