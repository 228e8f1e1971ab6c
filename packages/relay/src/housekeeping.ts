import { toHex } from "@estafette/protocol";
import { stallAfterMs } from "@estafette/router";
import type { Hop, Leg } from "@estafette/spool";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";
import type { Link } from "./link.js";
import type { Notices } from "./notices.js";
import { replanLeg } from "./planning.js";

/** What must happen without anybody asking: retries fall due, lifetimes end, ways change. */
export class Housekeeping {
  #cancelPromote: (() => void) | null = null;
  #cancelExpire: (() => void) | null = null;
  #promoting = false;
  #promoteAgain = false;
  #replanning = false;
  readonly #changed = new Set<string | null>();
  #stopped = false;
  #replannedAtMs = 0;

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
      for (const { id } of envelopes) this.core.withdraw(id);
      for (const { envelopeId } of messages) if (envelopeId) this.core.withdraw(envelopeId);
      this.notices.ended(messages);
      if (messages.length + envelopes.length + deliveries.length === 0 || this.#stopped) break;
    }
    await this.#replanStalled();
  }

  /** Relay lists whose next relay stays away: looked at now and then, because it means reading the whole queue. */
  async #replanStalled(): Promise<void> {
    const nowMs = this.core.clock.monotonicMs();
    const everyMs = Math.min(LIMITS.replanEveryMs, stallAfterMs(this.core.settings.retryS));
    if (nowMs < this.#replannedAtMs + everyMs) return;
    this.#replannedAtMs = nowMs;
    // What a full store kept back is looked at again, also when nobody wakes it.
    for (const link of this.links.values()) link.wake();
    await this.linksChanged(null);
  }

  /** Plans again what waits on this link (null: for any link), when another way may be better now. */
  async linksChanged(name: string | null): Promise<void> {
    this.#changed.add(name);
    if (this.#replanning || this.#stopped) return;
    this.#replanning = true;
    try {
      while (this.#changed.size > 0 && !this.#stopped) {
        this.#changed.clear();
        // What found no link at all waits for any; the rest moves only where there is something to choose.
        const links = this.#hasAlternatives() ? [null, ...this.links.keys()] : [null];
        for (const link of links) await this.#replanOn(link);
      }
    } catch (error) {
      this.core.fail(error, "replan");
    } finally {
      this.#replanning = false;
    }
  }

  /** With one link and one neighbour there is nothing to choose. */
  #hasAlternatives(): boolean {
    return this.links.size > 1 || this.core.directory.peers.filter((p) => p.links.length > 0).length > 1;
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
        if (!moved) continue;
        if (link !== null) this.links.get(link)?.withdraw({ legId: leg.legId });
        this.#wakeLink(moved);
      }
      if (legs.length < LIMITS.replanBatch || this.#stopped) return;
    }
  }

  /**
   * A leg on an open link is moved only where its neighbour is also met on a link that costs less. A cheaper link that
   * is merely up is asked to meet the neighbour: a few bytes there, and then the leg moves.
   */
  #hasCheaper(leg: Leg): boolean {
    const cost = (link: Link | undefined): number => link?.bearer.capabilities.cost.perByte ?? 0;
    const now = cost(leg.hop.link === null ? undefined : this.links.get(leg.hop.link));
    const neighbour = toHex(leg.hop.neighbour);
    const cheaper = [...this.links.values()].filter((l) => cost(l) < now);
    const isMet = cheaper.some((l) => l.establishedPeers().has(neighbour));
    if (!isMet) for (const one of cheaper) if (one.reachablePeers().has(neighbour)) one.greet(neighbour);
    return isMet;
  }

  #wakeLink(hop: Hop): void {
    if (hop.link !== null) this.links.get(hop.link)?.wake();
  }
}
