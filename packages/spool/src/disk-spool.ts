import { invariant, ProtocolError } from "@estafette/contract";
import { DamagedBody } from "./bodies.js";
import type { Row } from "./connection.js";
import { toRecord as toDelivery } from "./delivery-table.js";
import { toRecord as toEnvelope } from "./envelope-table.js";
import { diskFault } from "./files.js";
import type { GroupCommit } from "./group-commit.js";
import * as joining from "./joining.js";
import * as keeping from "./keeping.js";
import { SPOOL_LIMITS } from "./limits.js";
import { toRecord as toMessage } from "./message-table.js";
import { PartialTable } from "./partial-table.js";
import type * as api from "./records.js";
import * as settling from "./settling.js";
import type { Spool } from "./spool.js";
import type { Store } from "./store.js";
import type { Tables } from "./tables.js";

type Item = Parameters<typeof settling.quarantine>[1];

/** What opening a store put together. */
export interface Parts {
  readonly store: Store;
  readonly tables: Tables;
  readonly group: GroupCommit;
  /** 0…1, see Quota. */
  fill(): number;
  /** Closes the database and lets go of the directory. `whole`: all is copied back first; `faulty`: nothing more
   *  is written; `cut`: the lock stays behind too, as after a power cut. */
  shut(how: "whole" | "faulty" | "cut"): void;
}

/** The durable store on SQLite. Made by {@link openSpool}. */
export class DiskSpool implements Spool {
  private isShut = false;
  private forgetAgainMs = 0;
  /** When something expires, as of the change with this number. */
  private nextExpiry = { atMs: 0, changes: -1 };
  private readonly tables: Tables;
  private readonly group: GroupCommit;

  constructor(private readonly parts: Parts) {
    this.tables = parts.tables;
    this.group = parts.group;
  }

  nowMs(): number {
    return this.parts.store.nowMs();
  }

  // ── keep ──────────────────────────────────────────────────────────────────────────────────────────────
  acceptMessages(
    messages: readonly api.NewMessage[],
    deliveries: readonly api.NewDelivery[] = [],
  ): Promise<void> {
    const growsBytes = keeping.messageBytes(messages) + keeping.arrivalBytes(deliveries, []);
    const run = () => keeping.keepMessages(this.tables, messages, deliveries);
    return this.group.change({ growsBytes, run });
  }

  acceptEnvelope(envelope: api.NewEnvelope): Promise<"kept" | "already-held"> {
    const growsBytes = keeping.envelopeBytes(envelope);
    return this.group.change({ growsBytes, run: () => keeping.keepEnvelope(this.tables, envelope) });
  }

  acceptArrival(arrival: Parameters<Spool["acceptArrival"]>[0]): ReturnType<Spool["acceptArrival"]> {
    const growsBytes = keeping.arrivalBytes(arrival.deliveries, arrival.notes);
    return this.group.change({ growsBytes, run: () => keeping.keepArrival(this.tables, arrival) });
  }

  /** Also rejects with ProtocolError EST_PROTOCOL_STATE when one of the messages no longer waits. */
  compose(composed: {
    readonly messages: readonly api.MessageKey[];
    readonly envelope: api.NewEnvelope;
  }): Promise<void> {
    const { messages, envelope } = composed;
    return this.settle(() => joining.compose(this.tables, messages, envelope));
  }

  companions(leg: api.Leg, limits: { readonly limit: number; readonly bodyBytesMax: number }) {
    return this.group.look(() => joining.companions(this.tables, leg, limits));
  }

  decompose(id: api.EnvelopeId, waiting: readonly joining.Returning[]): Promise<boolean> {
    return this.settle(() => joining.decompose(this.tables, id, waiting));
  }

  settleMessages(
    keys: readonly api.MessageKey[],
    end: "delivered" | "forwarded" | "refused",
    detail: string,
    told = false,
  ): Promise<readonly api.MessageRecord[]> {
    return this.settle(() => settling.settleMessages(this.tables, keys, end, detail, told));
  }

  readPartialRange(id: api.EnvelopeId, start: number, end: number): Promise<Uint8Array | null> {
    return this.group.look(() => this.tables.partials.readRange(id, start, end), true);
  }

