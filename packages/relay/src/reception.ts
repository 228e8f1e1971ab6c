import { OperatingError } from "@estafette/contract";
import type { Answer, ConversationEvent } from "@estafette/link";
import { toHex } from "@estafette/protocol";
import { admits } from "@estafette/router";
import { CLASS_RANK } from "@estafette/spool";
import { isFat } from "./channel.js";
import { type CheckedHead, checkHead, keepEnvelope, type Refusal } from "./incoming.js";
import { LIMITS } from "./limits.js";
import { heardNote } from "./notes.js";
import type { Session, SessionHost } from "./session.js";

type Heard = Exclude<ConversationEvent, { type: "established" | "settled" | "lost" }>;
type Offered = Extract<Heard, { type: "offered" }>;

interface Incoming {
  readonly offer: Offered;
  checked: CheckedHead | null;
  /** Small payloads on fat links are assembled here; null: the spool assembles. */
  memory: { readonly bytes: Uint8Array } | null;
  /** Payload ranges in memory that the spool does not have: kept when the session ends. */
  readonly unsaved: { readonly start: number; end: number }[];
  heldBytes: number;
}

/** The receiving half of a session: answers offers, keeps ranges, keeps envelopes, and only then accepts. */
export class Reception {
  readonly #incoming = new Map<number, Incoming>();
  readonly #failures = new Map<string, number>();
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
    if (event.type === "offered") return this.#offered(event);
    if (event.type === "note") return this.#note(event.tag, event.bytes);
    if (event.type === "withdrawn") {
      this.#forget(event.tag);
      return null;
    }
    if (event.type === "complete") return this.#complete(event.tag);
    if (event.type === "head") this.#head(event.tag, event.bytes);
    else this.#range(event.tag, event.start, event.bytes);
    return null;
  }

  async #offered(offer: Offered): Promise<void> {
    const answer = await this.#answerTo(offer);
    if (this.#over) return;
    if (answer.answer === "want") {
      const inMemory =
        isFat(this.host.bearer) &&
        answer.held.length === 0 &&
        offer.payloadBytes <= LIMITS.assembleInMemoryBytesMax &&
        this.#memoryBytes + offer.payloadBytes <= LIMITS.assembleInMemoryTotalBytesMax;
      if (inMemory) this.#memoryBytes += offer.payloadBytes;
      const heldBytes = answer.held.reduce((sum, r) => sum + r.end - r.start, 0);
      this.#incoming.set(offer.tag, {
        offer,
        checked: null,
        memory: inMemory ? { bytes: new Uint8Array(offer.payloadBytes) } : null,
        unsaved: [],
        heldBytes,
      });
    }
    this.session.conversation.decide(offer.tag, answer, this.#nowMs());
  }

  /** Header-only probe: everything that can be known without the payload is decided here. */
  async #answerTo(offer: Offered): Promise<Answer> {
    const { core } = this.host;
    if (offer.payloadBytes > core.settings.messageBytesMax + 4096)
      return { answer: "never", reason: "too-large" };
    const [seen, partial] = await Promise.all([core.spool.seen(offer.id), core.spool.partial(offer.id)]);
    // Our own envelope comes back: whoever has it sends it in a circle, and must not think it arrived.
    if (seen) return seen.from === null ? { answer: "never", reason: "loop" } : { answer: "have" };
    if (this.#incoming.size >= LIMITS.incomingPerSessionMax)
      return { answer: "not-now", retryAfterS: 30, reason: "busy" };
    const level = await core.admission.level();
    if (!admits({ level, bytes: offer.payloadBytes, classRank: CLASS_RANK[offer.class] })) {
      return {
        answer: "not-now",
        retryAfterS: LIMITS.fullRetryS,
        reason: level === "full" ? "full" : "share",
      };
    }
    return {
      answer: "want",
      held: partial && partial.totalBytes === offer.payloadBytes ? partial.ranges : [],
    };
  }

  #head(tag: number, bytes: Uint8Array): void {
    const incoming = this.#incoming.get(tag);
    const { peer } = this.session;
    if (!incoming || !peer) return;
    const checked = checkHead(this.host.core, peer, bytes, incoming.offer);
    if ("answer" in checked) this.#refuse(tag, checked);
    else incoming.checked = checked;
  }

  #range(tag: number, start: number, bytes: Uint8Array): void {
    const incoming = this.#incoming.get(tag);
    if (!incoming) return;
    const { core } = this.host;
    const { id, payloadBytes } = incoming.offer;
    incoming.heldBytes += bytes.length;
    if (incoming.memory) {
      incoming.memory.bytes.set(bytes, start);
      const last = incoming.unsaved.at(-1);
      if (last?.end === start) last.end += bytes.length;
      else incoming.unsaved.push({ start, end: start + bytes.length });
    } else this.#writeRange(id, payloadBytes, start, bytes);
    const peer = this.session.peer?.name ?? "";
    core.emit({
      type: "progress",
      link: this.host.settings.name,
      peer,
      direction: "in",
      envelopeId: toHex(id),
      bytes: incoming.heldBytes,
      totalBytes: payloadBytes,
    });
  }

  async #complete(tag: number): Promise<void> {
    const incoming = this.#incoming.get(tag);
    const { peer } = this.session;
    if (!incoming?.checked || !peer) return this.#refuse(tag, { answer: "never", reason: "invalid" });
    const { core } = this.host;
    const { id } = incoming.offer;
    incoming.unsaved.length = 0; // from here on the envelope is kept as a whole, or not at all
    const payload = incoming.memory?.bytes ?? (await core.spool.readPartial(id));
    const refused = payload
      ? await keepEnvelope(core, peer, incoming.checked, payload)
      : await this.#whyGone(id);
    if (refused?.answer === "never" && refused.reason === "invalid")
      return await this.#discard(tag, incoming);
    if (refused) return this.#refuse(tag, refused);
    core.faultPoint("accept-before-confirm");
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
