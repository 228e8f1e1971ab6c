/**
 * What the sessions really cost, for a gateway that asks beforehand. It counts a price for each contact and for each byte
 * as announced; the operator bills by started quantum, for what comes down, and for visits in vain. The difference is
 * carried over to the next contact, so that the sum is right whenever all has been told.
 */
export class CreditAccount {
  /** Billed and not told yet; negative when more was told. */
  #owed = 0;
  #billed = 0;

  constructor(
    /** Bytes of one credit. */
    readonly creditBytes: number,
    /** Credits of a session that carries nothing. */
    readonly emptyCredits: number,
  ) {}

  /** A session took place: so many bytes went up and came down. */
  session(upBytes: number, downBytes: number): void {
    this.#bill(
      upBytes + downBytes === 0 ? this.emptyCredits : this.#credits(upBytes) + this.#credits(downBytes),
    );
  }

  /** The gateway counted a parcel by its length. */
  parcelTold(byteCount: number): void {
    this.#owed -= byteCount / this.creditBytes;
  }

  /** To be told for a contact that is about to carry a parcel. */
  forSending(): number {
    return this.#tell(this.emptyCredits + this.#owed);
  }

  /** To be told for a visit that has taken place. */
  forCollecting(): number {
    return this.#tell(this.#owed);
  }

  /** All credits billed so far, as far as we know. */
  get billed(): number {
    return this.#billed;
  }

  #tell(credits: number): number {
    const told = Math.max(0, credits);
    this.#owed -= told;
    return told;
  }

  #bill(credits: number): void {
    this.#owed += credits;
    this.#billed += credits;
  }

  #credits(byteCount: number): number {
    return Math.ceil(byteCount / this.creditBytes);
  }
}