  deliveriesOf(id: api.EnvelopeId): Promise<readonly api.DeliveryRecord[]> {
    return this.group.look(() => this.tables.deliveries.ofEnvelope(id).map(toDelivery));
  }

  addNotes(notes: readonly api.NewNote[]): Promise<void> {
    return this.settle(() => this.tables.legs.insertNotes(notes));
  }

  passOn(id: api.EnvelopeId, kind: api.PassedNote, note: api.NewNote): Promise<boolean> {
    return this.settle(() => {
      const isFirst = this.tables.seen.passOn(id, kind);
      if (isFirst) this.tables.legs.insertNotes([note]);
      return isFirst;
    });
  }

  // ── plan and carry ────────────────────────────────────────────────────────────────────────────────────
  ready(where: { readonly link: string; readonly neighbour: api.NodeAddress; readonly limit: number }) {
    return this.group.look(() => this.tables.legs.ready(where));
  }

  legs(where: { readonly link: string | null; readonly afterLegId: number; readonly limit: number }) {
    return this.group.look(() => this.tables.legs.on(where));
  }

  replan(legId: number, hop: api.Hop): Promise<void> {
    return this.settle(() => this.tables.legs.replan(legId, hop));
  }

  async promote(): Promise<{ readonly hops: readonly api.Hop[]; readonly nextAtMs: number | null }> {
    const { legs } = this.tables;
    const nextAtMs = await this.group.look(() => legs.nextWaitingMs());
    // Most calls find nothing due; those cost no commit.
    if (nextAtMs === null || nextAtMs > this.nowMs()) return { hops: [], nextAtMs };
    return this.settle(() => ({ hops: legs.promote(), nextAtMs: legs.nextWaitingMs() }));
  }

  message(key: api.MessageKey): Promise<api.MessageRecord | null> {
    return this.group.look(() => orNull(this.tables.messages.byKey(key), toMessage));
  }

  /** Null once composed or ended: the envelope has the content then. */
  messageBody(key: api.MessageKey): Promise<Uint8Array | null> {
    return this.body({ key }, () => this.tables.messages.byKey(key));
  }

  envelope(id: api.EnvelopeId): Promise<api.EnvelopeRecord | null> {
    return this.group.look(() => orNull(this.tables.envelopes.byId(id), toEnvelope));
  }

  envelopePayload(id: api.EnvelopeId): Promise<Uint8Array | null> {
    return this.body({ id }, () => this.tables.envelopes.byId(id));
  }

  envelopesFor(prefix: Uint8Array, limit: number): Promise<readonly api.EnvelopeRecord[]> {
    return this.group.look(() => this.tables.envelopes.heldFor(prefix, limit).map(toEnvelope));
  }

  /** Messages that wait to be composed, oldest first. */
  messagesFor(prefix: Uint8Array, limit: number): Promise<readonly api.MessageRecord[]> {
    return this.group.look(() => this.tables.messages.waitingFor(prefix, limit).map(toMessage));
  }

  // ── settle ────────────────────────────────────────────────────────────────────────────────────────────
  settleLeg(legId: number, outcome: api.LegOutcome): Promise<api.LegSettled> {
    return this.settle(() => settling.settleLeg(this.tables, legId, outcome));
  }

  settleEnvelope(
    id: api.EnvelopeId,
    end: "delivered" | "refused",
    detail: string,
    told = false,
  ): Promise<readonly api.MessageRecord[]> {
    return this.settle(() => settling.settleEnvelope(this.tables, id, end, detail, told));
  }

  endMessage(key: api.MessageKey, end: api.EndState, detail: string): Promise<api.MessageRecord | null> {
    return this.settle(() => settling.endMessage(this.tables, key, end, detail));
  }

