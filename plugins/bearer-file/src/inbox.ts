import { type Clock, ProtocolError, type Verdict } from "@estafette/contract";
import { FILE_LIMITS } from "./limits.js";
import { decodeParcelFile, FILE_OVERHEAD_BYTES } from "./parcel-file.js";
import { type FileLook, isErrno, type ParcelFolder } from "./parcel-folder.js";

/** What one partner left for us: which files were offered to the gateway, which are done, which are not whole yet. */
export class Inbox {
  /** Name → when it may be offered (again), in monotonic milliseconds; Infinity while it waits for its verdict. */
  readonly #offered = new Map<string, number>();
  readonly #settled = new Set<string>();
  readonly #unfinished = new Map<string, FileLook & { readonly sinceMs: number }>();

  constructor(
    private readonly folder: ParcelFolder,
    private readonly own: string,
    readonly partner: string,
    private readonly parcelBytesMax: number,
    private readonly clock: Clock,
  ) {}

  /** A new run hears again what was not settled. */
  forgetOffers(): void {
    this.#offered.clear();
  }

  /** The next whole parcel that may be offered among `names`, or null. Removes on its way what is done or damaged. */
  async next(
    names: readonly string[],
  ): Promise<{ readonly name: string; readonly bytes: Uint8Array } | null> {
    for (const name of names) {
      if (this.#settled.has(name)) {
        await this.folder.remove(this.own, this.partner, name);
        continue;
      }
      const dueMs = this.#offered.get(name) ?? 0;
      if (this.#nowMs() < dueMs || (dueMs === 0 && this.#offered.size >= FILE_LIMITS.offeredMax)) continue;
      const bytes = await this.#whole(name);
      if (!bytes) continue;
      this.#unfinished.delete(name);
      this.#offered.set(name, Number.POSITIVE_INFINITY);
      return { name, bytes };
    }
    return null;
  }

  async settle(name: string, verdict: Verdict): Promise<void> {
    if (!this.#offered.has(name)) return;
    if (verdict === "later") {
      this.#offered.set(name, this.#nowMs() + FILE_LIMITS.laterMs);
      return;
    }
    this.#offered.delete(name);
    this.#remember(name);
    await this.folder.remove(this.own, this.partner, name);
  }

  #remember(name: string): void {
    this.#settled.add(name);
    const [oldest] = this.#settled;
    if (this.#settled.size > FILE_LIMITS.settledMax && oldest !== undefined) this.#settled.delete(oldest);
  }

  /** Null: vanished, or not whole. A file that has not changed since the last look is not read again. */
  async #whole(name: string): Promise<Uint8Array | null> {
    const bytesMax = this.parcelBytesMax + FILE_OVERHEAD_BYTES;
    try {
      const look = await this.folder.look(this.own, this.partner, name);
      const before = this.#unfinished.get(name);
      if (before && before.byteCount === look.byteCount && before.changedMs === look.changedMs) {
        if (this.#nowMs() - before.sinceMs > FILE_LIMITS.unfinishedMs) await this.#discard(name);
        return null;
      }
      const bytes = await this.folder.read(this.own, this.partner, name, bytesMax);
      return this.#decoded(name, bytes, { ...look, sinceMs: before?.sinceMs ?? this.#nowMs() });
    } catch (error) {
      if (isErrno(error, "ENOENT")) return null;
      throw error;
    }
  }

  #decoded(
    name: string,
    bytes: Uint8Array,
    look: FileLook & { readonly sinceMs: number },
  ): Uint8Array | null {
    try {
      return decodeParcelFile(bytes, this.parcelBytesMax);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (this.#unfinished.has(name) || this.#unfinished.size < FILE_LIMITS.unfinishedMax)
        this.#unfinished.set(name, look);
      return null;
    }
  }

  async #discard(name: string): Promise<void> {
    this.#unfinished.delete(name);
    await this.folder.remove(this.own, this.partner, name);
  }

  #nowMs(): number {
    return this.clock.monotonicMs();
  }
}
