import type { Bearer } from "@estafette/contract";
import {
  type ChannelTraits,
  type Conversation,
  type ConversationEvent,
  createConversation,
  type KnownNeighbour,
} from "@estafette/link";
import { addressOf, sameBytes } from "@estafette/protocol";
import type { EnvelopeRecord, Leg } from "@estafette/spool";
import type { LinkSettings } from "./api.js";
import { channelOf, isFat } from "./channel.js";
import { composeLeg } from "./compose.js";
import type { Core } from "./core.js";
import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import type { Notices } from "./notices.js";
import { headForHop, headOf } from "./outgoing.js";
import { keepPairSecret, knownNeighbour } from "./pair-secret.js";
import { replanLeg } from "./planning.js";
import { Reception } from "./reception.js";
import { settleTransfer } from "./settle.js";

/** What a session needs from the link it lives on. */
export interface SessionHost {
  readonly core: Core;
  readonly notices: Notices;
  readonly bearer: Bearer;
  readonly settings: LinkSettings;
  /** The conversation may have something for the channel, or room for more. */
  speak(): void;
  established(session: Session): void;
  lost(session: Session, why: string): void;
}

/** One copy on its way, by its leg; or every copy of an envelope. */
export type Withdrawn = { readonly legId: number } | { readonly id: Uint8Array };

/** One neighbour on one link: feeds its conversation, commits what it reports, picks what it offers. */
export class Session {
  readonly conversation: Conversation;
  readonly #reception: Reception;
  readonly #underway = new Map<number, Leg>();
  readonly #channel: ChannelTraits;
  /** Whom we talk to, or expect; null until the handshake tells. */
  #address: Uint8Array | null;
  #peer: Peer | null = null;
  #peersVersion = -1;
  #blocked = false;
  #closing = false;
  #silent = false;
  #over = false;
  #mayBeReady = true;
  #picking = false;
  #cancelTick: (() => void) | null = null;

  private constructor(
    readonly host: SessionHost,
    readonly neighbour: string,
    expected: KnownNeighbour | null,
  ) {
    const { core, bearer } = host;
    this.#address = expected?.address ?? null;
    this.#channel = channelOf(bearer);
    this.#reception = new Reception(this, host);
    this.conversation = createConversation({
      self: {
        address: core.identity.address,
        rootPublic: core.identity.keys.root,
        staticPublic: core.identity.keys.sealing,
        agree: (theirs) => core.identity.agree(theirs),
      },
      expected,
      admit: (root, sealing) => this.#admit(root, sealing),
      channel: this.#channel,
      rng: core.rng,
      nowMs: core.clock.monotonicMs(),
    });
  }

  /** With the pair secret of an earlier meeting, when the neighbour is known beforehand. */
  static async open(host: SessionHost, neighbour: string, peer: Peer | null): Promise<Session> {
    return new Session(host, neighbour, peer && (await knownNeighbour(host.core, peer)));
  }

  /** As configured now; null: not known yet, or no longer a peer. */
  get peer(): Peer | null {
    const { directory } = this.host.core;
    if (this.#peersVersion === directory.version) return this.#peer;
    this.#peersVersion = directory.version;
    this.#peer = this.#address && directory.peer(this.#address);
    return this.#peer;
  }

  #meet(address: Uint8Array): Peer | null {
    this.#address = address;
    this.#peersVersion = -1;
    return this.peer;
  }

  /** Whether something of ours waits for the neighbour's word. */
  get isAwaiting(): boolean {
    const { state, outgoingCount } = this.conversation.status();
    return state === "handshake" || outgoingCount > 0;
  }

  /** Whether the neighbour was a peer and is one no more. */
  get isDisowned(): boolean {
    return this.#address !== null && this.peer === null;
  }

  /** Whether the channel is no longer the one this conversation was begun for. */
  get isOutgrown(): boolean {
    const now = channelOf(this.host.bearer);
    const { parcelBytesMax, duplex, encrypt } = this.#channel;
    return now.parcelBytesMax < parcelBytesMax || now.duplex !== duplex || now.encrypt !== encrypt;
  }

  get isEstablished(): boolean {
    return !this.#blocked && this.conversation.status().state === "established";
  }

  get isOver(): boolean {
    return this.#over;
  }

