import type { KissMessage } from "./kiss-bytes.js";

/** One frame of a keyed transmission. */
interface FrameOnAir {
  readonly frame: Uint8Array;
  readonly endMs: number;
  /** Receivers that cannot read it: something else was on the air there. */
  readonly spoiledFor: Set<number>;
}

/** From keying to the end of the tail. */
export interface Keying {
  readonly startMs: number;
  /** `null`: only the tail is left. */
  current: FrameOnAir | null;
  /** When the frame, or the tail, ends. */
  endMs: number;
  framesSent: number;
}

/** What one TNC remembers: its parameters, what waits, and what it is sending. */
export class PacketStation {
  /** In units of 10 ms, as KISS sets them; after power-up those of the published TNC code. */
  txDelay = POWER_UP.txDelay;
  txTail = POWER_UP.txTail;
  slotTime = POWER_UP.slotTime;
  /** [0…255]: it keys with probability (persistence + 1) / 256 in each slot. */
  persistence = POWER_UP.persistence;
  fullDuplex = POWER_UP.fullDuplex;
  readonly queue: Uint8Array[] = [];
  keying: Keying | null = null;
  /** Not before this moment does it look at the channel again. */
  notBeforeMs = 0;
  /** It is without power until then. */
  offUntilMs = 0;

  /** Obeys a parameter command; a missing value changes nothing. */
  set({ command, data }: KissMessage): void {
    const value = data[0];
    if (value === undefined) return;
    if (command === 1) this.txDelay = value;
    else if (command === 2) this.persistence = value;
    else if (command === 3) this.slotTime = value;
    else if (command === 4) this.txTail = value;
    else if (command === 5) this.fullDuplex = value !== 0;
  }

  /** Power fails: parameters and frames are gone. */
  forget(offUntilMs: number): void {
    Object.assign(this, POWER_UP);
    this.queue.length = 0;
    this.keying = null;
    this.offUntilMs = offUntilMs;
    this.notBeforeMs = offUntilMs;
  }
}

/** Direwolf 1.6 documents TXTAIL 10, SLOTTIME 10, PERSIST 63, TXDELAY 30. */
const POWER_UP = { txDelay: 30, txTail: 10, slotTime: 10, persistence: 63, fullDuplex: false };
