/** A parcel of a handshake that waits for the channel. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  /** It ends what we have to say. */
  readonly over: boolean;
  /** Of a handshake we began; else an answer. */
  readonly ours: boolean;
}

/** Our message, at most once, and at most one answer: so it is bounded by the pieces of two messages. */
export class Outbox {
  private parcels: Outgoing[] = [];

  get isEmpty(): boolean {
    return this.parcels.length === 0;
  }

  get hasOurs(): boolean {
    return this.parcels.some((parcel) => parcel.ours);
  }

  /** `over`: the last of them ends what we have to say. */
  addOurs(parcels: readonly Uint8Array[], over: boolean): void {
    parcels.forEach((bytes, index) => {
      this.parcels.push({ bytes, over: over && index === parcels.length - 1, ours: true });
    });
  }

  /** Replaces an answer to somebody else. */
  answer(parcels: readonly Uint8Array[]): void {
    if (this.parcels.some((parcel) => parcel.bytes === parcels[0])) return;
    this.parcels = this.parcels.filter((parcel) => parcel.ours);
    parcels.forEach((bytes, index) => {
      this.parcels.push({ bytes, over: index === parcels.length - 1, ours: false });
    });
  }

  dropOurs(): void {
    this.parcels = this.parcels.filter((parcel) => !parcel.ours);
  }

  clear(): void {
    this.parcels = [];
  }

  next(): Outgoing | undefined {
    return this.parcels.shift();
  }
}
