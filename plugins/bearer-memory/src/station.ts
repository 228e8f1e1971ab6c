import type { BearerEvent } from "@estafette/contract";
import { AirtimeBudget, Feed } from "@estafette/framing";
import { MEMORY_LIMITS } from "./limits.js";
import { airtimeMsOf, type MemoryProfile } from "./profile.js";

/** One place on the medium, with or without somebody there. Survives restarts of its bearer. */
export class Station {
  /** The running bearer's events; `null`: nobody is there. */
  feed: Feed<BearerEvent> | null = null;
  cut = false;
  /** Neighbours last announced as `up`. */
  readonly reachable = new Set<string>();
  session: { readonly endsAtMs: number } | null = null;
  readonly budget: AirtimeBudget;
  /** Senders waiting for the verdict on a parcel, by parcel id (acknowledges `next-hop`). */
  readonly awaitingVerdict = new Map<string, (accepted: boolean) => void>();
  /** Latest arrival so far: an ordered medium delivers nothing before it. */
  lastArrivalMs = 0;
  /** Parcels on their way here. */
  flying = 0;

  constructor(
    readonly name: string,
    readonly topics: readonly string[],
    private readonly profile: MemoryProfile,
    /** Where this end sends at another rate than the medium. */
    readonly bitsPerSecond: number | null = profile.bitsPerSecond,
  ) {
    this.budget = new AirtimeBudget(profile.airtimeMsPerHourMax);
  }

  get hasRoom(): boolean {
    return this.feed !== null && this.feed.length + this.flying < MEMORY_LIMITS.heardWaitingMax;
  }

  attach(): Feed<BearerEvent> {
    this.detach();
    this.feed = new Feed<BearerEvent>(MEMORY_LIMITS.eventsMax);
    return this.feed;
  }

  detach(): void {
    this.feed?.end();
    this.feed = null;
    this.session = null;
    this.reachable.clear();
    for (const answer of this.awaitingVerdict.values()) answer(false);
    this.awaitingVerdict.clear();
  }

  airtimeMs(byteCount: number): number {
    return airtimeMsOf(byteCount, this.profile.overheadBytes, this.bitsPerSecond);
  }

  answers(address: string): boolean {
    return address === this.name || this.topics.includes(address);
  }
}
