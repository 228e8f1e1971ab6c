import type { TransferResult } from "@estafette/link";
import { encodeCompactHead, type Head, sameBytes, toHex } from "@estafette/protocol";
import type { EnvelopeRecord, Leg } from "@estafette/spool";
import { carriesFullChain, chunkBytesMaxOf, isFat } from "./channel.js";
import { composeLeg } from "./compose.js";
import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import { headForHop, headOf } from "./outgoing.js";
import { replanLeg } from "./planning.js";
import { recompose } from "./recompose.js";
import type { Session, SessionHost, Withdrawn } from "./session.js";
import { settleTransfer } from "./settle.js";

/** The sending half of a session: picks what is ready, offers it, commits what the neighbour answers. */
export class Offering {
  readonly #underway = new Map<number, Leg>();
  #mayBeReady = true;
  #picking = false;
  #over = false;

  constructor(
    readonly session: Session,
    readonly host: SessionHost,
  ) {}

  expectReady(): void {
    this.#mayBeReady = true;
  }

  end(): void {
    this.#over = true;
    this.#underway.clear();
  }

  /**
   * Ready legs of this neighbour become offers. On a fat link the channel is not kept waiting for the store; on a slow
   * one what goes out next is decided by what is ready.
   */
  async pick(state: "idle" | "established"): Promise<void> {
    if (this.#picking || !this.#mayBeReady || this.#over) return;
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
    if (state === "idle") return this.session.begin("to-send");
    const offers: Promise<void>[] = [];
    const composed = new Set<number>();
    for (const leg of legs) {
      if (composed.has(leg.legId) || !this.#hasRoomFor(leg)) continue;
      if (leg.what.kind !== "message") {
        this.#underway.set(leg.legId, leg);
        offers.push(this.#offer(leg));
      } else for (const joined of await this.#compose(leg)) composed.add(joined);
      if (this.#over) return;
    }
    await Promise.all(offers);
  }

  async #readyLegs(): Promise<readonly Leg[]> {
    const { peer } = this.session;
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
    if (!this.session.conversation.canOffer()) return false;
    const urgent = leg.class === "flash" || leg.class === "priority";
    return urgent || isFat(this.host.bearer) || this.#underway.size < LIMITS.slowOffersMax;
  }

  #notesUnderway(): number {
    let count = 0;
    for (const { what } of this.#underway.values()) if (what.kind === "note") count++;
    return count;
  }

  /**
   * The message and those that wait with it become one envelope, whose leg the next pick finds. What the store refuses
   * waits for the next wake-up. Returns the legs that are gone.
   */
  async #compose(leg: Leg): Promise<readonly number[]> {
    const { core, notices, bearer, settings } = this.host;
    const { legIds, hopeless } = await composeLeg(core, leg, chunkBytesMaxOf(bearer, settings));
    for (const { leg: lost, why } of hopeless)
      notices.ended((await core.spool.settleLeg(lost.legId, { outcome: "refused", why })).ended);
    this.#mayBeReady = true;
    return legIds;
  }

  async #offer(leg: Leg): Promise<void> {
    if (leg.what.kind === "note")
      this.session.conversation.sendNote({ key: leg.legId, bytes: leg.what.bytes }, this.#nowMs());
    else if (leg.what.kind === "envelope") await this.#offerEnvelope(leg, leg.what.id);
    this.session.process();
  }

  async #offerEnvelope(leg: Leg, id: Uint8Array): Promise<void> {
    const { core } = this.host;
    const { peer } = this.session;
    const [record, payload] = await Promise.all([core.spool.envelope(id), core.spool.envelopePayload(id)]);
    if (record && !this.#mayCarry(record)) return await this.#holdBack(leg);
    if (record && this.#isForAnother(record, leg)) return await this.#sealAnew(leg, record);
    const head = record && payload && headForHop(core, record, leg.hop, this.#fullChain());
    // Without a head it is past its lifetime: the expiry sweep ends it and tells its sender. Without room it waits
    // until something is settled.
    const isWanted = this.#underway.has(leg.legId) && !this.#over;
    if (!record || !payload || !head || !peer || !isWanted || !this.session.conversation.canOffer()) {
      this.#underway.delete(leg.legId);
      return;
    }
    await this.#give(leg, record, { head, payload, peer });
  }

  async #give(
    leg: Leg,
    record: EnvelopeRecord,
    { head, payload, peer }: { readonly head: Head; readonly payload: Uint8Array; readonly peer: Peer },
  ): Promise<void> {
    const { core } = this.host;
    const templates = await core.templates.sent(peer);
    if (this.#over || !this.#underway.has(leg.legId)) return;
    const probe = core.asking.isWorthIt(record, peer.addressHex);
    const slot = templates.formFor(leg.legId, head.signed.header);
    core.goodputs.began(leg.legId, record.head.length + payload.length);
    const ends = { sender: core.identity.keys.root, receiver: peer.address };
    const told = (payloadFollows: boolean) => encodeCompactHead(head, { ends, slot, payloadFollows });
    const transfer = {
      key: leg.legId,
      id: record.id,
      class: record.class,
      payload,
      probe,
      flow: flowOf(record),
    };
    this.session.conversation.offer({ ...transfer, head: told(false), pushHead: told(true) }, this.#nowMs());
  }

  /** Its content refers to what its destination remembers, and now it is to go by way of another node. */
  #isForAnother(record: EnvelopeRecord, leg: Leg): boolean {
    if (record.from !== null || sameBytes(leg.hop.neighbour, record.destination)) return false;
    return (headOf(record).signed.header.context?.uses ?? null) !== null;
  }

  async #sealAnew(leg: Leg, record: EnvelopeRecord): Promise<void> {
    await recompose(this.host.core, record, leg.hop);
    this.#underway.delete(leg.legId);
    this.#mayBeReady = true;
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

  withdraw(what: Withdrawn): void {
    for (const [key, leg] of this.#underway) {
      const isMeant =
        "legId" in what
          ? key === what.legId
          : leg.what.kind === "envelope" && sameBytes(leg.what.id, what.id);
      if (!isMeant) continue;
      this.#underway.delete(key);
      this.session.conversation.withdraw(key, this.#nowMs());
      this.#mayBeReady = true;
      this.host.speak();
    }
  }

  #fullChain(): boolean {
    return carriesFullChain(this.host.bearer, this.host.settings);
  }

  settled(key: number, result: TransferResult): void {
    const leg = this.#underway.get(key);
    const { peer } = this.session;
    if (!leg || !peer) return;
    void settleTransfer(this.host.core, leg, result, {
      link: this.host.settings.name,
      peer,
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
}

/** Whose turn it is inside a class: the neighbour it came from, or our own users. */
function flowOf(record: EnvelopeRecord): string {
  return record.from === null ? "own" : toHex(record.from);
}
