import { SBD_LIMITS } from "./limits.js";

/** One message that came down. */
export interface Received {
  readonly parcelId: string;
  readonly bytes: Uint8Array;
}

/** Messages that came down and have no final verdict yet. The modem keeps the newest as well, until it is cleared or the
 *  next one overwrites it. */
export class ReceivedMessages {
  readonly #held = new Map<string, Received>();
  readonly #waiting = new Map<string, () => void>();
  #last = 0;
  /** Whose copy the modem still has. */
  inModem: string | null = null;

  /** What was read from the modem. Null when it is one we hold already: reading does not clear it. */
  add(bytes: Uint8Array): Received | null {
    const known = this.#held.get(this.inModem ?? "") ?? [...this.#held.values()].at(-1);
    if (known && sameBytes(known.bytes, bytes)) {
      this.inModem = known.parcelId;
      return null;
    }
    const received = { parcelId: `m${++this.#last}`, bytes };
    this.#held.set(received.parcelId, received);
    this.inModem = received.parcelId;
    const [oldest] = this.#held.keys();
    if (this.#held.size > SBD_LIMITS.heldParcelsMax && oldest !== undefined) this.#held.delete(oldest);
    return received;
  }

  get all(): readonly Received[] {
    return [...this.#held.values()];
  }

  get(parcelId: string): Received | undefined {
    return this.#held.get(parcelId);
  }

  /** A verdict has come; `final`: it need not be offered again. */
  answered(parcelId: string, final: boolean): void {
    if (final) this.#held.delete(parcelId);
    this.#waiting.get(parcelId)?.();
    this.#waiting.delete(parcelId);
  }

  /** Resolves when the modem's copy has had a verdict. */
  async verdictOnModems(): Promise<void> {
    const id = this.inModem;
    if (id === null || !this.#held.has(id)) return;
    await new Promise<void>((resolve) => {
      this.#waiting.set(id, resolve);
    });
  }

  /** Nobody waits any more. */
  release(): void {
    for (const resolve of this.#waiting.values()) resolve();
    this.#waiting.clear();
    this.inModem = null;
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
