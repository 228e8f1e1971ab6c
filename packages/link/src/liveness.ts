import { LINK_LIMITS } from "./limits.js";
import type { Timing } from "./timing.js";

/** Whether the neighbour is still there: questions without an answer, resets, and a probe when in doubt. */
export class Liveness {
  /** Questions since the neighbour was last heard under these keys. */
  silentAsks = 0;
  /** After a handshake we led: the neighbour has not spoken under the new keys. */
  unconfirmed = false;
  /** An empty question is due. */
  probeDue = false;
  probeDeadlineMs: number | null = null;
  /** We led and have not spoken yet: for a moment we wait for something worth a parcel. */
  firstWord = false;
  private countedAtMs = 0;
  /** Low 16 bits of the counter of the first parcel sent since a reset was heard; null: none is in doubt. */
  private doubtedFrom: number | null = null;
  /** On a lossy channel: a reset came since the last question; questions that got only one, since the neighbour was heard. */
  private doubted = false;
  /** Low 16 bits of the counter of the first parcel sent since the neighbour was heard; null: none. */
  private unheardFrom: number | null = null;
  private resetSilences = 0;
  private forgedInRow = 0;

  constructor(private readonly timing: Timing) {}

  /** New keys; `initiator`: we led, so the far end waits for our first word. */
  begin(initiator: boolean, nowMs: number): void {
    this.heard();
    this.unconfirmed = initiator;
    this.firstWord = initiator;
    if (initiator) this.probeDeadlineMs = nowMs + LINK_LIMITS.firstWordGraceMs;
  }

  heard(): void {
    this.silentAsks = 0;
    this.doubtedFrom = null;
    this.doubted = false;
    this.unheardFrom = null;
    this.resetSilences = 0;
    this.forgedInRow = 0;
    this.unconfirmed = false;
    this.firstWord = false;
    this.probeDue = false;
    this.probeDeadlineMs = null;
  }

  /** A parcel of ours with this counter (low 16 bits) goes out; true when it should demand an answer for the sake of a probe. */
  sent(nowMs: number, counter: number): boolean {
    this.unheardFrom ??= counter;
    const probing = this.probeDue || this.unconfirmed;
    this.probeDue = false;
    this.firstWord = false;
    this.probeDeadlineMs = probing ? nowMs + this.timing.repetitionMs(this.patience) : null;
    return probing;
  }

  /** True when a probe was not answered. */
  tick(nowMs: number): boolean {
    if (this.probeDeadlineMs === null || nowMs < this.probeDeadlineMs) return false;
    this.probeDeadlineMs = null;
    this.probeDue = true;
    return !this.firstWord;
  }

  /** Which repetition the next wait is for: someone who answers with resets is there, so waits stay short. */
  get patience(): number {
    return this.doubted || this.resetSilences > 0 ? 0 : this.silentAsks;
  }

  /** Resets were all that came, often enough: begin a handshake. Says so once. */
  takeDisowned(): boolean {
    if (this.resetSilences < LINK_LIMITS.resetSilencesMin) return false;
    this.resetSilences = 0;
    return true;
  }

  /**
   * A reset on a channel that may lose the true answer, or carry a forger's: only a hint to be taken up when our
   * question stays unanswered. False: it is about nothing we said since we heard
   * the neighbour.
   */
  hint(echo: number, next: number): boolean {
    const from = this.unheardFrom;
    if (from === null || ((echo - from) & 0xffff) >= ((next - from) & 0xffff)) return false;
    this.doubted = true;
    return true;
  }

  /**
   * An unauthenticated "I do not know you" about the parcel with counter `echo`; `next` is our next counter, both
   * 16 bits. True: it answers what we asked since the first one, so begin a handshake.
   */
  reset(echo: number, next: number): boolean {
    if (this.doubtedFrom !== null && this.doubtedFrom !== next) {
      return ((echo - this.doubtedFrom) & 0xffff) < ((next - this.doubtedFrom) & 0xffff);
    }
    this.doubtedFrom = next;
    this.probeDue = true;
    this.probeDeadlineMs = null;
    return false;
  }

  /** A parcel with our context but a wrong tag. True: so many in a row that the far end may be someone new. */
  forged(): boolean {
    this.forgedInRow++;
    return this.forgedInRow >= LINK_LIMITS.forgedInRowMax;
  }

  /** A question waited in vain. True: it was one too many. Questions that expire together count once. */
  silent(nowMs: number): boolean {
    if (this.silentAsks > 0 && nowMs - this.countedAtMs < this.timing.answerMs()) return false;
    this.countedAtMs = nowMs;
    if (this.doubted) this.resetSilences++;
    this.doubted = false;
    // Ask again at once, whatever else is due later: one more reset decides.
    if (this.resetSilences > 0) this.probeDue = true;
    this.silentAsks++;
    const { silentAsksLossyMax, silentAsksLosslessMax } = LINK_LIMITS;
    return this.silentAsks > (this.timing.channel.lossy ? silentAsksLossyMax : silentAsksLosslessMax);
  }
}
