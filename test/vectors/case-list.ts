import { createHash } from "node:crypto";
import { ProtocolError, type Rng } from "@estafette/contract";
import { createIdentity, type Header, payloadRoot, signHeader, toHex } from "@estafette/protocol";
import { runFirst } from "./first-runner.js";
import type { Outcome, VectorCase, VectorInput } from "./vector-case.js";

/** Collects cases. The author says what must happen; the package fills in the exact values. */
export class CaseList {
  readonly cases: VectorCase[] = [];

  /** A case that has a result, which must show at least `shown`. */
  takes(name: string, input: VectorInput, shown: Readonly<Record<string, unknown>> = {}): void {
    const values = runFirst(input) as Readonly<Record<string, unknown>>;
    for (const [key, value] of Object.entries(shown)) {
      if (JSON.stringify(values[key]) !== JSON.stringify(value)) {
        throw new Error(`vector "${name}": ${key} is ${JSON.stringify(values[key])}`);
      }
    }
    this.#add(name, input, values);
  }

  /** A case that must be refused. */
  refuses(name: string, input: VectorInput): void {
    try {
      runFirst(input);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#add(name, input, { refused: error.code });
      return;
    }
    throw new Error(`vector "${name}" was not refused`);
  }

  #add(name: string, input: VectorInput, expect: Outcome): void {
    if (this.cases.some((known) => known.name === name)) throw new Error(`two vectors are called "${name}"`);
    this.cases.push({ name, ...input, expect });
  }
}

export function seed(name: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(`vector ${name}`).digest());
}

export function seededRng(name: string): Rng {
  let count = 0;
  return {
    bytes(length) {
      const blocks: Buffer[] = [];
      for (let have = 0; have < length; have += 32) {
        blocks.push(createHash("sha256").update(`vector ${name} ${count++}`).digest());
      }
      return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
    },
  };
}

export const ada = createIdentity(seed("ada"));
export const ben = createIdentity(seed("ben"));
export const cleo = createIdentity(seed("cleo"));
export const adaRotated = createIdentity(seed("ada"), {
  epoch: 2,
  signingSeed: seed("ada signing"),
  sealingSeed: seed("ada sealing"),
});

const payload = new TextEncoder().encode("the sealed content would stand here");

/** The header most cases vary: from Ada to Ben, nothing optional. */
export const plainHeader: Header = {
  mode: "end-to-end",
  class: "normal",
  codec: 0,
  destination: ben.address,
  origin: ada.keys.root,
  keyEpoch: 0,
  epoch: 0x01020304,
  sequence: 7,
  createdUnixS: null,
  clockTrusted: false,
  staticSeal: false,
  receipt: false,
  chunked: false,
  context: null,
  lifetimeS: 86_400,
  hopMax: 8,
  relays: [],
  ackCommitment: null,
  payloadBytes: payload.length,
  payloadRoot: payloadRoot(payload),
};

export const plainSigned = signHeader(plainHeader, ada);

/** Bytes with one of them changed by xor. */
export function flipped(bytes: Uint8Array, index: number, by = 1): string {
  const altered = bytes.slice();
  altered[index < 0 ? altered.length + index : index]! ^= by;
  return toHex(altered);
}

/** Bytes with `count` of them at `index` replaced. */
export function spliced(bytes: Uint8Array, index: number, count: number, ...by: number[]): string {
  return toHex(Uint8Array.of(...bytes.slice(0, index), ...by, ...bytes.slice(index + count)));
}
