import {
  type Bridge,
  type DeliveryKind,
  type DeliveryResult,
  OperatingError,
  ProtocolError,
  type RecipientResult,
  sleep,
} from "@estafette/contract";
import { rebuildMail } from "@estafette/mail";
import { publicIdOf, RECEIPT_REASONS } from "@estafette/protocol";
import { retryDelayMs } from "@estafette/router";
import type { DeliveryRecord, Failure, MessageKey, NewDelivery } from "@estafette/spool";
import { type Core, keyText } from "./core.js";
import { LIMITS } from "./limits.js";

import type { Notices } from "./notices.js";
import { NO_RECEIPTS, receiptsFor } from "./receipts.js";
import { renderText } from "./text.js";

/** What a delivery must remember besides its body; JSON, sealed at rest. */
export interface DeliveryContext {
  readonly bodyKind: "mail" | "text" | "notice";
  readonly path: string;
  readonly verified: boolean;
  /** Token of its envelope, to be revealed when it was handed over, as hex; null: no receipt was asked for. */
  readonly token: string | null;
  /** Which message of its envelope it is, from 0; null: the only one. */
  readonly place: number | null;
  /** Neighbour the envelope came from, as hex; null: it is a message of ours. */
  readonly from: string | null;
  readonly createdUnixS: number | null;
}

/** Of what never travelled: mail between users here, and notices. */
export function ownContext(bodyKind: "mail" | "text"): DeliveryContext {
  return { bodyKind, path: "", verified: true, token: null, place: null, from: null, createdUnixS: null };
}

export interface PlainDelivery extends Omit<NewDelivery, "body" | "context"> {
  readonly body: Uint8Array;
  readonly context: DeliveryContext;
}

export function sealDelivery(core: Core, plain: PlainDelivery): NewDelivery {
  const place = `delivery/${keyText(plain.key)}`;
  const context = new TextEncoder().encode(JSON.stringify(plain.context));
  return {
    ...plain,
    body: core.vault.seal(plain.body, place),
    context: core.vault.seal(context, `${place}/context`),
  };
}

export function contextOf(
  core: Core,
  record: Pick<DeliveryRecord, "context" | "key">,
): DeliveryContext | null {
  if (record.context.length === 0) return null; // it left the disk when the delivery ended
  const bytes = core.vault.open(record.context, `delivery/${keyText(record.key)}/context`);
  return JSON.parse(new TextDecoder().decode(bytes)) as DeliveryContext;
}

/** The complete mail, the same bytes at every attempt. Null when it is no longer here. */
export async function mailOf(core: Core, record: DeliveryRecord): Promise<Uint8Array | null> {
  const sealed = await core.spool.deliveryBody(record.deliveryId);
  if (!sealed) return null;
  const body = core.vault.open(sealed, `delivery/${keyText(record.key)}`);
  const context = contextOf(core, record);
  if (!context) return null;
  if (context.bodyKind === "text") return renderText(body, { record, context, gateway: core.settings.name });
  const headers = [{ name: "X-Estafette-Id", value: stableId(record.key) }];
  if (context.path)
    headers.push({
      name: "X-Estafette-Path",
      value: `${context.verified ? "verified" : "unverified"}; ${context.path}`,
    });
  return rebuildMail(body, { extraHeaders: headers });
}

/** What a mailbox deduplicates on: the message id, never an attempt. */
export function stableId(key: MessageKey): string {
  return `${publicIdOf(key.origin, key.epoch, key.sequence)}.${keyText(key).replaceAll("/", ".")}`;
}

/** Hands what arrived to the bridges: begin (commit) → hand over → settle (commit). */
export class Deliveries {
  readonly #bridges = new Map<DeliveryKind, { readonly name: string; readonly bridge: Bridge }>();
  readonly #busy = new Map<number, Promise<void>>();
  readonly #abort = new AbortController();
  #cancelTimer: (() => void) | null = null;
  #sweeping = false;
  #again = false;
  /** Mails being handed over, in bytes; and those begun whose bytes are not known yet. */
  #bytesInHand = 0;
  #unread = 0;

  constructor(
    readonly core: Core,
    readonly notices: Notices,
  ) {}

  addBridge(name: string, bridge: Bridge): void {
    for (const kind of bridge.delivers) this.#bridges.set(kind, { name, bridge });
  }

