import { type Bearer, type BearerEvent, sleep } from "@estafette/contract";
import type { LinkSettings, LinkStatus } from "./api.js";
import { isFat } from "./channel.js";
import type { Core } from "./core.js";
import type { Peer } from "./directory.js";
import { Lane } from "./lane.js";
import { LIMITS } from "./limits.js";
import type { Notices } from "./notices.js";
import type { Pacing } from "./pacing.js";
import { Session, type SessionHost, type Withdrawn } from "./session.js";

/** What the relay wants to know of its links. */
export interface LinkHost {
  readonly core: Core;
  readonly notices: Notices;
  /** Who can be reached where has changed. */
  reachabilityChanged(link: Link): void;
}

type Totals = { -readonly [N in keyof CountedStatus]: CountedStatus[N] };
type CountedStatus = Pick<
  LinkStatus,
  "bytesSent" | "bytesHeard" | "parcelsSent" | "parcelsHeard" | "parcelsRefused" | "segmentsRepeated"
>;

const NOTHING: Totals = {
  bytesSent: 0,
  bytesHeard: 0,
  parcelsSent: 0,
  parcelsHeard: 0,
  parcelsRefused: 0,
  segmentsRepeated: 0,
};
const TOTALS = Object.keys(NOTHING) as (keyof Totals)[];

/** One link for its whole life: runs the bearer, opens it again when it breaks, keeps a session per neighbour. */
export class Link implements SessionHost {
  readonly #sessions = new Map<string, Session>();
  readonly #opening = new Set<string>();
  readonly #abort = new AbortController();
  readonly #lane: Lane;
  readonly #totals: Totals = { ...NOTHING };
  #running: Promise<void> | null = null;
  #state: LinkStatus["state"] = "down";
  #detail = "not started";
  #reopenMs: number = LIMITS.reopenMsMin;
  #up = new Set<string>();
  /** Neighbours that did not answer a handshake, until when others are tried first. */
  readonly #silentUntilMs = new Map<string, number>();

