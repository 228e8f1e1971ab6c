import {
  type CompactForm,
  fitsTemplate,
  fromHex,
  type Header,
  type HeadTemplate,
  sha256,
  TEMPLATE_SLOTS,
  templateOf,
  toHex,
} from "@estafette/protocol";

import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import { type Keeper, readSealed, writeSealed } from "./sealed-state.js";

type Slots = Map<number, HeadTemplate>;

/** Defining it makes the neighbour forget all others: so both ends agree again, whatever either of them lost. */
const FIRST_SLOT = 0;

/**
 * What heads told to one neighbour have in common (SPEC.md §6.1). A slot is referred to once the neighbour has accepted
 * an envelope that defined it; it is kept across restarts, and compared at each meeting by a digest.
 *
 *   nothing agreed ──► slot 0, alone on its way ──► accepted: slots 1…15 in turn ──► mismatch: nothing agreed
 */
class SentTemplates {
  readonly #confirmed: Slots;
  readonly #pending = new Map<number, { readonly slot: number; readonly template: HeadTemplate }>();
  /** {@link FIRST_SLOT}: nothing is agreed. */
  #nextSlot: number;

  private constructor(
    readonly core: Keeper,
    readonly peer: Peer,
    confirmed: Slots,
  ) {
    this.#confirmed = confirmed;
    this.#nextSlot = confirmed.size === 0 ? FIRST_SLOT : slotAfter(Math.max(...confirmed.keys()));
  }

  static async of(core: Keeper, peer: Peer): Promise<SentTemplates> {
    return new SentTemplates(core, peer, await readSlots(core, sentName(peer)));
  }

  /** How such a head would be told now. */
  likelyForm(header: Header): CompactForm["slot"] {
    return this.#fitting(header) ?? { defines: this.#nextSlot };
  }

  #fitting(header: Header): CompactForm["slot"] {
    for (const [uses, template] of this.#confirmed)
      if (fitsTemplate(header, template) && isNear(header, template)) return { uses, template };
    return null;
  }

