import { createHash } from "node:crypto";
import { type Rng, uniformBelow } from "@estafette/contract";

/** Seeded chance with convenient draws. The same seed and name give the same stream on every machine. */
export interface Chance extends Rng {
  /** An independent stream; the same name gives the same stream again. */
  fork(name: string): Chance;
  /** Whole number in [least, most]. */
  between(least: number, most: number): number;
  /** True with probability `p` [0…1]. */
  happens(p: number): boolean;
  pick<T>(choices: readonly T[]): T;
}

/**
 * SHA-256 in counter mode: block i = SHA-256(key ‖ i), key = SHA-256("estafette/simulation\0" ‖ name).
 * Our choice, because it is short, portable and its streams can be named.
 */
export function createChance(name: string): Chance {
  return new CounterChance(name);
}

class CounterChance implements Chance {
  readonly #name: string;
  readonly #key: Buffer;
  #counter = 0;
  #block: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(name: string) {
    this.#name = name;
    this.#key = createHash("sha256").update("estafette/simulation\0").update(name).digest();
  }

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      if (this.#used === this.#block.length) this.#refill();
      const take = Math.min(count - filled, this.#block.length - this.#used);
      out.set(this.#block.subarray(this.#used, this.#used + take), filled);
      this.#used += take;
      filled += take;
    }
    return out;
  }

  #refill(): void {
    const count = Buffer.alloc(8);
    count.writeBigUInt64BE(BigInt(this.#counter++));
    this.#block = createHash("sha256").update(this.#key).update(count).digest();
    this.#used = 0;
  }

  fork(name: string): Chance {
    return new CounterChance(`${this.#name}/${name}`);
  }

  between(least: number, most: number): number {
    return least + uniformBelow(this, most - least + 1);
  }

  happens(p: number): boolean {
    return uniformBelow(this, 1_000_000) < p * 1_000_000;
  }

  pick<T>(choices: readonly T[]): T {
    const chosen = choices[uniformBelow(this, choices.length)];
    if (chosen === undefined) throw new RangeError("pick() needs at least one choice");
    return chosen;
  }
}