  async expire(limit: number): Promise<settling.Expired> {
    const rows = Math.max(0, Math.min(limit, SPOOL_LIMITS.rowsPerCallMax));
    const { tables } = this;
    const nowMs = this.nowMs();
    // Most calls find nothing due and nothing changed; those cost neither a look nor a commit. What is only forgotten can
    // wait for the next hour.
    const isDue = (await this.nextExpiryMs()) <= nowMs;
    if (!isDue && nowMs < this.forgetAgainMs) return { messages: [], envelopes: [], deliveries: [] };
    this.forgetAgainMs = nowMs + SPOOL_LIMITS.forgetEveryMs;
    return this.settle(() => {
      tables.legs.removeOldNotes(SPOOL_LIMITS.housekeepingRows);
      tables.seen.prune(SPOOL_LIMITS.housekeepingRows);
      tables.partials.prune(SPOOL_LIMITS.housekeepingRows);
      return settling.expire(tables, rows);
    });
  }

  private async nextExpiryMs(): Promise<number> {
    const changes = this.group.changesAsked;
    if (this.nextExpiry.changes !== changes) {
      const atMs = await this.group.look(() => settling.nextExpiryMs(this.tables));
      this.nextExpiry = { atMs, changes };
    }
    return this.nextExpiry.atMs;
  }

  untold(limit: number): Promise<readonly api.Untold[]> {
    return this.group.look(() => this.tables.untold.list(limit));
  }

  tell(told: Parameters<Spool["tell"]>[0]): ReturnType<Spool["tell"]> {
    return this.settle(() => keeping.tell(this.tables, told));
  }

  // ── deduplicate and resume ────────────────────────────────────────────────────────────────────────────
  seen(id: api.EnvelopeId): Promise<api.SeenRecord | null> {
    return this.group.look(() => this.tables.seen.get(id));
  }

  partial(id: api.EnvelopeId): Promise<api.PartialRecord | null> {
    return this.group.look(() => this.tables.partials.get(id), true);
  }

  /** Resolves at once; a disk that turned out full rejects the next call. */
  async writePartial(
    id: api.EnvelopeId,
    totalBytes: number,
    start: number,
    bytes: Uint8Array,
  ): Promise<void> {
    PartialTable.checkRange(totalBytes, start, bytes.length);
    // Copies: the caller may use its buffer again before the commit.
    const [ownId, own] = [id.slice(), bytes.slice()];
    const run = () => this.tables.partials.write(ownId, totalBytes, start, own);
    await this.group.lazyChange({ growsBytes: own.length + 1, run });
  }

  readPartial(id: api.EnvelopeId): Promise<Uint8Array | null> {
    return this.group.look(() => this.tables.partials.read(id), true);
  }

  dropPartial(id: api.EnvelopeId, ranges?: readonly api.PartialRange[]): Promise<void> {
    const { partials } = this.tables;
    return this.settle(() => (ranges === undefined ? partials.drop(id) : partials.dropRanges(id, ranges)));
  }

  // ── deliveries ────────────────────────────────────────────────────────────────────────────────────────
  dueDeliveries(limit: number) {
    return this.group.look(() => this.tables.deliveries.due(limit));
  }

  deliveryBody(deliveryId: number): Promise<Uint8Array | null> {
    return this.body({ deliveryId }, () => this.tables.deliveries.byId(deliveryId));
  }

  /** Rejects with ProtocolError EST_PROTOCOL_STATE when it ended meanwhile. Not due again until settled. */
  beginDelivery(deliveryId: number): Promise<void> {
    return this.settle(() => {
      const row = this.tables.deliveries.byId(deliveryId);
      if (row === undefined || row.end_state !== null) throw noSuchDelivery();
      this.tables.deliveries.begin(deliveryId);
    });
  }

  /** A delivery that has ended is returned unchanged. */
  settleDelivery(
    deliveryId: number,
    result: Parameters<Spool["settleDelivery"]>[1],
  ): ReturnType<Spool["settleDelivery"]> {
    return this.settle(() => {
      const row = this.tables.deliveries.byId(deliveryId);
      if (row === undefined) throw noSuchDelivery();
      if (row.end_state !== null) return { ...toDelivery(row), noteHops: [] };
      const record = this.tables.deliveries.settle(row, result);
      const mayWait = record.end !== null || result.retryAtMs !== null;
      invariant(mayWait, "a delivery with recipients left names the time of its next attempt");
      const noteHops = keeping.keepNotes(this.tables, result.notes ?? [], record.envelopeId, result.last);
      settling.noteUndelivered(this.tables, record, "refused", result.failures ?? []);
      return { ...record, noteHops };
    });
  }

