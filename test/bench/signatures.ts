import {
  createIdentity,
  emptyChain,
  type Header,
  originKeysOf,
  payloadRoot,
  type SignedHeader,
  signHeader,
  verifyHeader,
} from "@estafette/protocol";
import { rng } from "../harness/node.js";
import type { Effort, Figure, Part } from "./figures.js";

/** Envelope headers: what an origin pays to sign one, and a relay to believe one. */
export const signatures: Part = { name: "header", run: async (effort) => measure(effort) };

function measure({ signatures: count }: Effort): readonly Figure[] {
  const identities = Array.from({ length: count }, () => createIdentity(rng.bytes(32)));
  const headers = identities.map((identity, sequence) => headerFrom(identity.keys.root, sequence));
  const [first] = identities;
  if (first === undefined) throw new Error("at least one signature is measured");
  const own = headers.map((header) => ({ ...header, origin: first.keys.root }));
  const signed: SignedHeader[] = [];
  const signedPerSecond = perSecond(count, (index) => {
    const header = own[index];
    if (header) signHeader(header, first);
  });
  for (const [index, header] of headers.entries()) {
    const identity = identities[index];
    if (identity) signed.push(signHeader(header, identity));
  }
  const verify = (index: number): void => {
    const one = signed[index];
    if (one === undefined || !believed(one)) throw new Error("a good signature verifies");
  };
  const coldPerSecond = perSecond(count, verify);
  const cachedPerSecond = perSecond(count, verify);
  return [
    rate("header.signed", signedPerSecond, "headers encoded and signed"),
    rate(
      "header.verified-cold",
      coldPerSecond,
      "header signatures verified, each of a key never seen before",
    ),
    rate("header.verified-cached", cachedPerSecond, "header signatures verified, keys admitted before"),
  ];
}

/** As a relay does it: the keys come from the header itself, behind the key gate. */
function believed(signed: SignedHeader): boolean {
  const transit = { hopsUsed: 0, ageS: 0, relayIndex: 0, keyRecord: null, chain: emptyChain() };
  const keys = originKeysOf({ signed, transit });
  return keys !== null && verifyHeader(signed, keys);
}

function headerFrom(origin: Uint8Array, sequence: number): Header {
  return {
    mode: "end-to-end",
    class: "normal",
    codec: 0,
    destination: new Uint8Array(16).fill(7),
    origin,
    keyEpoch: 0,
    epoch: 1,
    sequence,
    createdUnixS: null,
    clockTrusted: false,
    staticSeal: true,
    receipt: false,
    chunked: false,
    context: null,
    lifetimeS: 86_400,
    hopMax: 8,
    relays: [],
    ackCommitment: null,
    payloadBytes: 120,
    payloadRoot: payloadRoot(new Uint8Array(120).fill(sequence)),
  };
}

function perSecond(count: number, call: (index: number) => void): number {
  const startMs = performance.now();
  for (let index = 0; index < count; index++) call(index);
  return (count * 1_000) / (performance.now() - startMs);
}

function rate(id: string, value: number, what: string): Figure {
  return { id, what, value, unit: "1/s", aim: null };
}
