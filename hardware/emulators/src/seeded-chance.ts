/** Repeatable chance: the generator sfc32 (Chris Doty-Humphrey's PractRand), 128 bits of state. Not for keys. */
export class SeededChance {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed`: any integer; the same seed gives the same sequence. */
  constructor(seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = seed >>> 0;
    this.#c = Math.floor(seed / 2 ** 32) >>> 0;
    for (let round = 0; round < 16; round++) this.#next();
  }

  /** Evenly from [0, 1). */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** Whole number evenly from [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Exponentially distributed around `mean`: times between events that know nothing of each other. */
  around(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
