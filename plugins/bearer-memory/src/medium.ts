import {
  type BearerEvent,
  type Clock,
  ConfigError,
  type ContactRequest,
  type ContactResult,
  type Parcel,
  type Rng,
  type SendResult,
  sleep,
  uniformBelow,
  type Verdict,
} from "@estafette/contract";
import type { Feed } from "@estafette/framing";
import { Carrier } from "./carrier.js";
import { Fading } from "./fading.js";
import { MEMORY_LIMITS } from "./limits.js";
import { type Letter, Mailboxes } from "./mailboxes.js";
import { checkProfile, type MemoryProfile } from "./profile.js";
import { Station } from "./station.js";

export interface MemoryMediumOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly profile: MemoryProfile;
  /** Sees each transmission when it ends, whatever becomes of it. */
  readonly watch?: (transmission: MemoryTransmission) => void;
}

/** What was on the air, and until when; `endMs` on the clock of the medium. */
export interface MemoryTransmission {
  readonly station: string;
  readonly byteCount: number;
  readonly airtimeMs: number;
  readonly endMs: number;
}

/** Parcels since the medium was made. */
export interface MemoryCounters {
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly collided: number;
  readonly bytesOnAir: number;
  readonly paid: number;
}

/** The air between bearers of one process. Same clock, same rng, same calls: the same run. */
export class MemoryMedium {
  readonly profile: MemoryProfile;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #watch: ((transmission: MemoryTransmission) => void) | null;
  readonly #stations = new Map<string, Station>();
  readonly #carrier: Carrier;
  readonly #mailboxes: Mailboxes | null;
  readonly #fading: Fading | null;
  readonly #counters = { sent: 0, delivered: 0, lost: 0, duplicated: 0, collided: 0, bytesOnAir: 0, paid: 0 };
  #flying = 0;
  #lastId = 0;

  constructor(options: MemoryMediumOptions) {
    checkProfile(options.profile);
    this.profile = options.profile;
    this.#clock = options.clock;
    this.#rng = options.rng;
    this.#watch = options.watch ?? null;
    this.#carrier = new Carrier(options.profile, options.clock, options.rng);
    this.#fading = options.profile.bursts ? new Fading(options.profile.bursts, options.rng) : null;
    this.#mailboxes = options.profile.mailbox ? new Mailboxes(options.profile.mailbox.parcelsMax) : null;
  }

