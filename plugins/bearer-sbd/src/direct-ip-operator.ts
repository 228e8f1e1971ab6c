import { type BearerHost, type ByteLink, ProtocolError, type SendResult } from "@estafette/contract";
import type { DirectIpConfig } from "./config-shore.js";
import {
  DirectIpReader,
  decodeMoMessage,
  decodeMtStatus,
  encodeConfirmation,
  encodeMtMessage,
} from "./direct-ip.js";
import { SBD_LIMITS } from "./limits.js";
import type { Operator } from "./shore-bearer.js";
import type { ShoreInbox } from "./shore-inbox.js";

/** The operator over DirectIP: he calls `listen` with messages from ships, we call `gateway` with messages for them. */
export class DirectIpOperator implements Operator {
  #callers = 0;

  constructor(
    private readonly config: DirectIpConfig,
    private readonly host: BearerHost,
  ) {}

  async serve(inbox: ShoreInbox, signal: AbortSignal): Promise<void> {
    const listener = await this.host.listen(`tcp:${this.config.listen}`, signal);
    const close = (): void => listener.close();
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    try {
      for await (const link of listener.links) {
        if (this.#callers < SBD_LIMITS.callersMax) void this.#serveOne(link, inbox, signal);
        else link.close();
      }
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  }

  async #serveOne(link: ByteLink, inbox: ShoreInbox, signal: AbortSignal): Promise<void> {
    this.#callers++;
    try {
      await this.#limited(link, signal, async () => {
        const bytes = await wholeMessage(link);
        if (bytes) await link.write(encodeConfirmation(await this.#judge(bytes, inbox)));
      });
    } catch (error) {
      // Garbage, a caller that hung up, or one that does not wait for confirmations.
      this.host.log("debug", "a DirectIP call ended early", { remote: link.remote, error: String(error) });
    } finally {
      this.#callers--;
    }
  }

  async #judge(bytes: Uint8Array, inbox: ShoreInbox): Promise<boolean> {
    const { imei, momsn, payload } = decodeMoMessage(bytes);
    if (!this.config.imeis.includes(imei)) {
      this.host.log("warn", "a message from a modem nobody configured", { imei });
      return true; // sending it again would not make it ours
    }
    return payload && payload.length > 0 ? await inbox.take(imei, momsn, payload) : true;
  }

  async submit(imei: string, payload: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    const link = await this.host.open(`tcp:${this.config.gateway}`, signal);
    const id = this.host.rng.bytes(4);
    const status = await this.#limited(link, signal, async () => {
      await link.write(encodeMtMessage(id, imei, payload));
      const answer = await wholeMessage(link);
      return answer && decodeMtStatus(answer, id);
    }).catch((error: unknown) => {
      if (error instanceof ProtocolError) return -7;
      throw error;
    });
    return status === null
      ? { outcome: "deferred", why: "timeout", retryAfterMs: 0 }
      : this.#resultOf(status, imei);
  }

  #resultOf(status: number, imei: string): SendResult {
    if (status >= 0) return { outcome: "acknowledged" };
    const { say, result } = REFUSALS[status] ?? OTHER_REFUSAL;
    this.host.log("warn", say, { imei, status });
    return result;
  }

  /** Runs one exchange; after its time, or when told to stop, the connection is closed, which ends it. */
  async #limited<Value>(link: ByteLink, signal: AbortSignal, act: () => Promise<Value>): Promise<Value> {
    const close = (): void => link.close();
    const stop = this.host.clock.timer(SBD_LIMITS.exchangeMsMax, close);
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    try {
      return await act();
    } finally {
      stop();
      signal.removeEventListener("abort", close);
      close();
    }
  }
}

/** Null: the caller closed before the end. Throws ProtocolError. */
async function wholeMessage(link: ByteLink): Promise<Uint8Array | null> {
  const reader = new DirectIpReader();
  for await (const chunk of link.readable) {
    const message = reader.push(chunk);
    if (message) return message;
  }
  return null;
}

type Refusal = { readonly say: string; readonly result: SendResult };

function later(say: string, retryAfterMs: number): Refusal {
  return { say, result: { outcome: "deferred", why: "busy", retryAfterMs } };
}

const NOBODY: SendResult = { outcome: "refused", why: "unknown-neighbour" };
const HOUR_MS = 3_600_000;
/** Negative statuses of the MT confirmation. */
const REFUSALS: Readonly<Record<number, Refusal>> = {
  [-1]: { say: "the operator finds the modem's number malformed", result: NOBODY },
  [-2]: { say: "the operator does not know this modem", result: NOBODY },
  [-3]: { say: "the operator finds a message too large", result: { outcome: "refused", why: "too-large" } },
  [-5]: later("the modem's queue at the operator is full", 600_000),
  [-6]: later("the operator has no resources now", 60_000),
  [-8]: later("ring alerts are disabled for this modem", HOUR_MS),
  [-9]: later("the modem is not attached to a gateway", 600_000),
  [-10]: later("the operator does not accept calls from our address", HOUR_MS),
};
const OTHER_REFUSAL = later("the operator did not understand a message", 60_000);