  #admit(root: Uint8Array, sealing: Uint8Array): KnownNeighbour | null {
    const peer = this.host.core.directory.peers.find(
      (p) => sameBytes(p.keys.root, root) && sameBytes(p.keys.sealing, sealing),
    );
    const allowed = this.host.settings.peers;
    if (!peer || (allowed.length > 0 && !allowed.includes(peer.name))) return null;
    return { address: peer.address, rootPublic: root, staticPublic: sealing, pairSecret: null };
  }

  heard(bytes: Uint8Array): void {
    this.conversation.heard(bytes, this.#nowMs());
    this.process();
  }

  /** Whether it ended because nobody answered. */
  get wasSilent(): boolean {
    return this.#silent;
  }

  close(why: string): void {
    if (this.#over) return;
    this.#closing = true;
    this.conversation.close(this.#nowMs(), why);
    this.process();
    this.#end(why);
  }

  /** Handles what the conversation reports. Called after every input. */
  process(): void {
    for (const event of this.conversation.takeEvents()) this.#on(event);
    this.#scheduleTick();
    if (!this.#over) this.host.speak();
  }

  #on(event: ConversationEvent): void {
    if (event.type === "established")
      void this.#established(event.neighbour, event.pairSecret, event.resumed);
    else if (event.type === "lost") this.#end(event.why);
    else if (event.type === "settled") this.#settled(event.key, event.result);
    else this.#reception.on(event);
  }

  /** The pair secret is committed before anything is sent under it, so that both ends can resume. */
  async #established(known: KnownNeighbour, pairSecret: Uint8Array, resumed: boolean): Promise<void> {
    const { core } = this.host;
    const peer = this.#meet(addressOf(known.rootPublic));
    this.#reception.restart();
    if (!peer) return this.close("not a configured peer");
    if (!resumed) {
      this.#blocked = true;
      await keepPairSecret(core, peer, pairSecret);
      this.#blocked = false;
    }
    if (this.#over) return; // the link went down meanwhile
    this.#mayBeReady = true;
    this.host.established(this);
    this.process();
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#silent = !this.#closing; // the conversation gave up by itself
    this.#cancelTick?.();
    this.#underway.clear();
    this.#reception.end();
    this.host.lost(this, why);
  }

  #scheduleTick(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
    const at = this.#over ? null : this.conversation.nextTickMs();
    if (at === null) return;
    this.#cancelTick = this.host.core.clock.timer(Math.max(1, Math.ceil(at - this.#nowMs())), () => {
      this.conversation.tick(this.#nowMs());
      this.process();
    });
  }

  /** probe: what goes on the channel now, or null. Saying nothing may begin a wait, so the timer is set again. */
  nextParcel(): Uint8Array | null {
    const bytes = this.conversation.nextParcel(this.#nowMs());
    if (!bytes) this.#scheduleTick();
    return bytes;
  }

  /** Begins to talk though nothing waits here yet: what is on its way over a dearer link may come over. */
  greet(): void {
    if (this.#over || this.conversation.status().state !== "idle") return;
    this.conversation.start(this.#nowMs());
    this.process();
  }

  /** Legs of this neighbour may have become ready, or room for them: the next pick looks. */
  expectReady(): void {
    this.#mayBeReady = true;
  }

  /**
   * pick: ready legs of this neighbour become offers. Begins the handshake when something waits. On a fat link the
   * channel is not kept waiting for the store; on a slow one what goes out next is decided by what is ready.
   */
  async pick(): Promise<void> {
    if (this.#picking || !this.#mayBeReady || this.#over || this.#blocked || !this.peer) return;
    const { state } = this.conversation.status();
    if (state === "handshake" || state === "lost") return;
    this.#picking = true;
    const picked = this.#pick(state).finally(() => {
      this.#picking = false;
      if (this.#mayBeReady && !this.#over) this.#pickAgain();
    });
    if (!isFat(this.host.bearer)) return await picked;
    picked.catch((error: unknown) => this.host.core.fail(error, `lane ${this.host.settings.name}`));
  }

  /** Under load a look finds mostly what is under way: what becomes ready meanwhile is picked together. */
  #pickAgain(): void {
    const { core, bearer } = this.host;
    this.#picking = isFat(bearer) && this.#underway.size > 0;
    if (!this.#picking) return void this.host.speak();
    core.clock.timer(LIMITS.pickPauseMs, () => {
      this.#picking = false;
      this.host.speak();
    });
  }

  async #pick(state: "idle" | "established"): Promise<void> {
    this.#mayBeReady = false;
    const legs = await this.#readyLegs();
    if (this.#over || legs.length === 0) return;
    if (state === "idle") {
      this.conversation.start(this.#nowMs());
      return this.process();
    }
    const offers: Promise<void>[] = [];
    for (const leg of legs) {
      if (!this.#hasRoomFor(leg)) continue;
      this.#underway.set(leg.legId, leg);
      offers.push(this.#offer(leg));
    }
    await Promise.all(offers);
  }

  async #readyLegs(): Promise<readonly Leg[]> {
    const { peer } = this;
    if (!peer) return [];
    const legs = await this.host.core.spool.ready({
      link: this.host.settings.name,
      neighbour: peer.address,
      limit: this.#underway.size + LIMITS.pickedAtOnceMax,
    });
    return legs.filter((leg) => !this.#underway.has(leg.legId));
  }

  /** On slow links a place is kept free for what is urgent. */
  #hasRoomFor(leg: Leg): boolean {
    if (leg.what.kind === "note") return this.#notesUnderway() < LIMITS.notesOfferedMax;
    if (!this.conversation.canOffer()) return false;
    const urgent = leg.class === "flash" || leg.class === "priority";
    return urgent || isFat(this.host.bearer) || this.#underway.size < LIMITS.slowOffersMax;
  }

  #notesUnderway(): number {
    let count = 0;
    for (const { what } of this.#underway.values()) if (what.kind === "note") count++;
    return count;
  }

  async #offer(leg: Leg): Promise<void> {
    if (leg.what.kind === "note")
      this.conversation.sendNote({ key: leg.legId, bytes: leg.what.bytes }, this.#nowMs());
    else if (leg.what.kind === "message") await this.#compose(leg);
    else await this.#offerEnvelope(leg, leg.what.id);
    this.process();
  }

  /**
   * The message's leg becomes the leg of its envelope, which the next pick finds. What the store refuses waits for
   * the next wake-up.
   */
  async #compose(leg: Leg): Promise<void> {
    const { core } = this.host;
    try {
      const why = await composeLeg(core, leg);
      if (why !== null)
        this.host.notices.ended(await core.spool.settleLeg(leg.legId, { outcome: "refused", why }));
      this.#mayBeReady = true;
    } finally {
      this.#underway.delete(leg.legId);
    }
  }

  async #offerEnvelope(leg: Leg, id: Uint8Array): Promise<void> {
    const { core } = this.host;
    const [record, payload] = await Promise.all([core.spool.envelope(id), core.spool.envelopePayload(id)]);
    if (record && !this.#mayCarry(record)) return await this.#holdBack(leg);
    const head = record && payload && headForHop(core, record, leg.hop, this.#fullChain());
    if (this.#over) return;
    // Without a head it is past its lifetime: the expiry sweep ends it and tells its sender. Without room it waits
    // until something is settled.
    const isWanted = this.#underway.has(leg.legId);
    if (!record || !payload || !head || !isWanted || !this.conversation.canOffer()) {
      this.#underway.delete(leg.legId);
      return;
    }
    this.conversation.offer({ key: leg.legId, id, class: record.class, head, payload }, this.#nowMs());
  }

  /** The law of the band, looked at last: the content policy of a link may have changed since it was planned. */
  #mayCarry(record: EnvelopeRecord): boolean {
    if (this.host.bearer.capabilities.content === "any") return true;
    return headOf(record).signed.header.mode === "clear-signed";
  }

  async #holdBack(leg: Leg): Promise<void> {
    const { core } = this.host;
    const moved = await replanLeg(core, leg);
    const atMs = core.spool.nowMs() + LIMITS.replanEveryMs;
    const why = `${this.host.settings.name} may carry nothing sealed now`;
    if (!moved) await core.spool.settleLeg(leg.legId, { outcome: "retry", atMs, why });
    this.#underway.delete(leg.legId);
    core.wake(moved ?? leg.hop);
  }

  /** Something of ours is no longer to be sent here: it ended, or another link carries it. */
  withdraw(what: Withdrawn): void {
    for (const [key, leg] of this.#underway) {
      const isMeant =
        "legId" in what
          ? key === what.legId
          : leg.what.kind === "envelope" && sameBytes(leg.what.id, what.id);
      if (!isMeant) continue;
      this.#underway.delete(key);
      this.conversation.withdraw(key, this.#nowMs());
      this.#mayBeReady = true;
      this.host.speak();
    }
  }

  #fullChain(): boolean {
    const { chain } = this.host.settings;
    return chain === "full" || (chain === "auto" && isFat(this.host.bearer));
  }

  #settled(key: number, result: Parameters<typeof settleTransfer>[2]): void {
    const leg = this.#underway.get(key);
    if (!leg) return;
    void settleTransfer(this.host.core, leg, result, {
      link: this.host.settings.name,
      peer: this.peer?.name ?? this.neighbour,
      notices: this.host.notices,
    })
      .catch((error: unknown) => this.host.core.fail(error, "settle"))
      .finally(() => {
        this.#underway.delete(key);
        this.#mayBeReady = true;
        this.host.speak();
      });
  }

  #nowMs(): number {
    return this.host.core.clock.monotonicMs();
  }

  toString(): string {
    return `${this.host.settings.name}/${this.neighbour || "far end"}${this.peer ? ` (${this.peer.name} ${this.peer.addressHex.slice(0, 8)})` : ""}`;
  }
}
