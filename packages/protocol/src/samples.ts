import type { Rng } from "@estafette/contract";
import { concat, sha256, utf8 } from "./bytes.js";
import { appendEntry, emptyChain } from "./chain.js";
import { type Header, type SignedHeader, signHeader } from "./envelope.js";
import type { Head } from "./head.js";
import { createIdentity, type Identity } from "./identity.js";
import { payloadRoot } from "./payload.js";

/** Values that several tests share. Not part of the built package. */

/** 32 bytes that depend on the name only. */
export function seedOf(name: string): Uint8Array {
  return sha256(utf8(name));
}

/** SHA-256 in counter mode: the same bytes for the same seed. */
export function seededRng(seed: string): Rng {
  let counter = 0;
  return {
    bytes(count) {
      let bytes: Uint8Array = new Uint8Array(0);
      while (bytes.length < count) bytes = concat(bytes, sha256(utf8(`${seed}/${counter++}`)));
      return bytes.slice(0, count);
    },
  };
}

export const ada = createIdentity(seedOf("ada"));
export const ben = createIdentity(seedOf("ben"));
export const cleo = createIdentity(seedOf("cleo"));
/** Ada in key epoch 3. */
export const adaRotated = createIdentity(seedOf("ada"), {
  epoch: 3,
  signingSeed: seedOf("ada signing 3"),
  sealingSeed: seedOf("ada sealing 3"),
});

export const samplePayload = utf8("hold the line, we are two days late");

/** A header from `identity` to Ben, with every optional field unless changed. */
export function sampleHeader(identity: Identity = ada, changes: Partial<Header> = {}): Header {
  return {
    mode: "end-to-end",
    class: "normal",
    codec: 0,
    destination: ben.address,
    origin: identity.keys.root,
    keyEpoch: identity.keys.epoch,
    epoch: 0xdeadbeef,
    sequence: 300,
    createdUnixS: 1_767_225_600,
    clockTrusted: true,
    staticSeal: false,
    receipt: true,
    chunked: false,
    context: null,
    lifetimeS: 86_400,
    hopMax: 8,
    relays: [cleo.address],
    ackCommitment: seedOf("commitment").slice(0, 16),
    payloadBytes: samplePayload.length,
    payloadRoot: payloadRoot(samplePayload),
    ...changes,
  };
}

export function sampleSigned(identity: Identity = ada, changes: Partial<Header> = {}): SignedHeader {
  return signHeader(sampleHeader(identity, changes), identity);
}

/** Ada → Cleo → here (Ben), both entries in full. */
export function sampleHead(): Head {
  const signed = sampleSigned();
  const { id } = signed;
  const first = appendEntry(emptyChain(), {
    id,
    identity: ada,
    previous: ada.address,
    next: cleo.address,
    ageS: 10,
  });
  const chain = appendEntry(first, {
    id,
    identity: cleo,
    previous: ada.address,
    next: ben.address,
    ageS: 500,
  });
  return { signed, transit: { hopsUsed: 1, ageS: 500, relayIndex: 1, keyRecord: null, chain } };
}

/** The code of the ProtocolError that `run` throws; "none" when it returns; rethrows anything else. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && error.name === "ProtocolError" && "code" in error)
      return String(error.code);
    throw error;
  }
  return "none";
}
