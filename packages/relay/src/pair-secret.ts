import { ProtocolError } from "@estafette/contract";
import type { KnownNeighbour } from "@estafette/link";
import type { Core } from "./core.js";
import type { Peer } from "./directory.js";

const pairName = (peer: Peer): string => `pair/${peer.addressHex}`;

/** A configured peer as its link conversation wants it: with the pair secret of an earlier meeting. */
export async function knownNeighbour(core: Core, peer: Peer): Promise<KnownNeighbour> {
  const sealed = await core.spool.getState(pairName(peer));
  let pairSecret: Uint8Array | null = null;
  try {
    pairSecret = sealed && core.vault.open(sealed, pairName(peer));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error; // a secret sealed by another at-rest key: meet anew
  }
  const { address, keys } = peer;
  return { address, rootPublic: keys.root, staticPublic: keys.sealing, pairSecret };
}

/** Keeps the secret that makes the next meeting cheap. Without it that takes a full handshake, no more. */
export async function keepPairSecret(core: Core, peer: Peer, pairSecret: Uint8Array): Promise<void> {
  try {
    await core.spool.putState(pairName(peer), core.vault.seal(pairSecret, pairName(peer)));
  } catch (error) {
    core.fail(error, "pair secret"); // a store that is only full must be able to drain over this very link
  }
}