  // ── the rest ──────────────────────────────────────────────────────────────────────────────────────────
  listMessages(filter: Parameters<Spool["listMessages"]>[0]): Promise<readonly api.MessageRecord[]> {
    return this.group.look(() => this.tables.messages.list(filter).map(toMessage));
  }

  listEnvelopes(limit: number): Promise<readonly api.EnvelopeRecord[]> {
    return this.group.look(() => this.tables.envelopes.list(limit).map(toEnvelope));
  }

  listDeliveries(filter: Parameters<Spool["listDeliveries"]>[0]): Promise<readonly api.DeliveryRecord[]> {
    return this.group.look(() => this.tables.deliveries.list(filter).map(toDelivery));
  }

  legsOf(
    what: { readonly key: api.MessageKey } | { readonly id: api.EnvelopeId },
  ): Promise<readonly api.Leg[]> {
    const { messages, envelopes, legs } = this.tables;
    return this.group.look(() => {
      if ("key" in what) {
        const row = messages.byKey(what.key);
        return row === undefined ? [] : legs.ofMessage(Number(row.message_no));
      }
      const row = envelopes.byId(what.id);
      return row === undefined ? [] : legs.ofEnvelope(Number(row.envelope_no));
    });
  }

  getState(name: string): Promise<Uint8Array | null> {
    return this.group.look(() => this.tables.state.get(name));
  }

  putState(name: string, value: Uint8Array | null): Promise<void> {
    const { state } = this.tables;
    const growsBytes = value === null ? 0 : name.length + value.length;
    const added = () => state.growth(name, value);
    return this.group.change({ growsBytes, added, run: () => state.put(name, value) });
  }

  stats(): Promise<api.SpoolStats> {
    return this.group.look(() => this.parts.store.meters.stats(this.parts.fill()), true);
  }

  /** Rejects when a range written before found no room. */
  async flush(): Promise<void> {
    await this.settle(() => {});
    const trouble = this.group.takeLazyTrouble();
    if (trouble !== null) throw trouble;
  }

  async close(): Promise<void> {
    if (this.isShut) return;
    this.group.drain();
    this.isShut = true;
    const failed = this.group.hasFailed;
    this.group.fail(diskFault("the spool is closed"));
    try {
      this.parts.shut(failed ? "faulty" : "whole");
    } catch (error) {
      // What is committed is in the log all the same; the next start copies it back.
      this.parts.shut("faulty");
      throw diskFault("the spool could not be closed in order", error);
    }
  }

  /**
   * Drops everything that is not committed and lets go of the directory, as a power cut would: for tests and
   * simulations. Calls that were waiting never hear again.
   */
  abandon(): void {
    this.group.abandon();
    if (this.isShut) return;
    this.isShut = true;
    this.parts.shut("cut");
  }

  /** Sentences about what is wrong with the database; empty when it is sound. About 1 s per million rows. */
  check(): Promise<readonly string[]> {
    return this.group.look(() => this.parts.store.connection.quickCheck(), true);
  }

  /** Ids that would have been forgotten at or before this spool time may have been seen all the same. */
  seenWatermarkMs(): Promise<number> {
    return this.group.look(() => this.tables.seen.watermarkMs());
  }

  private settle<T>(run: () => T): Promise<T> {
    return this.group.change({ growsBytes: 0, run });
  }

  private async body(item: Item, find: () => Row | undefined): Promise<Uint8Array | null> {
    try {
      return await this.group.look(() => {
        const bodyNo = find()?.body_no;
        return typeof bodyNo === "number" ? this.parts.store.bodies.read(bodyNo) : null;
      });
    } catch (error) {
      if (!(error instanceof DamagedBody)) throw error;
      await this.settle(() => settling.quarantine(this.tables, item));
      throw diskFault("the stored content of one item is damaged; it was set aside", error);
    }
  }
}

function orNull<R>(row: Row | undefined, toRecord: (row: Row) => R): R | null {
  return row === undefined ? null : toRecord(row);
}

function noSuchDelivery(): ProtocolError {
  return new ProtocolError("EST_PROTOCOL_STATE", "there is no such delivery to hand over");
}
