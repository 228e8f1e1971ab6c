import { type Bearer, type MessageClass, ProtocolError } from "@estafette/contract";
import {
  type ChannelTraits,
  type Conversation,
  type ConversationEvent,
  createConversation,
  type KnownNeighbour,
} from "@estafette/link";
import { addressOf, sameBytes } from "@estafette/protocol";
import type { LinkSettings } from "./api.js";
import { channelOf } from "./channel.js";
import type { Core } from "./core.js";
import type { Peer } from "./directory.js";
import { type Greeting, readGreeting, writeGreeting } from "./greeting.js";
import { LIMITS } from "./limits.js";
import type { Notices } from "./notices.js";
import { Offering } from "./offering.js";
import { keepPairSecret, knownNeighbour } from "./pair-secret.js";
import { Reception } from "./reception.js";

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
  /** How fast the neighbour wishes to be sent to; null: as fast as the channel is. */
  setPeerDrain(session: Session, bytesPerS: number | null): void;
}

/** One copy on its way, by its leg; or every copy of an envelope. */
export type Withdrawn = { readonly legId: number } | { readonly id: Uint8Array };

/** One neighbour on one link: feeds its conversation, commits what it reports, picks what it offers. */
export class Session {
  readonly conversation: Conversation;
  readonly #reception: Reception;
  readonly #offering: Offering;
  readonly #channel: ChannelTraits;
  /** Whom we talk to, or expect; null until the handshake tells. */
  #address: Uint8Array | null;
  #peer: Peer | null = null;
  #peersVersion = -1;
  #blocked = false;
  #closing = false;
  #silent = false;
  #over = false;
  #cancelTick: (() => void) | null = null;
  readonly #bornMs: number;

  private constructor(
    readonly host: SessionHost,
    readonly neighbour: string,
    expected: KnownNeighbour | null,
    greeting: Uint8Array,
  ) {
    const { core, bearer } = host;
    this.#address = expected?.address ?? null;
    this.#bornMs = core.clock.monotonicMs();
    this.#channel = channelOf(bearer);
    this.#reception = new Reception(this, host);
    this.#offering = new Offering(this, host);
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
      greeting,
      rng: core.rng,
      nowMs: core.clock.monotonicMs(),
    });
  }

  /** With the pair secret of an earlier meeting, when the neighbour is known beforehand. */
  static async open(host: SessionHost, neighbour: string, peer: Peer | null): Promise<Session> {
    const known = peer && (await knownNeighbour(host.core, peer));
    return new Session(host, neighbour, known, await greetingFor(host, peer));
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
      this.#established(event).catch((error: unknown) => this.host.core.fail(error, "handshake"));
    else if (event.type === "lost") this.#end(event.why);
    else if (event.type === "settled") this.#offering.settled(event.key, event.result);
    else this.#reception.on(event);
  }

  /** The pair secret is committed before anything is sent under it, so that both ends can resume. */
  async #established(event: Extract<ConversationEvent, { type: "established" }>): Promise<void> {
    const { core } = this.host;
    const peer = this.#meet(addressOf(event.neighbour.rootPublic));
    this.#reception.restart();
    if (!peer) return this.close("not a configured peer");
    this.#blocked = true;
    if (!event.resumed) await keepPairSecret(core, peer, event.pairSecret);
    const greeting = await greeted(core, peer, event.greeting);
    this.#blocked = false;
    if (this.#over) return; // the link went down meanwhile
    this.host.setPeerDrain(this, greeting?.drainBytesPerS ?? null);
    this.#offering.expectReady();
    this.host.established(this);
    this.process();
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#silent = !this.#closing; // the conversation gave up by itself
    this.#cancelTick?.();
    this.#offering.end();
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

  /**
   * probe: what goes on the channel now, or null; of transfers those of this class or more urgent. Saying nothing may
   * begin a wait, so the timer is set again.
   */
  nextParcel(leastUrgent: MessageClass): Uint8Array | null {
    const bytes = this.conversation.nextParcel(this.#nowMs(), leastUrgent);
    if (!bytes) this.#scheduleTick();
    return bytes;
  }

  /** Begins to talk though nothing waits here yet: what is on its way over a dearer link may come over. */
  greet(): void {
    this.begin("to-meet");
  }

  /**
   * Begins the handshake, unless the neighbour is likely to do so this very moment: two that begin at once pay for both.
   * Who has something to send goes first; of two, the one with the smaller address; the other, if nothing was heard.
   */
  begin(why: "to-send" | "to-meet"): void {
    if (this.#over || this.conversation.status().state !== "idle") return;
    const { identity, clock } = this.host.core;
    const leads = this.#address === null || Buffer.compare(identity.address, this.#address) < 0;
    const patienceMs = why === "to-meet" ? LIMITS.meetAfterMs : leads ? 0 : LIMITS.yieldMs;
    const waitMs =
      this.#bornMs + (this.host.bearer.capabilities.duplex === "full" ? patienceMs : 0) - this.#nowMs();
    if (waitMs > 0) {
      clock.timer(waitMs, () => this.begin(why));
      return;
    }
    this.conversation.start(this.#nowMs());
    this.process();
  }

  /** Legs of this neighbour may have become ready, or room for them: the next pick looks. */
  expectReady(): void {
    this.#offering.expectReady();
  }

  /** pick: ready legs of this neighbour become offers; begins the handshake when something waits. */
  async pick(): Promise<void> {
    if (this.#over || this.#blocked || !this.peer) return;
    const { state } = this.conversation.status();
    if (state === "idle" || state === "established") await this.#offering.pick(state);
  }

  /** Something of ours is no longer to be sent here: it ended, or another link carries it. */
  withdraw(what: Withdrawn): void {
    this.#offering.withdraw(what);
  }

  #nowMs(): number {
    return this.host.core.clock.monotonicMs();
  }

  toString(): string {
    return `${this.host.settings.name}/${this.neighbour || "far end"}${this.peer ? ` (${this.peer.name} ${this.peer.addressHex.slice(0, 8)})` : ""}`;
  }
}

/** What we tell a neighbour in the handshake; what we hold of it only when it is known who it will be. */
export async function greetingFor(
  { core, settings }: Pick<SessionHost, "core" | "settings">,
  peer: Peer | null,
): Promise<Uint8Array> {
  const held = peer && {
    templatesDigest: (await core.templates.held(peer)).digest,
    contextsMask: await core.heldContexts.mask(peer),
  };
  return writeGreeting({ drainBytesPerS: settings.budget?.drainBytesPerS ?? null, held });
}

/** Both ends use of templates and contexts only what the other still holds. */
async function greeted(core: Core, peer: Peer, bytes: Uint8Array): Promise<Greeting | null> {
  let greeting: Greeting;
  try {
    greeting = readGreeting(bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    core.log("warn", "a greeting cannot be read", { neighbour: peer.name, why: error.message });
    return null;
  }
  core.greetings.set(peer.addressHex, greeting);
  if (!greeting.held) return greeting;
  await (await core.templates.sent(peer)).agree(greeting.held.templatesDigest);
  await core.sentContexts.agree(peer, greeting.held.contextsMask);
  return greeting;
}
