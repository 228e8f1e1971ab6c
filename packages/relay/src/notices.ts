import type { DeliveryResult } from "@estafette/contract";
import { buildNotice, shrinkMail } from "@estafette/mail";
import { publicIdOf } from "@estafette/protocol";
import type { DeliveryRecord, MessageRecord } from "@estafette/spool";
import { type Core, unixSecondsOrNull } from "./core.js";
import { sealDelivery } from "./deliveries.js";
import { LIMITS } from "./limits.js";
import type { Submissions } from "./submit.js";
import { mailDate } from "./text.js";

interface Failure {
  readonly recipient: string;
  readonly status: string;
  readonly detail: string;
}

/** Tells senders what became of their mail (RFC 3464). Never answers a notice, never a stranger more than a little. */
export class Notices {
  readonly #outside = new Map<string, number>();

  constructor(
    readonly core: Core,
    readonly submissions: () => Submissions,
  ) {}

  /** Own messages that ended: those that did not arrive are reported to their senders. */
  async ended(records: readonly MessageRecord[]): Promise<void> {
    for (const record of records) {
      const end = record.end ?? "deleted";
      this.core.emit({ type: "ended", submissionId: record.submissionId, end, detail: record.detail });
      if (end !== "expired" && end !== "refused") continue;
      const status = end === "expired" ? "5.4.7" : "5.7.1";
      await this.#send(
        record.from,
        record.submissionId,
        record.to.map((recipient) => ({ recipient, status, detail: record.detail })),
      );
    }
  }

  /** Recipients a mailbox or mail server here refused for good. */
  async refusedAtDestination(
    record: DeliveryRecord,
    refused: readonly string[],
    result: DeliveryResult,
  ): Promise<void> {
    const failures = refused.map((recipient): Failure => {
      const verdict = result.recipients[record.pending.indexOf(recipient)];
      return {
        recipient,
        status: verdict?.outcome === "refused" ? verdict.status : "5.0.0",
        detail: verdict?.detail ?? "",
      };
    });
    await this.#send(record.from, this.#idOf(record), failures);
  }

  /** Deliveries that could not be handed over within their lifetime. */
  async expiredDeliveries(records: readonly DeliveryRecord[]): Promise<void> {
    for (const record of records) {
      const failures = record.pending.map((recipient) => ({
        recipient,
        status: "4.4.7",
        detail: record.detail || "expired while waiting for the mailbox",
      }));
      await this.#send(record.from, this.#idOf(record), failures);
    }
  }

  #idOf(record: DeliveryRecord): string {
    return publicIdOf(record.key.origin, record.key.epoch, record.key.sequence);
  }

  async #send(to: string, about: string, failures: readonly Failure[]): Promise<void> {
    if (to === "" || failures.length === 0) return;
    const served = this.core.directory.serves(to);
    const mail = this.#mail(to, about, failures);
    if (served.by === "exit" && !this.#mayNotifyOutside(to)) return;
    if (served.by !== "nobody") {
      const notice = { account: null, from: "", to: [to], content: { kind: "mail", rfc5322: mail } } as const;
      const result = await this.submissions().submit(
        { ...notice, class: "normal", lifetimeS: null, receipt: false },
        true,
      );
      if (result.outcome === "refused")
        this.core.log("warn", "notice could not be sent", { about, why: result.why });
    } else if (this.#mayNotifyOutside(to)) {
      await this.#deliverOutside(to, mail);
    }
  }

  #mail(to: string, about: string, failures: readonly Failure[]): Uint8Array {
    const { name, domains } = this.core.settings;
    const { origin, epoch, sequence } = this.core.nextKey();
    const nowS = unixSecondsOrNull(this.core.clock);
    return buildNotice({
      reportingDomain: domains[0] ?? `${name}.invalid`,
      to,
      recipients: failures.map((f) => ({
        address: f.recipient,
        action: "failed" as const,
        status: f.status,
        reason: f.detail,
      })),
      advice: "Check the address and send it again, or ask the operator of this gateway.",
      subject: "",
      originalMessageId: "",
      queueId: about,
      noticeId: `${publicIdOf(origin, epoch, sequence)}.${epoch}.${sequence}`,
      date: mailDate(nowS ?? 0),
    });
  }

  async #deliverOutside(to: string, mail: Uint8Array): Promise<void> {
    const delivery = sealDelivery(this.core, {
      key: this.core.nextKey(),
      kind: "internet",
      from: "",
      to: [to],
      lifetimeMs: this.core.settings.lifetimeS * 1000,
      envelopeId: null,
      body: shrinkMail(mail),
      context: { bodyKind: "mail", path: "", verified: true, token: null, stage: null, createdUnixS: null },
    });
    await this.core.spool.acceptArrival({ envelope: null, deliveries: [delivery], notes: [] });
    this.core.wakeDeliveries();
  }

  /** At most a few notices per day to an address outside: it may be forged (backscatter). */
  #mayNotifyOutside(to: string): boolean {
    const day = Math.floor(this.core.spool.nowMs() / 86_400_000);
    const name = `${day} ${to.toLowerCase()}`;
    const sent = this.#outside.get(name) ?? 0;
    if (sent >= LIMITS.outsideNoticesPerDayMax) return false;
    const oldest = this.#outside.keys().next().value;
    if (this.#outside.size >= LIMITS.outsideSendersMax && oldest !== undefined) this.#outside.delete(oldest);
    this.#outside.set(name, sent + 1);
    return true;
  }
}