  constructor(
    readonly host: LinkHost,
    readonly bearer: Bearer,
    readonly settings: LinkSettings,
  ) {
    this.#lane = new Lane({
      core: this.core,
      name: settings.name,
      bearer,
      budget: settings.budget,
      sessions: () => [...this.#sessions.values()],
      isUrgent: (session) => this.#isUrgent(session),
      signal: this.#abort.signal,
    });
  }

  get core(): Core {
    return this.host.core;
  }

  get notices(): Notices {
    return this.host.notices;
  }

  /** Addresses (hex) of peers with an authenticated conversation. */
  establishedPeers(): ReadonlySet<string> {
    return new Set(
      [...this.#sessions.values()]
        .filter((s) => s.isEstablished && s.peer)
        .map((s) => s.peer?.addressHex ?? ""),
    );
  }

  /** Addresses (hex) of peers this link can probably reach: they are up, and did not stay silent lately. */
  reachablePeers(): ReadonlySet<string> {
    const nowMs = this.core.clock.monotonicMs();
    const reachable = new Set<string>();
    for (const neighbour of this.#up) {
      if (nowMs < (this.#silentUntilMs.get(neighbour) ?? 0)) continue;
      const peer = this.#sessions.get(neighbour)?.peer ?? this.#expectedPeer(neighbour);
      if (peer) reachable.add(peer.addressHex);
      else for (const one of this.#possiblePeers()) reachable.add(one.addressHex);
    }
    return reachable;
  }

  /** Begins a conversation with this peer (hex), where there is none yet and it is up. */
  greet(addressHex: string): void {
    for (const session of this.#sessions.values())
      if (session.peer?.addressHex === addressHex) session.greet();
  }

  /** Whoever may be behind a name the bearer gives and nobody configured. */
  #possiblePeers(): readonly Peer[] {
    if (this.settings.neighbours) return [];
    const allowed = this.settings.peers;
    return this.core.directory.peers.filter(
      (p) => p.links.includes(this.settings.name) && (allowed.length === 0 || allowed.includes(p.name)),
    );
  }

  start(): void {
    this.#running ??= this.#supervise();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const session of [...this.#sessions.values()]) session.close("stopping");
    await this.#lane.stop();
    await this.#running;
  }

  /** The most urgent leg that is not settled yet decides; one of a lower class may be before it. */
  async #isUrgent({ peer }: Session): Promise<boolean> {
    if (!peer) return false;
    const where = { link: this.settings.name, neighbour: peer.address, limit: 2 };
    const legs = await this.core.spool.ready(where);
    return legs.some((leg) => leg.class === "flash" || leg.class === "priority");
  }

  /** The most this neighbour wants to be sent, in bytes per second, as it says in its greeting; null: no wish. */
  setPeerDrain(session: Session, bytesPerS: number | null): void {
    this.#lane.setPeerDrain(session, bytesPerS);
  }

  get pacing(): Pacing {
    return this.#lane.pacing;
  }

  speak(): void {
    this.#lane.wake();
  }

  /** Something may be ready to send. */
  wake(): void {
    for (const session of this.#sessions.values()) session.expectReady();
    this.#lane.wake();
  }

  /** After the configured peers changed. A neighbour whose key was not known when it came up is met anew. */
  peersChanged(): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.isDisowned) session.close("no longer a configured peer");
      else if (session.peer === null && this.#expectedPeer(session.neighbour))
        this.#meetAnew(session, "its key is known now");
    }
  }

  withdraw(what: Withdrawn): void {
    for (const session of this.#sessions.values()) session.withdraw(what);
  }

  /** What a conversation was begun for may hold no more: then another begins, which is cheap by the pair secret. */
  #channelChanged(): void {
    for (const session of [...this.#sessions.values()])
      if (session.isOutgrown) this.#meetAnew(session, "the channel has changed");
    this.host.reachabilityChanged(this);
  }

  #meetAnew(session: Session, why: string): void {
    session.close(why);
    if (this.#up.has(session.neighbour)) void this.#open(session.neighbour);
  }

  established(session: Session): void {
    const peer = session.peer?.name ?? "";
    for (const other of [...this.#sessions.values()]) {
      if (other !== session && other.peer?.addressHex === session.peer?.addressHex && !other.isOver)
        other.close("a newer conversation with the same neighbour");
    }
    this.core.emit({
      type: "neighbour",
      link: this.settings.name,
      peer,
      state: "established",
      detail: session.toString(),
    });
    this.host.reachabilityChanged(this);
    this.wake();
  }

  lost(session: Session, why: string): void {
    if (this.#sessions.get(session.neighbour) === session) this.#sessions.delete(session.neighbour);
    this.#addTotals(session);
    this.#lane.forget(session);
    this.#noteSilence(session);
    this.core.emit({
      type: "neighbour",
      link: this.settings.name,
      peer: session.peer?.name ?? session.neighbour,
      state: "lost",
      detail: why,
    });
    this.host.reachabilityChanged(this);
    // The neighbour may still be there: meet again after a while, as long as the bearer says it can be reached.
    if (this.#up.has(session.neighbour) && !this.#abort.signal.aborted) {
      const chance = (this.core.rng.bytes(1)[0] ?? 0) / 256;
      const delayMs = (isFat(this.bearer) ? 1_000 : 15_000) * (1 + chance);
      void sleep(this.core.clock, delayMs, this.#abort.signal).then(async () => {
        if (this.#up.has(session.neighbour)) await this.#open(session.neighbour);
      });
    }
  }

  #noteSilence({ neighbour, wasSilent }: Session): void {
    if (!wasSilent) return void this.#silentUntilMs.delete(neighbour);
    if (this.#silentUntilMs.size >= LIMITS.sessionsPerLinkMax) this.#silentUntilMs.clear();
    this.#silentUntilMs.set(neighbour, this.core.clock.monotonicMs() + LIMITS.silentHoldMs);
  }

  async #supervise(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      let why = "closed";
      try {
        for await (const event of this.bearer.run(this.#abort.signal)) await this.#on(event);
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
      this.#closeAll(why);
      if (this.#abort.signal.aborted) return;
      this.#setState("broken", why);
      await sleep(this.core.clock, this.#reopenMs, this.#abort.signal);
      this.#reopenMs = Math.min(this.#reopenMs * 2, LIMITS.reopenMsMax);
    }
  }

  async #on(event: BearerEvent): Promise<void> {
    if (event.type === "up") await this.#neighbourUp(event.neighbour);
    else if (event.type === "down") this.#neighbourDown(event.neighbour, event.why);
    else if (event.type === "heard") await this.#heard(event.parcelId, event.from, event.bytes);
    else this.#channelChanged();
  }

  async #neighbourUp(neighbour: string): Promise<void> {
    this.#reopenMs = LIMITS.reopenMsMin;
    this.#up.add(neighbour);
    this.#setState("up", neighbour);
    await this.#open(neighbour);
  }

  /** A store buffer's neighbour stays in conversation though nobody is dialled in; elsewhere down means gone. */
  #neighbourDown(neighbour: string, why: string): void {
    this.#lane.contactEnded(neighbour);
    if (this.bearer.capabilities.contact === "dialled") return;
    this.#up.delete(neighbour);
    this.#sessions.get(neighbour)?.close(why);
    if (this.#up.size === 0) this.#setState("down", why);
  }

  async #open(neighbour: string): Promise<Session | null> {
    const existing = this.#sessions.get(neighbour);
    if (existing) return existing;
    if (this.#opening.has(neighbour) || this.#sessions.size >= LIMITS.sessionsPerLinkMax) return null;
    this.#opening.add(neighbour);
    try {
      const session = await Session.open(this, neighbour, this.#expectedPeer(neighbour));
      if (this.#abort.signal.aborted) return null;
      this.#sessions.set(neighbour, session);
      if (session.peer && isFat(this.bearer)) session.begin("to-meet");
      session.process();
      return session;
    } catch (error) {
      this.core.fail(error, `link ${this.settings.name}`);
      return null;
    } finally {
      this.#opening.delete(neighbour);
    }
  }

  /** Who must be at the far end: by the bearer's own name, or because only one peer is allowed here. */
  #expectedPeer(neighbour: string): Peer | null {
    const { directory } = this.core;
    const { neighbours } = this.settings;
    // Where names are configured, a name that is not among them is somebody else.
    if (neighbours) return directory.peerNamed(neighbours[neighbour] ?? "");
    const [only, ...others] = this.settings.peers;
    if (this.bearer.capabilities.neighbours === "many" && this.settings.peers.length !== 1) return null;
    return only && others.length === 0 ? directory.peerNamed(only) : null;
  }

  async #heard(parcelId: string, from: string, bytes: Uint8Array): Promise<void> {
    const session = this.#sessions.get(from) ?? (await this.#open(from));
    if (!session) {
      await this.bearer.settle(parcelId, "later");
      return;
    }
    this.#lane.heard(from);
    session.heard(bytes);
    // A bearer whose confirmation means something gets it only after what the parcel changed is on disk.
    const isKept = this.bearer.capabilities.acknowledges === "nobody" || (await this.#isOnDisk());
    await this.bearer.settle(parcelId, isKept ? "accepted" : "later");
  }

  /** False when the disk is full; any other trouble of the store stops the node. */
  async #isOnDisk(): Promise<boolean> {
    try {
      await this.core.spool.flush();
      return true;
    } catch (error) {
      this.core.fail(error, `link ${this.settings.name}`);
      return false;
    }
  }

  #closeAll(why: string): void {
    this.#up.clear();
    for (const session of [...this.#sessions.values()]) {
      this.#lane.contactEnded(session.neighbour);
      session.close(why);
    }
  }

  #setState(state: LinkStatus["state"], detail: string): void {
    if (state === this.#state && detail === this.#detail) return;
    this.#state = state;
    this.#detail = detail;
    this.core.emit({ type: "link", link: this.settings.name, state, detail });
    this.host.reachabilityChanged(this);
  }

  #addTotals(session: Session): void {
    const s = session.conversation.status();
    for (const name of TOTALS) this.#totals[name] += s[name];
  }

  status(): LinkStatus {
    const sessions = [...this.#sessions.values()];
    const sum = (name: keyof Totals): number =>
      sessions.reduce((n, s) => n + s.conversation.status()[name], this.#totals[name]);
    return {
      name: this.settings.name,
      state: this.#state,
      detail: this.#detail,
      neighbours: sessions.map((s) => {
        const { state, outgoingCount, incomingCount } = s.conversation.status();
        return { neighbour: s.neighbour, peer: s.peer?.name ?? null, state, outgoingCount, incomingCount };
      }),
      bytesSent: sum("bytesSent"),
      bytesHeard: sum("bytesHeard"),
      parcelsSent: sum("parcelsSent"),
      parcelsHeard: sum("parcelsHeard"),
      parcelsRefused: sum("parcelsRefused"),
      segmentsRepeated: sum("segmentsRepeated"),
      budget: this.#lane.pacing.status(),
    };
  }
}
