/** A parcel the medium keeps for a station until it is settled. */
export interface Letter {
  readonly id: string;
  readonly from: string;
  readonly bytes: Uint8Array;
  /** Handed to the station and not answered yet. */
  offered: boolean;
}

/** One bounded mailbox for each station. */
export class Mailboxes {
  readonly #letters = new Map<string, Letter[]>();

  constructor(private readonly parcelsMax: number) {}

  hasRoom(station: string): boolean {
    return this.of(station).length < this.parcelsMax;
  }

  /** False when the mailbox is full. */
  put(station: string, letter: Letter): boolean {
    if (!this.hasRoom(station)) return false;
    const letters = this.#letters.get(station);
    if (letters) letters.push(letter);
    else this.#letters.set(station, [letter]);
    return true;
  }

  of(station: string): readonly Letter[] {
    return this.#letters.get(station) ?? [];
  }

  remove(station: string, id: string): void {
    const letters = this.#letters.get(station);
    const at = letters?.findIndex((letter) => letter.id === id) ?? -1;
    if (at >= 0) letters?.splice(at, 1);
  }

  /** The station has gone, or a new session begins: what was not answered may be offered again. */
  forgetOffers(station: string): void {
    for (const letter of this.of(station)) letter.offered = false;
  }
}
