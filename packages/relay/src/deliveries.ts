import {
  type Bridge,
  type DeliveryKind,
  type DeliveryResult,
  OperatingError,
  type RecipientResult,
  sleep,
} from "@estafette/contract";
import { rebuildMail } from "@estafette/mail";
import {
  encodeAck,
  encodeReceipt,
  fromHex,
  makeAck,
  publicIdOf,
  RECEIPT_REASONS,
  signReceipt,
} from "@estafette/protocol";
import { retryDelayMs } from "@estafette/router";
import type { DeliveryRecord, MessageKey, NewDelivery, NewNote } from "@estafette/spool";
import { type Core, keyText } from "./core.js";
import { LIMITS } from "./limits.js";
import { noteTowardsOrigin } from "./notes.js";
import type { Notices } from "./notices.js";
import { renderText } from "./text.js";

/** What a delivery must remember besides its body; JSON, sealed at rest. */
export interface DeliveryContext {
  readonly bodyKind: "mail" | "text" | "notice";
  readonly path: string;
  readonly verified: boolean;
  /** Token to reveal when handed over, as hex; null: no receipt was asked for. */
  readonly token: string | null;
  readonly stage: "final" | null;
  readonly createdUnixS: number | null;
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

function contextOf(core: Core, record: DeliveryRecord): DeliveryContext {
  const bytes = core.vault.open(record.context, `delivery/${keyText(record.key)}/context`);
  return JSON.parse(new TextDecoder().decode(bytes)) as DeliveryContext;
}

/** The complete mail, the same bytes at every attempt. Null when it is no longer here. */
export async function mailOf(core: Core, record: DeliveryRecord): Promise<Uint8Array | null> {
  const sealed = await core.spool.deliveryBody(record.deliveryId);
  if (!sealed) return null;
  const body = core.vault.open(sealed, `delivery/${keyText(record.key)}`);
  const context = contextOf(core, record);
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
  readonly #busy = new Set<number>();
  readonly #abort = new AbortController();
  #cancelTimer: (() => void) | null = null;
  #sweeping = false;
  #again = false;

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

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer?.();
  }

  async #sweep(): Promise<void> {
    try {
      this.#again = false;
      const free = LIMITS.deliveriesAtOnceMax - this.#busy.size;
      if (free <= 0) return;
      const { due, nextAtMs } = await this.core.spool.dueDeliveries(
        LIMITS.deliveriesAtOnceMax + this.#busy.size,
      );
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
    this.#busy.add(record.deliveryId);
    // What fails here is the store or our own code: it stays busy, so that it is not tried again at once for ever.
    void this.#attempt(record)
      .then(() => {
        this.#busy.delete(record.deliveryId);
        this.wake();
      })
      .catch((error: unknown) => this.core.fail(error, "delivery"));
  }

