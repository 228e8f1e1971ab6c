import { type BearerHost, ProtocolError, type SendResult, sleep } from "@estafette/contract";
import type { RockBlockConfig } from "./config-shore.js";
import { SBD_LIMITS } from "./limits.js";
import { decodeHook, decodeMtAnswer, encodeMtForm } from "./rockblock.js";
import type { Operator } from "./shore-bearer.js";
import type { ShoreInbox } from "./shore-inbox.js";
import { postForm, servePosts, type WebPost } from "./web.js";

/** The reseller's web service: it posts messages from ships to our hook, and we post messages for them to it. */
export class RockBlockOperator implements Operator {
  constructor(
    private readonly config: RockBlockConfig,
    private readonly host: BearerHost,
  ) {}

  serve(inbox: ShoreInbox, signal: AbortSignal): Promise<void> {
    const onBound = (port: number): void => this.host.log("info", "listening for the web hook", { port });
    return servePosts(this.config.listen, signal, (post) => this.#hook(post, inbox), onBound);
  }

  /** 200 only after the commit. Later than its three seconds the service posts again, and finds it done then. */
  async #hook({ path, contentType, body }: WebPost, inbox: ShoreInbox): Promise<number> {
    if (path !== this.config.path) return 404;
    try {
      const { imei, momsn, payload } = decodeHook(contentType, body);
      if (!this.config.imeis.includes(imei)) {
        this.host.log("warn", "a message from a modem nobody configured", { imei });
        return 200; // sending it again would not make it ours
      }
      if (payload.length === 0) return 200;
      return (await this.#inTime(inbox.take(imei, momsn, payload))) ? 200 : 503;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.host.log("info", error.message);
      return 400;
    }
  }

  async #inTime(kept: Promise<boolean>): Promise<boolean> {
    const answered = new AbortController();
    const late = sleep(this.host.clock, SBD_LIMITS.webAnswerMsMax, answered.signal).then(() => false);
    const result = await Promise.race([kept, late]);
    answered.abort();
    return result;
  }

  async submit(imei: string, payload: Uint8Array, signal: AbortSignal): Promise<SendResult> {
    const { service, username, password } = this.config;
    const { status, text } = await postForm(
      service,
      encodeMtForm({ username, password }, imei, payload),
      signal,
    );
    try {
      const { result, say } = decodeMtAnswer(text);
      if (result.outcome !== "acknowledged") this.host.log("warn", say, { imei });
      return result;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.host.log("warn", error.message, { status });
      return { outcome: "deferred", why: "busy", retryAfterMs: 60_000 };
    }
  }
}