  counters(): MemoryCounters {
    return { ...this.#counters };
  }

  /** Takes `stationName`, or the whole medium, off the air. What is in the air is lost. */
  cut(stationName?: string): void {
    for (const station of this.#named(stationName)) station.cut = true;
    if (!this.#mailboxes) this.#hangUp();
    this.#announce("the medium is cut");
  }

  restore(stationName?: string): void {
    for (const station of this.#named(stationName)) station.cut = false;
    this.#announce("");
    for (const station of this.#named(stationName)) this.#offerMail(station);
  }

  /** Puts bytes that nobody sent into the ear of `stationName`, as noise or a forger would. */
  inject(stationName: string, bytes: Uint8Array): void {
    const station = this.#stations.get(stationName);
    if (station?.feed) this.#hear(station, { id: this.#nextId(), from: "", bytes, offered: true });
  }

  /** A place on the medium; asking again for the same name gives the same place, as it was made. */
  station(name: string, topics: readonly string[], bitsPerSecond?: number): Station {
    const known = this.#stations.get(name);
    if (known) return known;
    const stationsMax = this.profile.neighbours === "one" ? 2 : MEMORY_LIMITS.stationsMax;
    if (this.#stations.size >= stationsMax) {
      const fix = `at most ${stationsMax} stations on this medium`;
      throw new ConfigError("EST_CONFIG_VALUE", `memory medium: ${fix}`, { key: "station", fix });
    }
    const station = new Station(name, topics, this.profile, bitsPerSecond);
    this.#stations.set(name, station);
    this.#announce("");
    return station;
  }

  attach(station: Station): Feed<BearerEvent> {
    const feed = station.attach();
    if (this.#mailboxes) this.#mailboxes.forgetOffers(station.name);
    else this.#hangUp();
    this.#announce("");
    this.#offerMail(station);
    return feed;
  }

  /** `feed` tells a late departure from that of a successor at the same place. */
  detach(station: Station, feed: Feed<BearerEvent>): void {
    if (station.feed !== feed) return;
    station.detach();
    if (!this.#mailboxes) this.#hangUp();
    this.#announce("the far end went away");
  }

  async send(station: Station, parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (parcel.bytes.length > this.profile.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    const targets = this.#targets(station, parcel.to);
    if (targets.length === 0) return { outcome: "refused", why: "unknown-neighbour" };
    const airtimeMs = station.airtimeMs(parcel.bytes.length);
    const obstacle = this.#obstacle(station, targets, airtimeMs);
    if (obstacle) return obstacle;
    const occupation = await this.#carrier.occupy(station.name, airtimeMs, signal);
    if (occupation === "busy") return deferred("busy", BUSY_RETRY_MS);
    const endMs = this.#clock.monotonicMs();
    station.budget.spend(airtimeMs, endMs - airtimeMs);
    this.#watch?.({ station: station.name, byteCount: parcel.bytes.length, airtimeMs, endMs });
    this.#counters.sent++;
    this.#counters.bytesOnAir += parcel.bytes.length + this.profile.overheadBytes;
    this.#counters.paid += parcel.bytes.length * this.profile.cost.perByte;
    if (occupation === "aborted") return deferred("timeout", 0);
    if (occupation === "collided") {
      this.#counters.collided++;
      return this.#unheard();
    }
    return this.#launch(station, targets, parcel.bytes.slice(), signal);
  }

  /**
   * Opens a dialled session. With a mailbox both purposes collect what waits, as one satellite session moves both ways;
   * without one the far end must be there, and the session is that of both: who was called need not call back.
   */
  async contact(station: Station, request: ContactRequest, signal: AbortSignal): Promise<ContactResult> {
    const targets = this.#targets(station, request.to);
    if (targets.length === 0) return { outcome: "refused", why: "unknown-neighbour" };
    if (!station.feed || (station.cut && this.profile.presence === "seen")) {
      return { outcome: "deferred", why: "no-contact", retryAfterMs: CUT_RETRY_MS };
    }
    if (this.profile.contact === "always") return { outcome: "open", paid: 0 };
    if (!this.#mailboxes && this.#inSession(station)) return { outcome: "open", paid: 0 };
    await sleep(this.#clock, this.profile.contactMs, signal);
    if (signal.aborted || !station.feed) return { outcome: "deferred", why: "timeout", retryAfterMs: 0 };
    const nobody = !this.#mailboxes && targets.every((target) => this.#away(target));
    if (station.cut || nobody || this.#happens(this.profile.contactFailure)) {
      return { outcome: "deferred", why: "no-contact", retryAfterMs: CUT_RETRY_MS };
    }
    const paid = this.profile.cost.perContact;
    this.#counters.paid += paid;
    const lengthMs = Math.min(request.maxMs, this.profile.sessionMsMax);
    const session = { endsAtMs: this.#clock.monotonicMs() + lengthMs };
    station.session = session;
    if (!this.#mailboxes) for (const target of targets) target.session = session;
    this.#mailboxes?.forgetOffers(station.name);
    this.#offerMail(station);
    return { outcome: "open", paid };
  }

  settle(station: Station, parcelId: string, verdict: Verdict): void {
    station.awaitingVerdict.get(parcelId)?.(verdict === "accepted");
    station.awaitingVerdict.delete(parcelId);
    if (!this.#mailboxes) return;
    if (verdict !== "later") this.#mailboxes.remove(station.name, parcelId);
    else if (this.profile.contact === "always") this.#offerAgainLater(station, parcelId);
    this.#offerMail(station);
  }

  #offerAgainLater(station: Station, parcelId: string): void {
    const feed = station.feed;
    const letter = this.#mailboxes?.of(station.name).find((kept) => kept.id === parcelId);
    if (!feed || !letter) return;
    this.#clock.timer(this.profile.answerMsMax, () => {
      if (station.feed !== feed) return;
      letter.offered = false;
      this.#offerMail(station);
    });
  }

  #named(name: string | undefined): Station[] {
    if (name === undefined) return [...this.#stations.values()];
    const station = this.#stations.get(name);
    return station ? [station] : [];
  }

  #inSession(station: Station): boolean {
    return (station.session?.endsAtMs ?? 0) > this.#clock.monotonicMs();
  }

  /** The call between two ends is over: for both. */
  #hangUp(): void {
    for (const station of this.#stations.values()) station.session = null;
  }

  #targets(from: Station, to: string): Station[] {
    const others = [...this.#stations.values()].filter((other) => other !== from);
    if (this.profile.neighbours === "one") return to === "" ? others : [];
    return others.filter((other) => other.answers(to));
  }

  #nameFor(other: Station): string {
    return this.profile.neighbours === "one" ? "" : other.name;
  }

  #obstacle(station: Station, targets: readonly Station[], airtimeMs: number): SendResult | null {
    const nowMs = this.#clock.monotonicMs();
    if (!station.feed) return deferred("no-contact", CUT_RETRY_MS);
    if (this.profile.contact === "dialled" && !this.#inSession(station))
      return deferred("no-contact", CUT_RETRY_MS);
    if (!targets.some((target) => this.#knownReachable(station, target))) {
      return deferred("no-contact", CUT_RETRY_MS);
    }
    const full = this.#mailboxes
      ? targets.some((target) => !this.#mailboxes?.hasRoom(target.name))
      : !this.profile.lossy && targets.some((target) => target.feed && !target.hasRoom);
    if (full || this.#flying + targets.length > MEMORY_LIMITS.flyingMax)
      return deferred("busy", BUSY_RETRY_MS);
    const waitMs = station.budget.waitMs(airtimeMs, nowMs);
    return waitMs > 0 ? deferred("budget", waitMs) : null;
  }

  /** What `from` believes; where presence is unseen it always hopes. */
  #knownReachable(from: Station, to: Station): boolean {
    if (this.profile.presence === "unseen") return true;
    if (this.#mailboxes) return !from.cut;
    return !from.cut && !to.cut && to.feed !== null;
  }

  /** The parcel has left the sender: losses, copies, arrivals, and what the sender learns. */
  async #launch(
    from: Station,
    targets: readonly Station[],
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<SendResult> {
    if (from.cut || (!this.profile.lossy && !this.#mailboxes && targets.every((to) => this.#away(to)))) {
      this.#counters.lost++;
      return this.profile.lossy ? this.#unheard() : deferred("no-contact", CUT_RETRY_MS);
    }
    const verdicts: Promise<boolean>[] = [];
    for (const to of targets) {
      if (this.#happens(this.#loss())) this.#counters.lost++;
      else verdicts.push(this.#fly(from, to, bytes));
      if (this.#happens(this.profile.duplication)) {
        this.#counters.duplicated++;
        void this.#fly(from, to, bytes);
      }
    }
    if (this.profile.acknowledges === "nobody") return { outcome: "sent" };
    if (verdicts.length < targets.length) return this.#unheard();
    if (this.profile.acknowledges === "channel") return { outcome: "acknowledged" };
    return this.#whenAnswered(verdicts, signal);
  }

  /** An acknowledging channel tells the sender that nothing came back; any other says nothing. */
  #unheard(): SendResult {
    return this.profile.acknowledges === "nobody" ? { outcome: "sent" } : deferred("timeout", BUSY_RETRY_MS);
  }

  async #whenAnswered(verdicts: readonly Promise<boolean>[], signal: AbortSignal): Promise<SendResult> {
    const over = new AbortController();
    const stop = (): void => over.abort();
    signal.addEventListener("abort", stop);
    const patience = sleep(this.#clock, this.profile.answerMsMax, over.signal).then(() => [false]);
    const answers = await Promise.race([Promise.all(verdicts), patience]);
    over.abort();
    signal.removeEventListener("abort", stop);
    return answers.every(Boolean) ? { outcome: "acknowledged" } : deferred("timeout", BUSY_RETRY_MS);
  }

  #away(station: Station): boolean {
    return station.cut || station.feed === null;
  }

  /** Resolves with the receiver's verdict, where the channel carries one; it may never come. */
  #fly(from: Station, to: Station, bytes: Uint8Array): Promise<boolean> {
    const { min, max } = this.profile.delayMs;
    const nowMs = this.#clock.monotonicMs();
    const drawnMs = nowMs + min + uniformBelow(this.#rng, Math.floor(max - min) + 1);
    const arrivalMs = this.profile.ordered ? Math.max(drawnMs, to.lastArrivalMs) : drawnMs;
    to.lastArrivalMs = Math.max(to.lastArrivalMs, arrivalMs);
    const letter = { id: this.#nextId(), from: this.#nameFor(from), bytes, offered: false };
    return new Promise((resolve) => {
      if (arrivalMs <= nowMs) return this.#arrive(to, letter, resolve);
      this.#flying++;
      to.flying++;
      this.#clock.timer(arrivalMs - nowMs, () => {
        this.#flying--;
        to.flying--;
        this.#arrive(to, letter, resolve);
      });
    });
  }

  #arrive(to: Station, letter: Letter, answer: (accepted: boolean) => void): void {
    if (this.#mailboxes) {
      if (!this.#mailboxes.put(to.name, letter)) this.#counters.lost++;
      this.#offerMail(to);
      return;
    }
    if (this.profile.acknowledges === "next-hop") to.awaitingVerdict.set(letter.id, answer);
    if (this.#away(to) || !this.#hear(to, letter)) {
      to.awaitingVerdict.delete(letter.id);
      this.#counters.lost++;
    }
  }

  /** Hands over what waits in the mailbox, when somebody is there and, on a dialled link, has called. */
  #offerMail(station: Station): void {
    if (!this.#mailboxes || this.#away(station)) return;
    if (this.profile.contact === "dialled" && !this.#inSession(station)) return;
    for (const letter of this.#mailboxes.of(station.name)) {
      if (letter.offered) continue;
      if (!this.#hear(station, letter)) return;
      letter.offered = true;
    }
  }

  #hear(station: Station, letter: Letter): boolean {
    const { id: parcelId, from, bytes } = letter;
    if (!station.feed || station.feed.length >= MEMORY_LIMITS.heardWaitingMax) return false;
    const heard = station.feed.offer({ type: "heard", parcelId, from, bytes: bytes.slice() });
    if (heard) this.#counters.delivered++;
    return heard;
  }

  /** Tells every station what changed in whom it can reach. */
  #announce(why: string): void {
    for (const station of this.#stations.values()) {
      if (!station.feed) continue;
      for (const other of this.#stations.values()) {
        if (other === station) continue;
        const neighbour = this.#nameFor(other);
        const reachable = this.#knownReachable(station, other);
        if (reachable === station.reachable.has(neighbour)) continue;
        if (reachable) station.reachable.add(neighbour);
        else station.reachable.delete(neighbour);
        station.feed.offer(reachable ? { type: "up", neighbour } : { type: "down", neighbour, why });
      }
    }
  }

  #loss(): number {
    const isBad = this.#fading?.isBad(this.#clock.monotonicMs()) ?? false;
    return isBad ? (this.profile.bursts?.loss ?? 0) : this.profile.loss;
  }

  #happens(probability: number): boolean {
    return probability > 0 && uniformBelow(this.#rng, 1_000_000) < probability * 1_000_000;
  }

  #nextId(): string {
    this.#lastId++;
    return `m${this.#lastId}`;
  }
}

/** The air between the bearers of one process. Throws ConfigError for a contradictory profile. */
export function createMemoryMedium(options: MemoryMediumOptions): MemoryMedium {
  return new MemoryMedium(options);
}

function deferred(why: "no-contact" | "busy" | "timeout" | "budget", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const CUT_RETRY_MS = 5_000;
const BUSY_RETRY_MS = 1_000;