  async #attempt(record: DeliveryRecord): Promise<void> {
    const target = this.#bridges.get(record.kind);
    const mail = target ? await this.#readable(record) : null;
    if (!target || !mail) {
      const detail = target ? "its body can no longer be read" : `no bridge hands over to: ${record.kind}`;
      const refused = { outcome: "refused", status: "5.3.5", detail } as const;
      return await this.#settle(record, { recipients: record.pending.map(() => refused) }, "");
    }
    await this.core.spool.beginDelivery(record.deliveryId);
    this.core.faultPoint("delivery-before-handover");
    const result = await this.#handOver(target.bridge, record, mail);
    this.core.faultPoint("delivery-after-handover");
    await this.#settle(record, result, target.name);
  }

  /** Null when the body was altered on disk or cannot be rebuilt: its sender is told, the rest goes on. */
  async #readable(record: DeliveryRecord): Promise<Uint8Array | null> {
    try {
      return await mailOf(this.core, record);
    } catch (error) {
      if (isStoreFault(error)) throw error;
      this.core.log("warn", "a delivery cannot be read", {
        delivery: stableId(record.key),
        why: String(error),
      });
      return null;
    }
  }

  async #handOver(bridge: Bridge, record: DeliveryRecord, rfc5322: Uint8Array): Promise<DeliveryResult> {
    const { kind, from, pending, uncertain } = record;
    const patience = new AbortController();
    const delivery = {
      deliveryId: stableId(record.key),
      kind,
      from,
      to: pending,
      rfc5322,
      possibleDuplicate: uncertain,
    };
    const timedOut = sleep(this.core.clock, LIMITS.deliveryTimeoutMs, patience.signal).then(
      (): DeliveryResult => deferAll(pending, "the bridge did not answer in time"),
    );
    try {
      return await Promise.race([bridge.deliver(delivery, this.#abort.signal), timedOut]);
    } catch (error) {
      return deferAll(pending, error instanceof Error ? error.message : String(error));
    } finally {
      patience.abort();
    }
  }

  async #settle(record: DeliveryRecord, result: DeliveryResult, bridge: string): Promise<void> {
    const of = (outcome: RecipientResult["outcome"]): string[] =>
      record.pending.filter((_, i) => (result.recipients[i]?.outcome ?? "deferred") === outcome);
    const delivered = of("delivered");
    const refused = of("refused");
    const deferred = of("deferred");
    const chance = this.core.rng.bytes(1)[0] ?? 0;
    const delayMs = Math.max(
      retryDelayMs(record.attempts + 1, chance / 256, this.core.settings.retryS),
      ...result.recipients.map((r) => (r.outcome === "deferred" ? r.retryAfterMs : 0)),
    );
    const detail = result.recipients
      .map((r) => r.detail)
      .join("; ")
      .slice(0, 500);
    const done = deferred.length === 0;
    const failedWhole = done && refused.length === record.to.length;
    const notes = done ? await this.#receiptNotes(record, failedWhole) : [];
    // The origin tells its user when all failed and it still holds the message; otherwise we do, before the commit:
    // a power cut between may tell twice, never not at all.
    if (refused.length > 0 && !(failedWhole && notes.length > 0))
      await this.notices.refusedAtDestination(record, refused, result);
    await this.core.spool.settleDelivery(record.deliveryId, {
      delivered,
      refused,
      retryAtMs: done ? null : this.core.spool.nowMs() + delayMs,
      detail: done && delivered.length > 0 ? `${wayOf(this.core, record)}${detail}` : detail,
      notes,
    });
    this.core.faultPoint("delivery-after-settle");
    if (delivered.length > 0)
      this.core.emit({
        type: "delivered",
        bridge,
        from: record.from,
        to: delivered,
        messageId: stableId(record.key),
        detail,
      });
    for (const note of notes) this.core.wake(note.hop);
  }

  /** The proof that ends the message at its origin; a signed refusal when no recipient took it. */
  async #receiptNotes(record: DeliveryRecord, failedWhole: boolean): Promise<readonly NewNote[]> {
    const { token, stage } = contextOf(this.core, record);
    const id = record.envelopeId;
    if (!token || !stage || !id) return [];
    const reason = RECEIPT_REASONS[record.kind === "mailbox" ? "unknown-user" : "remote-refused"];
    const bytes = failedWhole
      ? encodeReceipt(signReceipt({ id, outcome: "refused", reason }, this.core.identity))
      : encodeAck(makeAck(id, stage, fromHex(token)));
    const note = await noteTowardsOrigin(this.core, id, bytes);
    return note ? [note] : [];
  }
}

/** What a trace still shows when the context has left the disk with the mail. */
function wayOf(core: Core, record: DeliveryRecord): string {
  const { path, verified } = contextOf(core, record);
  return path ? `${verified ? "verified" : "unverified"} path ${path}; ` : "";
}

function deferAll(recipients: readonly string[], detail: string): DeliveryResult {
  return { recipients: recipients.map(() => ({ outcome: "deferred", detail, retryAfterMs: 0 })) };
}

/** True for a failure of the store, which stops the node. */
function isStoreFault(error: unknown): boolean {
  return error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FAULT";
}