  /** How the head of this leg is told best. */
  formFor(legId: number, header: Header): CompactForm["slot"] {
    this.dropped(legId); // told before, and perhaps in vain
    const fitting = this.#fitting(header);
    if (fitting) return fitting;
    const pending = [...this.#pending.values()];
    const defines = this.#nextSlot;
    const isOnItsWay = pending.some(
      ({ slot, template }) => slot === FIRST_SLOT || slot === defines || fitsTemplate(header, template),
    );
    const roomMax = defines === FIRST_SLOT ? 0 : LIMITS.templatesPendingMax - 1;
    if (isOnItsWay || pending.length > roomMax) return null;
    this.#nextSlot = slotAfter(defines);
    this.#confirmed.delete(defines);
    this.#pending.set(legId, { slot: defines, template: templateOf(header) });
    return { defines };
  }

  /** The neighbour took the envelope, and with it what its head defines. */
  async accepted(legId: number): Promise<void> {
    const pending = this.#pending.get(legId);
    this.#pending.delete(legId);
    const isAgreed = this.#nextSlot !== FIRST_SLOT;
    if (pending === undefined || !isAgreed) return;
    this.#confirmed.set(pending.slot, pending.template);
    await writeSlots(this.core, sentName(this.peer), this.#confirmed);
  }

  /** Nobody can say whether the neighbour took it. */
  dropped(legId: number): void {
    if (this.#pending.get(legId)?.slot === FIRST_SLOT) this.#nextSlot = FIRST_SLOT;
    this.#pending.delete(legId);
  }

  /** @param digest Over what the neighbour says it holds. */
  async agree(digest: number): Promise<void> {
    if (digest !== digestOf(this.#confirmed)) await this.forget();
  }

  /** The neighbour holds something else, or nothing: heads are told in full again. */
  async forget(): Promise<void> {
    this.#nextSlot = FIRST_SLOT;
    if (this.#confirmed.size === 0) return;
    this.#confirmed.clear();
    await writeSlots(this.core, sentName(this.peer), this.#confirmed);
  }
}

function slotAfter(slot: number): number {
  return (slot % (TEMPLATE_SLOTS - 1)) + 1;
}

/** The other end: templates a neighbour has defined here. */
export class HeldTemplates {
  readonly #slots: Slots;

  private constructor(
    readonly core: Keeper,
    readonly peer: Peer,
    slots: Slots,
  ) {
    this.#slots = slots;
  }

  static async of(core: Keeper, peer: Peer): Promise<HeldTemplates> {
    return new HeldTemplates(core, peer, await readSlots(core, heldName(peer)));
  }

  get(slot: number): HeadTemplate | null {
    return this.#slots.get(slot) ?? null;
  }

  /** Kept before the envelope is accepted: the neighbour refers to it only after that. */
  async put(slot: number, header: Header): Promise<void> {
    if (slot === FIRST_SLOT) this.#slots.clear();
    this.#slots.set(slot, templateOf(header));
    await writeSlots(this.core, heldName(this.peer), this.#slots);
  }

  /** 16 bits over everything held; 0: nothing. */
  get digest(): number {
    return digestOf(this.#slots);
  }
}

/** The templates of every neighbour, read once. */
export class TemplateBook {
  readonly #sent = new Map<string, Promise<SentTemplates>>();
  readonly #held = new Map<string, Promise<HeldTemplates>>();

  constructor(readonly core: Keeper) {}

  sent(peer: Peer): Promise<SentTemplates> {
    return remembered(this.#sent, peer, () => SentTemplates.of(this.core, peer));
  }

  held(peer: Peer): Promise<HeldTemplates> {
    return remembered(this.#held, peer, () => HeldTemplates.of(this.core, peer));
  }
}

function remembered<T>(book: Map<string, Promise<T>>, peer: Peer, read: () => Promise<T>): Promise<T> {
  const known = book.get(peer.addressHex);
  if (known) return known;
  const [oldest] = book.keys();
  if (book.size >= LIMITS.contextPeersMax && oldest !== undefined) book.delete(oldest);
  const fresh = read();
  book.set(peer.addressHex, fresh);
  return fresh;
}

/** Differences of at most three bytes each: beyond, a new template is worth its bytes. */
function isNear(header: Header, template: HeadTemplate): boolean {
  const later = (header.createdUnixS ?? 0) - (template.createdUnixS ?? 0);
  return Math.max(Math.abs(later), Math.abs(header.sequence - template.sequence)) < LIMITS.templateReachMax;
}

const sentName = (peer: Peer): string => `heads-sent/${peer.addressHex}`;
const heldName = (peer: Peer): string => `heads-held/${peer.addressHex}`;

type Written = Omit<HeadTemplate, "origin" | "destination"> & {
  readonly slot: number;
  readonly origin: string;
  readonly destination: string;
};

function written(slots: Slots): string {
  const rows: Written[] = [...slots]
    .sort(([a], [b]) => a - b)
    .map(([slot, t]) => ({ slot, ...t, origin: toHex(t.origin), destination: toHex(t.destination) }));
  return JSON.stringify(rows);
}

function digestOf(slots: Slots): number {
  if (slots.size === 0) return 0;
  const [high = 0, low = 0] = sha256(new TextEncoder().encode(written(slots)));
  return high * 256 + low || 1;
}

async function readSlots(core: Keeper, name: string): Promise<Slots> {
  const bytes = await readSealed(core, name);
  if (bytes === null) return new Map();
  const rows = JSON.parse(new TextDecoder().decode(bytes)) as readonly Written[];
  return new Map(
    rows.map(({ slot, ...t }) => [
      slot,
      { ...t, origin: fromHex(t.origin), destination: fromHex(t.destination) },
    ]),
  );
}

async function writeSlots(core: Keeper, name: string, slots: Slots): Promise<void> {
  await writeSealed(core, name, slots.size === 0 ? null : new TextEncoder().encode(written(slots)));
}