  hasBridgeFor(kind: DeliveryKind): boolean {
    return this.#bridges.has(kind);
  }

  /** Looks for due deliveries now; wakes itself for those due later. */
  wake(): void {
    if (this.#abort.signal.aborted) return;
    this.#again = true;
    if (this.#sweeping) return;
    this.#sweeping = true;
    void this.#sweep().finally(() => {
      this.#sweeping = false;
      if (this.#again) this.wake();
    });
  }

  /** Bridges are told to leave off; what they answer is still recorded, so that nothing is handed over twice. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer?.();
    const patience = new AbortController();
    const tooLong = sleep(this.core.clock, LIMITS.stopPatienceMs, patience.signal);
    await Promise.race([Promise.all(this.#busy.values()), tooLong]);
    patience.abort();
  }

  async #sweep(): Promise<void> {
    try {
      this.#again = false;
      if (this.#bytesInHand >= LIMITS.deliveryBytesAtOnceMax) return; // the next one that ends looks again
      const free = Math.min(
        LIMITS.deliveriesAtOnceMax - this.#busy.size,
        LIMITS.deliveriesUnreadMax - this.#unread,
      );
      if (free <= 0) return;
      const { due, nextAtMs } = await this.core.spool.dueDeliveries(free + this.#busy.size);
      for (const record of due.filter((d) => !this.#busy.has(d.deliveryId)).slice(0, free))
        this.#begin(record);
      this.#cancelTimer?.();
      if (nextAtMs !== null && !this.#abort.signal.aborted) {
        const delayMs = Math.min(Math.max(nextAtMs - this.core.spool.nowMs(), 1), 3_600_000);
        this.#cancelTimer = this.core.clock.timer(delayMs, () => this.wake());
      }
    } catch (error) {
      this.core.fail(error, "deliveries");
    }
  }

  #begin(record: DeliveryRecord): void {
    // What fails here is the store or our own code: it stays busy, so that it is not tried again at once for ever.
    const attempt = this.#attempt(record)
      .then(() => {
        this.#busy.delete(record.deliveryId);
        this.wake();
      })
      .catch((error: unknown) => this.core.fail(error, "delivery"));
    this.#busy.set(record.deliveryId, attempt);
  }

  async #attempt(record: DeliveryRecord): Promise<void> {
    const target = this.#bridges.get(record.kind);
    const mail = target ? await this.#readable(record) : null;
    if (!target || !mail) {
      const detail = target ? "its body can no longer be read" : `no bridge hands over to: ${record.kind}`;
      const refused = { outcome: "refused", status: "5.3.5", detail } as const;
      return await this.#settle(record, { recipients: record.pending.map(() => refused) }, "", false);
    }
    this.#bytesInHand += mail.length;
    this.wake(); // its size is known now: there may be room for more
    try {
      await this.#deliver(target, record, mail);
    } finally {
      this.#bytesInHand -= mail.length;
    }
  }

  async #deliver(
    target: { readonly name: string; readonly bridge: Bridge },
    record: DeliveryRecord,
    mail: Uint8Array,
  ): Promise<void> {
    try {
      await this.core.spool.beginDelivery(record.deliveryId);
    } catch (error) {
      if (error instanceof ProtocolError) return; // it ended meanwhile
      throw error;
    }
    this.core.faultPoint("delivery-before-handover");
    const { result, uncertain } = await this.#handOver(target.bridge, record, mail);
    this.core.faultPoint("delivery-after-handover");
    await this.#settle(record, result, target.name, uncertain);
  }

  /** Null when the body was altered on disk or cannot be rebuilt: its sender is told, the rest goes on. */
  async #readable(record: DeliveryRecord): Promise<Uint8Array | null> {
    this.#unread++;
    try {
      return await mailOf(this.core, record);
    } catch (error) {
      if (isStoreFault(error)) throw error;
      this.core.log("warn", "a delivery cannot be read", {
        delivery: stableId(record.key),
        why: String(error),
      });
      return null;
    } finally {
      this.#unread--;
    }
  }

