import { randomBytes } from "node:crypto";
import { invariant, type Rng } from "@estafette/contract";

/** Chance from the operating system, fit for keys. */
export function systemRng(): Rng {
  return {
    bytes(count) {
      invariant(Number.isInteger(count) && count >= 0 && count <= 65_536, "rng.bytes takes 0…65 536");
      return new Uint8Array(randomBytes(count));
    },
  };
}
