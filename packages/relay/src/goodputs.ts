import { toHex } from "@estafette/protocol";
import { type Goodput, learnGoodput } from "@estafette/router";
import type { Hop, Leg, Spool } from "@estafette/spool";
import { LIMITS } from "./limits.js";

const STATE = "goodput";

/**
 * What transfers to each neighbour over each link really took, kept over restarts. Transfers of one neighbour follow
 * each other on the channel: one counts from its offer, or from the verdict on the one before it where that is later.
 */
export class Goodputs {
  readonly #known = new Map<string, Goodput>();
  readonly #begun = new Map<number, { readonly bytes: number; readonly atMs: number }>();
  readonly #verdictMs = new Map<string, number>();
  #storedAtMs = 0;

  constructor(readonly spool: Pick<Spool, "nowMs" | "getState" | "putState">) {}

  /** Before the links are opened. What cannot be read is learnt again. */
  async restore(): Promise<void> {
    const bytes = await this.spool.getState(STATE);
    for (const [name, goodput] of bytes ? entriesOf(bytes) : []) this.#known.set(name, goodput);
  }

  /** A transfer of so many bytes, head and payload, was offered. */
  began(legId: number, bytes: number): void {
    forgetOldest(this.#begun, LIMITS.goodputBegunMax);
    this.#begun.set(legId, { bytes, atMs: this.spool.nowMs() });
  }

  /** The neighbour's verdict on it: only what was taken is counted. */
  settled({ legId, hop }: Pick<Leg, "legId" | "hop">, isTaken: boolean): void {
    const begun = this.#begun.get(legId);
    this.#begun.delete(legId);
    const name = nameOf(hop);
    const atMs = this.spool.nowMs();
    const fromMs = Math.max(begun?.atMs ?? atMs, this.#verdictMs.get(name) ?? 0);
    forgetOldest(this.#verdictMs, LIMITS.goodputPairsMax);
    this.#verdictMs.set(name, atMs);
    if (!begun || !isTaken) return;
    const learnt = learnGoodput(this.#known.get(name) ?? null, {
      bytes: begun.bytes,
      ms: atMs - fromMs,
      atMs,
    });
    this.#known.delete(name); // the newest stands last
    forgetOldest(this.#known, LIMITS.goodputPairsMax);
    this.#known.set(name, learnt);
  }

  /** By neighbour (hex), for one link. */
  of(link: string): ReadonlyMap<string, Goodput> {
    const found = new Map<string, Goodput>();
    for (const [name, goodput] of this.#known) {
      const [where = "", neighbour = ""] = name.split(" ");
      if (where === link) found.set(neighbour, goodput);
    }
    return found;
  }

  /** Now and then, and at the end: what a crash forgets is learnt again in minutes. */
  async store(isLast = false): Promise<void> {
    const nowMs = this.spool.nowMs();
    if (!isLast && nowMs < this.#storedAtMs + LIMITS.goodputStoreEveryMs) return;
    this.#storedAtMs = nowMs;
    if (this.#known.size === 0) return;
    const rows = [...this.#known].map(([name, g]) => [
      name,
      Math.round(g.bytes),
      Math.round(g.ms),
      g.sampleCount,
      Math.round(g.atMs),
    ]);
    await this.spool.putState(STATE, new TextEncoder().encode(JSON.stringify(rows)));
  }
}

function nameOf({ link, neighbour }: Hop): string {
  return `${link ?? ""} ${toHex(neighbour)}`;
}

function forgetOldest(map: Map<string | number, unknown>, countMax: number): void {
  const [oldest] = map.keys();
  if (map.size >= countMax && oldest !== undefined) map.delete(oldest);
}

function entriesOf(bytes: Uint8Array): readonly (readonly [string, Goodput])[] {
  const rows: unknown = parsed(bytes);
  if (!Array.isArray(rows)) return [];
  return rows.slice(0, LIMITS.goodputPairsMax).flatMap((row: unknown) => {
    if (!Array.isArray(row) || typeof row[0] !== "string") return [];
    const [bytesSum, ms, sampleCount, atMs] = row.slice(1).map(Number);
    const goodput = { bytes: bytesSum ?? 0, ms: ms ?? 0, sampleCount: sampleCount ?? 0, atMs: atMs ?? 0 };
    const isSound = Object.values(goodput).every((n) => Number.isFinite(n) && n >= 0) && goodput.ms > 0;
    return isSound ? [[row[0], goodput] as const] : [];
  });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
