import { type Rng, uniformBelow } from "@estafette/contract";
import type { ChannelTraits } from "./api.js";
import { LINK_LIMITS } from "./limits.js";

/**
 * Largest parcel worth handing out, in bytes [1…parcelBytesMax]: larger ones would keep an urgent message waiting.
 * Airtime grows with the byte count, so halving finds it in 16 steps at most.
 */
export function worthwhileParcelBytes(
  { airtimeMs }: Pick<ChannelTraits, "airtimeMs">,
  parcelBytesMax: number,
): number {
  const { parcelAirtimeMsMax, slowParcelBytesEnough, slowParcelBytes } = LINK_LIMITS;
  const isQuick = (byteCount: number): boolean => airtimeMs(byteCount) <= parcelAirtimeMsMax;
  if (parcelBytesMax <= slowParcelBytesEnough || isQuick(parcelBytesMax)) return parcelBytesMax;
  if (!isQuick(slowParcelBytesEnough)) return Math.min(parcelBytesMax, slowParcelBytes);
  let quick: number = slowParcelBytesEnough;
  let slow = parcelBytesMax;
  while (slow - quick > 1) {
    const middle = (quick + slow) >>> 1;
    if (isQuick(middle)) quick = middle;
    else slow = middle;
  }
  return quick;
}

/** How long to be patient on this channel. All results are milliseconds. */
export class Timing {
  constructor(
    readonly channel: ChannelTraits,
    private readonly rng: Rng,
  ) {}

  parcelBytes(parcelBytesMax: number): number {
    return worthwhileParcelBytes(this.channel, parcelBytesMax);
  }

  private longestAirtimeMs(): number {
    return this.channel.airtimeMs(this.parcelBytes(this.channel.parcelBytesMax));
  }

  /** A short burst: two parcels at least, since each turn costs as much however little was said. */
  shortBurstMs(): number {
    const { burstMsMin, burstMsMax } = LINK_LIMITS;
    return Math.min(burstMsMax, Math.max(burstMsMin, 2 * this.longestAirtimeMs()));
  }

  /** Until the first parcel of an answer should be here, counted from the end of our last parcel. */
  answerMs(): number {
    const { channel } = this;
    const patience =
      this.longestAirtimeMs() + 2 * channel.turnaroundMs + channel.answerMs + LINK_LIMITS.decisionGraceMs;
    return channel.lossy ? patience : Math.max(patience, LINK_LIMITS.answerLosslessMsMin);
  }

  /** Patience before repetition number `tries` [0…], growing, with up to a quarter of chance on top. */
  backOffMs(tries: number): number {
    const factor = Math.min(LINK_LIMITS.backOffFactor ** tries, LINK_LIMITS.backOffMax);
    const base = Math.ceil(this.answerMs() * factor);
    return base + this.chanceMs(base / 4);
  }

  /** The same for a question in a session, where the first few silences are nothing but weather. */
  repetitionMs(silences: number): number {
    return this.backOffMs(this.beyondLoss(silences));
  }

  /** Silences in a row that loss does not explain. */
  private beyondLoss(silences: number): number {
    return this.channel.lossy ? Math.max(0, silences - LINK_LIMITS.silencesTakenForLoss) : silences;
  }

  /** How long one who began a handshake may take to go on. */
  candidateLifeMs(): number {
    return LINK_LIMITS.candidateLifeAnswers * this.answerMs();
  }

  /** Between two answers to somebody unproven, once the first few are spent. */
  strangerRefillMs(): number {
    const { strangerRefillMsMin, strangerRefillAirtimes, strangerAnswerBytes } = LINK_LIMITS;
    return Math.max(
      strangerRefillMsMin,
      strangerRefillAirtimes * this.channel.airtimeMs(strangerAnswerBytes),
    );
  }

  /** While a neighbour that has more to say should be heard again. */
  nextParcelMs(): number {
    const { channel } = this;
    return Math.ceil(this.longestAirtimeMs() * 1.1) + channel.turnaroundMs + 250;
  }

  /** A random wait before speaking unasked, so that two that begin together rarely collide twice. */
  contentionMs(silences: number): number {
    const { channel } = this;
    const windowMs = Math.max(50, 2 * channel.turnaroundMs + channel.airtimeMs(32));
    return this.chanceMs(windowMs * 2 ** Math.min(this.beyondLoss(silences), 4));
  }

  private chanceMs(belowMs: number): number {
    return uniformBelow(this.rng, Math.max(1, Math.min(2 ** 32, Math.ceil(belowMs))));
  }
}
