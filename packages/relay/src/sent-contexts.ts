import { toHex } from "@estafette/protocol";
import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import { headOf } from "./outgoing.js";
import { type Keeper, readSealed, writeSealed } from "./sealed-state.js";

/*
 *  compose ──► defines slot n (pending) ──► the destination says ACCEPTED ──► confirmed: later contents refer to it
 *                                      └──► anything else ────────────────► free again
 */

/** What the next content to one destination may refer to, and where it may be remembered. */
export interface ContextOffer {
  readonly uses: { readonly slot: number; readonly bytes: Uint8Array } | null;
  /** A slot the content may define; null: none is free. */
  readonly defines: number | null;
}

interface Slot {
  readonly bytes: Uint8Array;
  readonly state: "pending" | "confirmed";
}

interface Table {
  readonly slots: Map<number, Slot>;
  /** Slot confirmed last; null: nothing may be referred to. */
  current: number | null;
  /** Slots our envelopes on the way refer to or define, by envelope id in hex. */
  readonly onTheWay: Map<string, { readonly uses: number | null; readonly defines: number | null }>;
}

/**
 * Compression contexts as origin: contents a destination has kept, which later contents to it refer to (SPEC.md §8.3).
 * Between neighbours only, so that the word of the destination itself says what it holds.
 */
export class SentContexts {
  readonly #tables = new Map<string, Promise<Table>>();

  constructor(readonly core: Keeper) {}

  async offer(peer: Peer): Promise<ContextOffer> {
    const { slots, current, onTheWay } = await this.#tableOf(peer);
    const held = current === null ? undefined : slots.get(current);
    const pending = [...slots.values()].filter((slot) => slot.state === "pending").length;
    const busy = new Set([...onTheWay.values()].flatMap(({ uses, defines }) => [uses, defines]));
    const free = Array.from(
      { length: LIMITS.contextSlots },
      (_, i) => ((current ?? -1) + 1 + i) % LIMITS.contextSlots,
    );
    const next = free.find((slot) => slot !== current && !busy.has(slot));
    return {
      uses: held && current !== null ? { slot: current, bytes: held.bytes } : null,
      defines: pending < LIMITS.contextsPendingMax ? (next ?? null) : null,
    };
  }

  /** An envelope was composed with what {@link offer} gave. `bytes`: what it defines. */
  async composed(
    peer: Peer,
    id: Uint8Array,
    use: { readonly uses: number | null; readonly defines: number | null },
    bytes: Uint8Array,
  ): Promise<void> {
    const table = await this.#tableOf(peer);
    table.onTheWay.set(toHex(id), use);
    if (use.defines !== null) table.slots.set(use.defines, { bytes, state: "pending" });
  }

  /** What an envelope of ours on the way refers to; null: nothing, or it is no longer known. */
  async usedBy(peer: Peer, slot: number): Promise<Uint8Array | null> {
    return (await this.#tableOf(peer)).slots.get(slot)?.bytes ?? null;
  }

  /** The destination itself has kept the envelope, and with it what it defines. */
  async confirmed(peer: Peer, id: Uint8Array): Promise<void> {
    const table = await this.#tableOf(peer);
    const defines = this.#leave(table, id);
    const slot = defines === null ? undefined : table.slots.get(defines);
    if (defines === null || slot === undefined) return;
    table.slots.set(defines, { ...slot, state: "confirmed" });
    table.current = defines;
    await writeSealed(this.core, `${name(peer)}/${defines}`, slot.bytes);
    await writeSealed(this.core, name(peer), Uint8Array.of(defines));
  }

  /** The envelope is not on its way any more, and what it defined is not held for certain. */
  async dropped(peer: Peer, id: Uint8Array): Promise<void> {
    const table = await this.#tableOf(peer);
    const defines = this.#leave(table, id);
    if (defines !== null && table.slots.get(defines)?.state === "pending") table.slots.delete(defines);
  }

  /** The destination lost what we refer to: what follows stands for itself, until something new is confirmed. */
  async forget(peer: Peer): Promise<void> {
    (await this.#tableOf(peer)).current = null;
    await writeSealed(this.core, name(peer), null);
  }

  /** @param heldMask What the destination says it holds: one bit a slot. */
  async agree(peer: Peer, heldMask: number): Promise<void> {
    const { current } = await this.#tableOf(peer);
    if (current !== null && ((heldMask >>> current) & 1) === 0) await this.forget(peer);
  }

  #leave(table: Table, id: Uint8Array): number | null {
    const use = table.onTheWay.get(toHex(id));
    table.onTheWay.delete(toHex(id));
    return use?.defines ?? null;
  }

  #tableOf(peer: Peer): Promise<Table> {
    const known = this.#tables.get(peer.addressHex);
    if (known) return known;
    const [oldest] = this.#tables.keys();
    if (this.#tables.size >= LIMITS.contextPeersMax && oldest !== undefined) this.#tables.delete(oldest);
    const table = this.#read(peer);
    this.#tables.set(peer.addressHex, table);
    return table;
  }

  /** After a start: the slot confirmed last, and those that envelopes still here refer to. */
  async #read(peer: Peer): Promise<Table> {
    const table: Table = { slots: new Map(), current: null, onTheWay: new Map() };
    const current = (await readSealed(this.core, name(peer)))?.[0] ?? null;
    const wanted = new Set<number>(current === null ? [] : [current]);
    for (const record of await this.core.spool.envelopesFor(peer.address, LIMITS.contextEnvelopesMax)) {
      const { context } = headOf(record).signed.header;
      if (record.from !== null || context === null) continue;
      table.onTheWay.set(toHex(record.id), { uses: context.uses, defines: context.defines });
      if (context.uses !== null) wanted.add(context.uses);
    }
    for (const slot of wanted) {
      const bytes = await readSealed(this.core, `${name(peer)}/${slot}`);
      if (bytes) table.slots.set(slot, { bytes, state: "confirmed" });
    }
    if (current !== null && table.slots.has(current)) table.current = current;
    return table;
  }
}

function name(peer: Peer): string {
  return `context-sent/${peer.addressHex}`;
}
