import { OperatingError, ProtocolError } from "@estafette/contract";
import { buildNotice, parseAddress, shrinkMail } from "@estafette/mail";
import { publicIdOf } from "@estafette/protocol";
import type { Failure, MessageRecord, NewDelivery, NewMessage, NewNote, Untold } from "@estafette/spool";
import { type Core, unixSecondsOrNull } from "./core.js";
import { contextOf, ownContext, sealDelivery } from "./deliveries.js";
import { LIMITS } from "./limits.js";
import { noteTowardsOrigin, refusalBytes } from "./notes.js";
import { type Receipts, receiptsFor } from "./receipts.js";
import type { Submissions } from "./submit.js";
import { mailDate } from "./text.js";

/** What is kept in place of "somebody is to be told". */
interface Telling {
  readonly messages: readonly NewMessage[];
  readonly deliveries: readonly NewDelivery[];
  readonly notes: readonly NewNote[];
  readonly last?: Receipts["last"];
}

const NOTHING: Telling = { messages: [], deliveries: [], notes: [] };

/**
 * Tells senders what became of their mail (RFC 3464), and origins what became of their envelopes. The spool keeps, in
 * the commit of each bad end, that somebody is to be told; one telling at a time replaces that by the notice, in one
 * commit again. So a crash loses no notice and repeats none. Never answers a notice, never a stranger more than a
 * little.
 */
export class Notices {
  readonly #outside = new Map<string, number>();
  #telling = false;
  #again = false;
  #stopped = false;

  constructor(
    readonly core: Core,
    readonly submissions: () => Submissions,
  ) {}

  /** Own messages that ended. */
  ended(records: readonly MessageRecord[]): void {
    for (const { submissionId, end, detail } of records)
      this.core.emit({ type: "ended", submissionId, end: end ?? "deleted", detail });
    this.tellSoon();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Tells whoever is still to be told. Calls during a run make one more run. */
  tellSoon(): void {
    this.#again = true;
    if (this.#telling || this.#stopped) return;
    this.#telling = true;
    void this.#tellAll()
      .catch((error: unknown) => this.#troubled(error))
      .finally(() => {
        this.#telling = false;
        if (this.#again) this.tellSoon();
      });
  }

  /** A full store is weather: the next look, at the latest with the next expiry, tries again. */
  #troubled(error: unknown): void {
    this.#again = false;
    const isFull = error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FULL";
    if (isFull) this.core.log("warn", "no room for a notice", { why: error.message });
    else this.core.fail(error, "notices");
  }

  async #tellAll(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const untold = await this.core.spool.untold(LIMITS.tellBatchMax);
      for (const one of untold) {
        if (this.#stopped) return;
        await this.#tell(one);
      }
      if (untold.length > 0) this.#again = true;
    }
  }

  async #tell(untold: Untold): Promise<void> {
    const telling = await this.#tellingFor(untold);
    this.core.faultPoint("notice-before-keep");
    const { noteHops } = await this.core.spool.tell({ ...untold, ...telling });
    this.core.faultPoint("notice-after-keep");
    for (const hop of [...telling.messages.map((m) => m.hop), ...noteHops]) this.core.wake(hop);
    if (telling.deliveries.length > 0) this.core.wakeDeliveries();
  }

  async #tellingFor(untold: Untold): Promise<Telling> {
    if (untold.kind === "envelope") {
      const { envelopeId, end, reason } = untold;
      if (envelopeId === null) return NOTHING;
      const note = await noteTowardsOrigin(
        this.core,
        envelopeId,
        refusalBytes(this.core, envelopeId, end, reason),
      );
      return note ? { ...NOTHING, notes: [note] } : NOTHING;
    }
    return untold.kind === "delivery" && untold.end === "expired"
      ? await this.#expiryOf(untold)
      : this.#noticeFor(untold);
  }

  /**
   * With a receipt asked for and nobody served, the origin tells its sender by its own count: it hears nothing from
   * here. With some served, the receipt goes out now and the sender is told of the others from here.
   */
  async #expiryOf(untold: Untold): Promise<Telling> {
    const { context, key, envelopeId, deliveredCount } = untold;
    const known = key && envelopeId ? contextOf(this.core, { context, key }) : null;
    if (!known?.token || !envelopeId) return this.#noticeFor(untold);
    const now = { done: true, served: deliveredCount > 0, reason: null };
    const { notes, last } = receiptsFor(this.core, envelopeId, known, now);
    return { ...(deliveredCount > 0 ? this.#noticeFor(untold) : NOTHING), notes, last };
  }

  /** Whether a notice from here can be addressed to this sender at all. */
  reaches(sender: string): boolean {
    return parseAddress(sender) !== null;
  }

  #noticeFor(untold: Untold): Telling {
    const { from, submissionId, key, end } = untold;
    if (!parseAddress(from) || untold.failures.length === 0) return NOTHING;
    const about = submissionId || (key ? publicIdOf(key.origin, key.epoch, key.sequence) : "");
    try {
      const mail = this.#mail(
        from,
        about,
        untold.failures.map((f) => ({ ...f, status: f.status ?? (end === "expired" ? "5.4.7" : "5.7.1") })),
      );
      const { by } = this.core.directory.serves(from);
      if (by === "here" || by === "peer") return this.#toMailbox(from, about, mail);
      if (!this.#mayNotifyOutside(from)) return NOTHING;
      // Outside: through the exit gateway, or from here where we are the ones who talk to the internet.
      return by === "exit"
        ? this.#toMailbox(from, about, mail)
        : { ...NOTHING, deliveries: [this.#outsideDelivery(from, mail)] };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.core.log("warn", "notice could not be written", { about, why: error.message });
      return NOTHING;
    }
  }

  #toMailbox(to: string, about: string, mail: Uint8Array): Telling {
    const made = this.submissions().compile({
      account: null,
      from: "",
      to: [to],
      content: { kind: "mail", rfc5322: mail },
      class: "normal",
      lifetimeS: null,
      receipt: false,
    });
    if (!("outcome" in made)) return { messages: made.messages, deliveries: made.deliveries, notes: [] };
    this.core.log("warn", "notice could not be sent", { about, why: made.why });
    return NOTHING;
  }

  #mail(to: string, about: string, failures: readonly (Failure & { readonly status: string })[]): Uint8Array {
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

  #outsideDelivery(to: string, mail: Uint8Array): NewDelivery {
    return sealDelivery(this.core, {
      key: this.core.nextKey(),
      kind: "internet",
      from: "",
      to: [to],
      lifetimeMs: this.core.settings.lifetimeS * 1000,
      envelopeId: null,
      place: null,
      body: shrinkMail(mail),
      context: ownContext("mail"),
    });
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
