import type { Rng } from "@estafette/contract";

/** Repeatable chance for tests: xorshift32 (Marsaglia, "Xorshift RNGs", 2003). Not for keys. */
export function seededRng(seed: number): Rng {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return {
    bytes(count) {
      const out = new Uint8Array(count);
      for (let at = 0; at < count; at++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state = (state ^ (state << 5)) >>> 0;
        out[at] = state >>> 24;
      }
      return out;
    },
  };
}
