import { OperatingError } from "@estafette/contract";
import type { Answer, ConversationEvent } from "@estafette/link";
import { toHex } from "@estafette/protocol";
import { type AdmissionLevel, admits, nextLevel } from "@estafette/router";
import { CLASS_RANK } from "@estafette/spool";
import { type CheckedHead, checkHead, keepEnvelope, type Refusal } from "./incoming.js";
import { LIMITS } from "./limits.js";
import { heardNote } from "./notes.js";
import { isFat, type Session, type SessionHost } from "./session.js";

type Heard = Exclude<ConversationEvent, { type: "established" | "settled" | "lost" }>;
type Offered = Extract<Heard, { type: "offered" }>;

interface Incoming {
  readonly offer: Offered;
  checked: CheckedHead | null;
  /** Small payloads on fat links are assembled here; null: the spool assembles. */
  memory: { readonly bytes: Uint8Array } | null;
  heldBytes: number;
}

/** The receiving half of a session: answers offers, keeps ranges, keeps envelopes, and only then accepts. */
export class Reception {
  readonly #incoming = new Map<number, Incoming>();
  readonly #failures = new Map<string, number>();
  #level: AdmissionLevel = "open";
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

  end(): void {
    this.#over = true;
    this.#incoming.clear();
  }

  #handle(event: Heard): Promise<void> | null {
    if (event.type === "offered") return this.#offered(event);
    if (event.type === "note") return this.#note(event.tag, event.bytes);
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
    if (seen) return { answer: "have" };
    if (this.#incoming.size >= LIMITS.incomingPerSessionMax)
      return { answer: "not-now", retryAfterS: 30, reason: "busy" };
    if (!isFat(this.host.bearer) || this.#level !== "open")
      this.#level = nextLevel(this.#level, (await core.spool.stats()).fill);
    if (!admits({ level: this.#level, bytes: offer.payloadBytes, classRank: CLASS_RANK[offer.class] })) {
      return { answer: "not-now", retryAfterS: 300, reason: this.#level === "full" ? "full" : "share" };
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
    if (incoming.memory) incoming.memory.bytes.set(bytes, start);
    else
      core.spool
        .writePartial(id, payloadBytes, start, bytes)
        .catch((error: unknown) => core.fail(error, "partial"));
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
    const payload = incoming.memory?.bytes ?? (await core.spool.readPartial(incoming.offer.id));
    const refused = payload
      ? await keepEnvelope(core, peer, incoming.checked, payload)
      : ({ answer: "never", reason: "invalid" } as const);
    if (refused?.answer === "never" && refused.reason === "invalid")
      return await this.#discard(tag, incoming);
    if (refused) return this.#refuse(tag, refused);
    core.faultPoint("accept-before-confirm");
    this.#forget(tag);
    if (!this.#over) this.session.conversation.accept(tag, this.#nowMs());
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
        : { answer: "not-now", retryAfterS: 5, reason: "fault" },
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
      this.#refuse(event.tag, { answer: "not-now", retryAfterS: 300, reason: "full" });
    } else {
      this.host.core.fail(error, event.type);
    }
  }

  #nowMs(): number {
    return this.host.core.clock.monotonicMs();
  }
}
