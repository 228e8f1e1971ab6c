import { ProtocolError } from "@estafette/contract";
import type { Core } from "./core.js";
import type { Peer } from "./directory.js";
import { type CheckedHead, contextFor, isAllowed, keepEarly } from "./incoming.js";
import { LIMITS } from "./limits.js";
import { BatchOpening } from "./opening.js";

/**
 * A batch that is opened while it arrives. Its head is verified; each chunk proves by its seal that the origin made it;
 * its messages are committed and handed over at once. The whole, when it is complete, repeats nothing of them.
 */
export class EarlyOpening {
  /** Null: something did not open. The whole is judged when it is complete. */
  #opening: BatchOpening | null;
  readonly #bytes: Uint8Array;
  /** Bytes from the beginning without a gap, and what lies beyond it, by its start. */
  #endByte = 0;
  readonly #beyond = new Map<number, number>();
  #token: Uint8Array | null = null;
  keptCount = 0;

  private constructor(
    readonly core: Core,
    readonly neighbour: Peer,
    readonly checked: CheckedHead,
    context: Uint8Array,
  ) {
    const { header } = checked.head.signed;
    this.#bytes = new Uint8Array(header.payloadBytes);
    this.#opening = new BatchOpening(core, { header, origin: checked.origin, context });
  }

  /** Null: this envelope is not one to be opened early. What the spool holds of it already counts. */
  static async begin(core: Core, neighbour: Peer, checked: CheckedHead): Promise<EarlyOpening | null> {
    const { header, id } = checked.head.signed;
    const isBatch = checked.forSelf && header.chunked && header.payloadBytes <= LIMITS.earlyOpenBytesMax;
    const context = isBatch ? await contextFor(core, checked) : null;
    if (context === null) return null;
    const early = new EarlyOpening(core, neighbour, checked, context);
    for (const { start, end } of (await core.spool.partial(id))?.ranges ?? []) {
      const bytes = await core.spool.readPartialRange(id, start, end);
      if (bytes) await early.add(start, bytes);
    }
    return early;
  }

  async add(start: number, bytes: Uint8Array): Promise<void> {
    if (!this.#opening || start + bytes.length > this.#bytes.length) return;
    this.#bytes.set(bytes, start);
    this.#beyond.set(start, Math.max(this.#beyond.get(start) ?? 0, start + bytes.length));
    const before = this.#endByte;
    this.#close();
    if (this.#endByte > before && this.#endByte < this.#bytes.length) await this.#open(this.#opening);
  }

  /** Moves the gapless end forward. */
  #close(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [start, end] of this.#beyond) {
        if (start > this.#endByte) continue;
        this.#beyond.delete(start);
        moved ||= end > this.#endByte;
        this.#endByte = Math.max(this.#endByte, end);
      }
    }
  }

  async #open(opening: BatchOpening): Promise<void> {
    try {
      const messages = opening.push(this.#bytes.subarray(0, this.#endByte));
      if (messages.length === 0) return;
      if (!messages.every((m) => isAllowed(this.core, this.checked, m))) {
        this.#opening = null;
        return;
      }
      if (this.keptCount === 0) this.#token = messages[0]?.token ?? null;
      const firstIndex = this.keptCount;
      await keepEarly(this.core, this.neighbour, this.checked, messages, { firstIndex, token: this.#token });
      this.keptCount += messages.length;
    } catch (error) {
      this.#opening = null;
      if (!(error instanceof ProtocolError)) throw error;
      this.core.log("warn", "a chunk cannot be opened", { code: error.code, why: error.message });
    }
  }
}