  /** `uncertain`: the bridge never said how it ended, so the outside may have taken it. */
  async #handOver(
    bridge: Bridge,
    record: DeliveryRecord,
    rfc5322: Uint8Array,
  ): Promise<{ readonly result: DeliveryResult; readonly uncertain: boolean }> {
    const { kind, from, pending } = record;
    const patience = new AbortController();
    const delivery = {
      deliveryId: stableId(record.key),
      kind,
      from,
      to: pending,
      rfc5322,
      possibleDuplicate: record.uncertain,
    };
    const timedOut = sleep(this.core.clock, LIMITS.deliveryTimeoutMs, patience.signal).then(() => ({
      result: deferAll(pending, "the bridge did not answer in time"),
      uncertain: true,
    }));
    const answered = (async () => ({
      result: await bridge.deliver(delivery, this.#abort.signal),
      uncertain: false,
    }))();
    try {
      return await Promise.race([answered, timedOut]);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { result: deferAll(pending, detail), uncertain: true };
    } finally {
      patience.abort();
    }
  }

  async #settle(
    record: DeliveryRecord,
    result: DeliveryResult,
    bridge: string,
    uncertain: boolean,
  ): Promise<void> {
    const of = (outcome: RecipientResult["outcome"]): string[] =>
      record.pending.filter((_, i) => (result.recipients[i]?.outcome ?? "deferred") === outcome);
    const delivered = of("delivered");
    const refused = of("refused");
    const done = of("deferred").length === 0;
    const detail = result.recipients
      .map((r) => r.detail)
      .join("; ")
      .slice(0, 500);
    const told = this.notices.reaches(record.from);
    const failures = told ? failuresOf(record, result) : [];
    const context = this.#contextOrNull(record);
    const now = {
      done,
      served: delivered.length + record.deliveredCount > 0,
      reason: told ? reasonOf(failures) : RECEIPT_REASONS.none,
    };
    const { envelopeId } = record;
    const { notes, last } =
      context && envelopeId ? receiptsFor(this.core, envelopeId, context, now) : NO_RECEIPTS;
    const settled = await this.core.spool.settleDelivery(record.deliveryId, {
      delivered,
      refused,
      retryAtMs: done ? null : this.core.spool.nowMs() + this.#delayMs(record, result),
      detail: done && delivered.length > 0 ? `${wayOf(context)}${detail}` : detail,
      notes,
      last,
      failures,
      uncertain,
    });
    this.core.faultPoint("delivery-after-settle");
    if (delivered.length > 0) {
      const { from, key } = record;
      const messageId = stableId(key);
      this.core.emit({ type: "delivered", bridge, from, to: delivered, messageId, detail });
    }
    if (refused.length > 0) this.notices.tellSoon();
    for (const hop of settled.noteHops) this.core.wake(hop);
  }

  #delayMs(record: DeliveryRecord, result: DeliveryResult): number {
    const chance = this.core.rng.bytes(1)[0] ?? 0;
    return Math.max(
      retryDelayMs(record.attempts + 1, chance / 256, this.core.settings.retryS),
      ...result.recipients.map((r) => (r.outcome === "deferred" ? r.retryAfterMs : 0)),
    );
  }

  /** Null when it was altered on disk: then no receipt can be made. */
  #contextOrNull(record: DeliveryRecord): DeliveryContext | null {
    try {
      return contextOf(this.core, record);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return null;
    }
  }
}

/** What a trace still shows when the context has left the disk with the mail. */
function wayOf(context: DeliveryContext | null): string {
  return context?.path ? `${context.verified ? "verified" : "unverified"} path ${context.path}; ` : "";
}

function failuresOf(record: DeliveryRecord, result: DeliveryResult): readonly Failure[] {
  return record.pending.flatMap((recipient, i) => {
    const verdict = result.recipients[i];
    if (verdict?.outcome !== "refused") return [];
    return [{ recipient, status: verdict.status, detail: verdict.detail }];
  });
}

function reasonOf(failures: readonly Failure[]): number {
  const unknown = failures.every((f) => f.status === "5.1.1");
  return unknown ? RECEIPT_REASONS["unknown-user"] : RECEIPT_REASONS["remote-refused"];
}

function deferAll(recipients: readonly string[], detail: string): DeliveryResult {
  return { recipients: recipients.map(() => ({ outcome: "deferred", detail, retryAfterMs: 0 })) };
}

/** True for a failure of the store, which stops the node. */
function isStoreFault(error: unknown): boolean {
  return error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FAULT";
}
