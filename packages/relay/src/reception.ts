import { OperatingError } from "@estafette/contract";
import type { Answer, ConversationEvent } from "@estafette/link";
import { type CompactHead, type HeadEnds, readCompactHead, toHex } from "@estafette/protocol";
import { admits } from "@estafette/router";
import { CLASS_RANK } from "@estafette/spool";
import { isFat } from "./channel.js";
import type { Peer } from "./directory.js";
import { EarlyOpening } from "./early-opening.js";
import type { HeldTemplates } from "./head-templates.js";
import { type CheckedHead, checkHead, keepEnvelope, type Refusal, refusalOf } from "./incoming.js";
import { LIMITS } from "./limits.js";
import { heardNote } from "./notes.js";
import type { Session, SessionHost } from "./session.js";

type Heard = Exclude<ConversationEvent, { type: "established" | "settled" | "lost" }>;
type Offered = Extract<Heard, { type: "offered" }>;
type Pushed = Extract<Heard, { type: "pushed" }>;

/** A head as it was told, and what it turned out to be. */
interface Read {
  readonly compact: CompactHead;
  readonly checked: CheckedHead;
}

interface Incoming {
  readonly offer: Offered;
  read: Read | null;
  early: EarlyOpening | null;
  /** Small payloads on fat links are assembled here; null: the spool assembles. */
  memory: { readonly bytes: Uint8Array } | null;
  /** Payload ranges in memory that the spool does not have: kept when the session ends. */
  readonly unsaved: { readonly start: number; end: number }[];
  heldBytes: number;
  /** What is under way for it, one after the other. */
  work: Promise<void>;
}

/** The receiving half of a session: answers offers, keeps ranges, keeps envelopes, and only then accepts. */
export class Reception {
  readonly #incoming = new Map<number, Incoming>();
  readonly #failures = new Map<string, number>();
  #templates: { readonly peer: Peer; readonly held: Promise<HeldTemplates> } | null = null;
  #memoryBytes = 0;
  #over = false;

  constructor(
    readonly session: Session,
    readonly host: SessionHost,
  ) {}

  on(event: Heard): void {
    const done = this.#handle(event);
    done
      ?.catch((error: unknown) => this.#fault(event, error))
      .finally(() => this.#over || this.session.process());
  }

  /** What was under way under earlier keys begins anew, from the ranges that are here. */
  restart(): void {
    for (const [tag, incoming] of this.#incoming) {
      this.#saveRanges(incoming);
      this.#forget(tag);
    }
  }

  end(): void {
    this.#over = true;
    this.restart();
  }

  #saveRanges({ memory, unsaved, offer }: Incoming): void {
    if (!memory) return;
    for (const { start, end } of unsaved)
      this.#writeRange(offer.id, offer.payloadBytes, start, memory.bytes.subarray(start, end));
  }

  /** A range that found no room is lost, not the transfer: completing finds the gap and asks again. */
  #writeRange(id: Uint8Array, totalBytes: number, start: number, bytes: Uint8Array): void {
    const { core } = this.host;
    core.spool
      .writePartial(id, totalBytes, start, bytes)
      .catch((error: unknown) => core.fail(error, "partial"));
  }

