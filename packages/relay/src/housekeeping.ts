import { toHex } from "@estafette/protocol";
import type { Hop, Leg } from "@estafette/spool";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";
import type { Link } from "./link.js";
import { sendSignedRefusal } from "./notes.js";
import type { Notices } from "./notices.js";
import { replanLeg } from "./planning.js";

/** Signed-receipt reason "lifetime" (SPEC.md). */
const REASON_LIFETIME = 1;

/** What must happen without anybody asking: retries fall due, lifetimes end, ways change. */
export class Housekeeping {
  #cancelPromote: (() => void) | null = null;
  #cancelExpire: (() => void) | null = null;
  #promoting = false;
  #promoteAgain = false;
  #replanning = false;
  readonly #changed = new Set<string | null>();
  #stopped = false;

  constructor(
    readonly core: Core,
    readonly notices: Notices,
    readonly links: ReadonlyMap<string, Link>,
  ) {}

  async start(): Promise<void> {
    await this.linksChanged(null);
    this.promoteSoon();
    this.#expireLater(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPromote?.();
    this.#cancelExpire?.();
  }

  /** Moves what is due to ready and sets the timer for what is due next. Calls during a run make one more run. */
  promoteSoon(): void {
    this.#promoteAgain = true;
    if (this.#promoting || this.#stopped) return;
    this.#promoting = true;
    void this.#promote()
      .catch((error: unknown) => this.core.fail(error, "promote"))
      .finally(() => {
        this.#promoting = false;
        if (this.#promoteAgain) this.promoteSoon();
      });
  }

  async #promote(): Promise<void> {
    this.#promoteAgain = false;
    const { hops, nextAtMs } = await this.core.spool.promote();
    if (this.#stopped) return;
    for (const hop of hops) this.#wakeLink(hop);
    this.#cancelPromote?.();
    this.#cancelPromote = null;
    if (nextAtMs === null) return;
    const delayMs = Math.min(Math.max(nextAtMs - this.core.spool.nowMs(), 1), 3_600_000);
    this.#cancelPromote = this.core.clock.timer(delayMs, () => this.promoteSoon());
  }

  #expireLater(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelExpire = this.core.clock.timer(delayMs, () => {
      this.#expire()
        .catch((error: unknown) => this.core.fail(error, "expire"))
        .finally(() => this.#expireLater(LIMITS.expireEveryMs));
    });
  }

  async #expire(): Promise<void> {
    for (;;) {
      const { messages, envelopes, deliveries } = await this.core.spool.expire(LIMITS.expireBatchMax);
      await this.notices.ended(messages);
      await this.notices.expiredDeliveries(deliveries);
      for (const envelope of envelopes) {
        if (envelope.from) await sendSignedRefusal(this.core, envelope.id, "expired", REASON_LIFETIME);
      }
      if (messages.length + envelopes.length + deliveries.length === 0 || this.#stopped) break;
    }
    await this.linksChanged(null); // relay lists that stalled meanwhile
  }

  /** Plans again what waits on this link (null: for any link), when another way may be better now. */
  async linksChanged(name: string | null): Promise<void> {
    this.#changed.add(name);
    if (this.#replanning || this.#stopped) return;
    this.#replanning = true;
    try {
      while (this.#changed.size > 0 && !this.#stopped) {
        this.#changed.clear();
        if (!this.#hasAlternatives()) break;
        for (const link of [null, ...this.links.keys()]) await this.#replanOn(link);
      }
    } catch (error) {
      this.core.fail(error, "replan");
    } finally {
      this.#replanning = false;
    }
  }

  /** With one link per peer and nothing but relay lists to fall back from, there is nothing to choose. */
  #hasAlternatives(): boolean {
    return this.links.size > 1 || this.core.directory.peers.some((p) => p.links.length > 1);
  }

  async #replanOn(link: string | null): Promise<void> {
    const open = link === null ? undefined : this.links.get(link)?.establishedPeers();
    let afterLegId = 0;
    for (;;) {
      const legs = await this.core.spool.legs({ link, afterLegId, limit: LIMITS.replanBatch });
      for (const leg of legs) {
        afterLegId = leg.legId;
        if (open?.has(toHex(leg.hop.neighbour)) && !this.#hasCheaper(leg)) continue;
        const moved = await replanLeg(this.core, leg);
        if (moved) this.#wakeLink(moved);
      }
      if (legs.length < LIMITS.replanBatch || this.#stopped) return;
    }
  }

  /** A leg on an open link is moved only where its neighbour is also met on a link that costs less. */
  #hasCheaper(leg: Leg): boolean {
    const cost = (link: Link | undefined): number => link?.bearer.capabilities.cost.perByte ?? 0;
    const now = cost(leg.hop.link === null ? undefined : this.links.get(leg.hop.link));
    const neighbour = toHex(leg.hop.neighbour);
    return [...this.links.values()].some((l) => cost(l) < now && l.establishedPeers().has(neighbour));
  }

  #wakeLink(hop: Hop): void {
    if (hop.link !== null) this.links.get(hop.link)?.wake();
  }
}