  #handle(event: Heard): Promise<void> | null {
    if (event.type === "pushed") return this.#pushed(event);
    if (event.type === "offered") return this.#offered(event);
    if (event.type === "note") return this.#note(event.tag, event.bytes);
    if (event.type === "withdrawn") {
      this.#forget(event.tag);
      return null;
    }
    const incoming = this.#incoming.get(event.tag);
    if (!incoming) return null;
    if (event.type === "range") {
      this.#range(incoming, event.start, event.bytes);
      return null;
    }
    const next =
      event.type === "head" ? () => this.#head(event.tag, event.bytes) : () => this.#complete(event.tag);
    incoming.work = incoming.work.then(next);
    return incoming.work;
  }

  // ── a whole envelope in one parcel ────────────────────────────────────────────────────────────────────────────────

  async #pushed({ tag, bytes }: Pushed): Promise<void> {
    const { peer } = this.session;
    if (!peer) return this.#refuse(tag, { answer: "never", reason: "denied" });
    const answer = await this.#answerToPush(peer, bytes);
    if (this.#over) return;
    if (answer === "accepted") this.session.conversation.accept(tag, this.#nowMs());
    else this.session.conversation.reject(tag, answer, this.#nowMs());
  }

  async #answerToPush(
    peer: Peer,
    bytes: Uint8Array,
  ): Promise<"accepted" | Exclude<Answer, { answer: "want" }>> {
    const { core } = this.host;
    const templates = await this.#templatesOf(peer);
    try {
      const compact = this.#readHead(peer, templates, bytes);
      if (compact === null) return { answer: "never", reason: "template" };
      const payload = bytes.subarray(compact.bytes);
      const head = compact.complete(payload);
      const known = await this.#answerTo(head.signed.id, head.signed.header.class, payload.length);
      if (known) return known;
      const checked = this.#verdictOnHead(peer, compact, () => checkHead(core, peer, head));
      if ("answer" in checked) return checked;
      return (await this.#keep(peer, { compact, checked }, payload, 0)) ?? "accepted";
    } catch (error) {
      return refusalOf(core, peer, error);
    }
  }

  #templatesOf(peer: Peer): Promise<HeldTemplates> {
    if (this.#templates?.peer.addressHex !== peer.addressHex)
      this.#templates = { peer, held: this.host.core.templates.held(peer) };
    return this.#templates.held;
  }

  #readHead(peer: Peer, templates: HeldTemplates, bytes: Uint8Array): CompactHead | null {
    const ends: HeadEnds = { sender: peer.keys.root, receiver: this.host.core.identity.address };
    return readCompactHead(bytes, ends, (slot) => templates.get(slot));
  }

  /** A head that does not verify may be told by a template that is not ours any more: then in full, please. */
  #verdictOnHead(
    peer: Peer,
    compact: CompactHead,
    check: () => CheckedHead | Refusal,
  ): CheckedHead | Refusal {
    const verdict = this.#orRefusal(peer, check);
    const isInvalid = "answer" in verdict && verdict.answer === "never" && verdict.reason === "invalid";
    return isInvalid && compact.usesTemplate ? { answer: "never", reason: "template" } : verdict;
  }

  #orRefusal(peer: Peer, check: () => CheckedHead | Refusal): CheckedHead | Refusal {
    try {
      return check();
    } catch (error) {
      return refusalOf(this.host.core, peer, error);
    }
  }

  /** What the head defines is kept before the envelope is: the neighbour refers to it once it hears ACCEPTED. */
  async #keep(
    peer: Peer,
    { compact, checked }: Read,
    payload: Uint8Array,
    toldCount: number,
  ): Promise<Refusal | null> {
    const { core } = this.host;
    if (compact.defines !== null)
      await (await this.#templatesOf(peer)).put(compact.defines, checked.head.signed.header);
    const refused = await keepEnvelope(core, peer, checked, payload, toldCount);
    if (!refused) core.faultPoint("accept-before-confirm");
    return refused;
  }

  // ── an envelope in parts ──────────────────────────────────────────────────────────────────────────────────────────

  async #offered(offer: Offered): Promise<void> {
    const { conversation } = this.session;
    this.#incoming.set(offer.tag, this.#begin(offer));
    const answer =
      (await this.#answerTo(offer.id, offer.class, offer.payloadBytes)) ?? (await this.#want(offer));
    if (this.#over) return;
    if (answer.answer !== "want") this.#forget(offer.tag);
    conversation.decide(offer.tag, answer, this.#nowMs());
  }

  #begin(offer: Offered): Incoming {
    const inMemory =
      isFat(this.host.bearer) &&
      offer.payloadBytes <= LIMITS.assembleInMemoryBytesMax &&
      this.#memoryBytes + offer.payloadBytes <= LIMITS.assembleInMemoryTotalBytesMax;
    if (inMemory) this.#memoryBytes += offer.payloadBytes;
    const memory = inMemory ? { bytes: new Uint8Array(offer.payloadBytes) } : null;
    return { offer, read: null, early: null, memory, unsaved: [], heldBytes: 0, work: Promise.resolve() };
  }

  /** Header-only probe: everything that can be known without the payload is decided here. Null: it is wanted. */
  async #answerTo(
    id: Uint8Array,
    messageClass: Offered["class"],
    payloadBytes: number,
  ): Promise<Exclude<Answer, { answer: "want" }> | null> {
    const { core } = this.host;
    if (payloadBytes > core.settings.messageBytesMax + 4096) return { answer: "never", reason: "too-large" };
    const seen = await core.spool.seen(id);
    // Our own envelope comes back: whoever has it sends it in a circle, and must not think it arrived.
    if (seen) return seen.from === null ? { answer: "never", reason: "loop" } : { answer: "have" };
    if (this.#incoming.size > LIMITS.incomingPerSessionMax)
      return { answer: "not-now", retryAfterS: 30, reason: "busy" };
    const level = await core.admission.level();
    if (admits({ level, bytes: payloadBytes, classRank: CLASS_RANK[messageClass] })) return null;
    return { answer: "not-now", retryAfterS: LIMITS.fullRetryS, reason: level === "full" ? "full" : "share" };
  }

  async #want(offer: Offered): Promise<Answer> {
    const partial = await this.host.core.spool.partial(offer.id);
    const incoming = this.#incoming.get(offer.tag);
    const held = partial && partial.totalBytes === offer.payloadBytes ? partial.ranges : [];
    if (held.length === 0 || !incoming) return { answer: "want", held: [] };
    // What is held lies in the spool: the rest joins it there.
    this.#saveRanges(incoming);
    if (incoming.memory) this.#memoryBytes -= incoming.memory.bytes.length;
    incoming.memory = null;
    incoming.heldBytes += held.reduce((sum, r) => sum + r.end - r.start, 0);
    return { answer: "want", held };
  }

  async #head(tag: number, bytes: Uint8Array): Promise<void> {
    const incoming = this.#incoming.get(tag);
    const { peer } = this.session;
    if (!incoming || !peer) return;
    const { core } = this.host;
    const templates = await this.#templatesOf(peer);
    let compact: CompactHead | null;
    try {
      compact = this.#readHead(peer, templates, bytes);
    } catch (error) {
      return this.#refuse(tag, refusalOf(core, peer, error));
    }
    if (compact === null) return this.#refuse(tag, { answer: "never", reason: "template" });
    const checked = this.#checkOffered(peer, incoming.offer, compact);
    if ("answer" in checked) return this.#refuse(tag, checked);
    incoming.read = { compact, checked };
    if (!isFat(this.host.bearer)) incoming.early = await EarlyOpening.begin(core, peer, checked);
  }

  #checkOffered(peer: Peer, offer: Offered, compact: CompactHead): CheckedHead | Refusal {
    const { core } = this.host;
    return this.#verdictOnHead(peer, compact, () => {
      const head = compact.payloadFollows ? null : compact.complete(new Uint8Array(0));
      const isMeant =
        head &&
        toHex(head.signed.id) === toHex(offer.id) &&
        head.signed.header.payloadBytes === offer.payloadBytes;
      return head && isMeant ? checkHead(core, peer, head) : { answer: "never", reason: "invalid" };
    });
  }

  #range(incoming: Incoming, start: number, bytes: Uint8Array): void {
    const { core } = this.host;
    const { id, payloadBytes } = incoming.offer;
    incoming.heldBytes += bytes.length;
    if (incoming.memory) {
      incoming.memory.bytes.set(bytes, start);
      const last = incoming.unsaved.at(-1);
      if (last?.end === start) last.end += bytes.length;
      else incoming.unsaved.push({ start, end: start + bytes.length });
    } else this.#writeRange(id, payloadBytes, start, bytes);
    this.#openEarly(incoming, start, bytes);
    core.emit({
      type: "progress",
      link: this.host.settings.name,
      peer: this.session.peer?.name ?? "",
      direction: "in",
      envelopeId: toHex(id),
      bytes: incoming.heldBytes,
      totalBytes: payloadBytes,
    });
  }

  /** Whole chunks are opened and handed on at once; users on a slow link do not wait for the end of the batch. */
  #openEarly(incoming: Incoming, start: number, bytes: Uint8Array): void {
    incoming.work = incoming.work
      .then(async () => {
        if (incoming.early && !this.#over) await incoming.early.add(start, bytes);
      })
      .catch((error: unknown) => this.host.core.fail(error, "early"));
  }

  async #complete(tag: number): Promise<void> {
    const incoming = this.#incoming.get(tag);
    const { peer } = this.session;
    if (!incoming) return;
    if (!incoming.read || !peer) return this.#refuse(tag, { answer: "never", reason: "invalid" });
    const { core } = this.host;
    const { id } = incoming.offer;
    incoming.unsaved.length = 0; // from here on the envelope is kept as a whole, or not at all
    const payload = incoming.memory?.bytes ?? (await core.spool.readPartial(id));
    const refused = payload
      ? await this.#keep(peer, incoming.read, payload, incoming.early?.keptCount ?? 0)
      : await this.#whyGone(id);
    if (refused?.answer === "never" && refused.reason === "invalid")
      return await this.#discard(tag, incoming);
    if (refused) return this.#refuse(tag, refused);
    this.#forget(tag);
    if (!this.#over) this.session.conversation.accept(tag, this.#nowMs());
  }

  /** The ranges are not here any more: another link was first with the whole, or the store let them go. */
  async #whyGone(id: Uint8Array): Promise<Refusal | null> {
    const seen = await this.host.core.spool.seen(id);
    return seen ? null : { answer: "not-now", retryAfterS: LIMITS.lostRangesRetryS, reason: "fault" };
  }

  /** What was assembled does not match what the origin signed: whose bytes were wrong is not known, so all go. */
  async #discard(tag: number, incoming: Incoming): Promise<void> {
    const name = toHex(incoming.offer.id);
    const failures = (this.#failures.get(name) ?? 0) + 1;
    if (this.#failures.size >= LIMITS.incomingPerSessionMax) this.#failures.clear();
    this.#failures.set(name, failures);
    await this.host.core.spool.dropPartial(incoming.offer.id);
    this.host.core.log("warn", "payload does not match its signed root", {
      neighbour: this.session.peer?.name,
      envelope: name,
      failures,
    });
    this.#refuse(
      tag,
      failures >= LIMITS.assemblyFailuresMax
        ? { answer: "never", reason: "invalid" }
        : { answer: "not-now", retryAfterS: LIMITS.lostRangesRetryS, reason: "fault" },
    );
  }

  async #note(tag: number, bytes: Uint8Array): Promise<void> {
    await heardNote(this.host.core, this.host.notices, bytes);
    if (!this.#over) this.session.conversation.acceptNote(tag, this.#nowMs());
  }

  #refuse(tag: number, answer: Refusal): void {
    this.#forget(tag);
    if (!this.#over) this.session.conversation.reject(tag, answer, this.#nowMs());
  }

  #forget(tag: number): void {
    const memory = this.#incoming.get(tag)?.memory;
    if (memory) this.#memoryBytes -= memory.bytes.length;
    this.#incoming.delete(tag);
  }

  /** A failing store stops the node; bad notes are counted and confirmed, so that they do not come for ever. */
  #fault(event: Heard, error: unknown): void {
    if (event.type === "note" && !(error instanceof OperatingError)) {
      this.host.core.log("warn", "note dropped", { why: String(error) });
      if (!this.#over) this.session.conversation.acceptNote(event.tag, this.#nowMs());
    } else if (
      error instanceof OperatingError &&
      error.code === "EST_OPERATING_DISK_FULL" &&
      event.type !== "note"
    ) {
      this.#refuse(event.tag, { answer: "not-now", retryAfterS: LIMITS.fullRetryS, reason: "full" });
    } else {
      this.host.core.fail(error, event.type);
    }
  }

  #nowMs(): number {
    return this.host.core.clock.monotonicMs();
  }
}
