import { fault, hashIn, requireLength, requireRange, sameBytes } from "./bytes.js";
import { LIMITS } from "./limits.js";

/*
 *              root                  leaf  = SHA-256("estafette/v1/leaf\0" ‖ up to 1 024 payload bytes)
 *            /      \                node  = SHA-256("estafette/v1/node\0" ‖ left ‖ right)
 *        node        │               a last node without a partner moves up unchanged
 *       /    \       │
 *    leaf   leaf   leaf              one leaf: the root is that leaf's hash; empty payload: leaf of no bytes
 */

/** Number of leaves of a payload of `payloadBytes` bytes: at least one. */
export function leafCount(payloadBytes: number): number {
  requireRange(payloadBytes, { min: 0, max: LIMITS.payloadBytesMax }, "payload length");
  return Math.max(1, Math.ceil(payloadBytes / LIMITS.leafBytes));
}

function leafHash(payload: Uint8Array, index: number): Uint8Array {
  return hashIn("leaf", payload.subarray(index * LIMITS.leafBytes, (index + 1) * LIMITS.leafBytes));
}

/** Hashes of all leaves, 32 bytes each, in payload order. */
export function leafHashes(payload: Uint8Array): Uint8Array[] {
  return Array.from({ length: leafCount(payload.length) }, (_, index) => leafHash(payload, index));
}

/**
 * The Merkle root over leaf hashes: 32 bytes.
 * @throws ProtocolError EST_PROTOCOL_RANGE when their number does not fit `payloadBytes`, or a hash
 * its 32 bytes.
 */
export function rootOfLeaves(leaves: readonly Uint8Array[], payloadBytes: number): Uint8Array {
  if (leaves.length !== leafCount(payloadBytes)) {
    throw fault("EST_PROTOCOL_RANGE", `${leaves.length} leaves do not cover ${payloadBytes} bytes`);
  }
  for (const leaf of leaves) requireLength(leaf, 32, "leaf hash");
  let row = [...leaves];
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i];
      const right = row[i + 1];
      if (left !== undefined) above.push(right === undefined ? left : hashIn("node", left, right));
    }
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw fault("EST_PROTOCOL_RANGE", "a payload has at least one leaf");
  return root.slice();
}

/** Merkle root of a payload, also of an empty one: 32 bytes. */
export function payloadRoot(payload: Uint8Array): Uint8Array {
  return rootOfLeaves(leafHashes(payload), payload.length);
}

/**
 * Indices of the leaves of `payload` that do not match `leaves`, ascending: what has to be fetched again.
 * @throws ProtocolError EST_PROTOCOL_RANGE when the number of hashes does not fit the payload.
 */
export function badLeaves(payload: Uint8Array, leaves: readonly Uint8Array[]): number[] {
  if (leaves.length !== leafCount(payload.length)) {
    throw fault("EST_PROTOCOL_RANGE", `${leaves.length} leaves do not cover ${payload.length} bytes`);
  }
  const bad: number[] = [];
  for (const [index, leaf] of leaves.entries()) {
    if (!sameBytes(leaf, leafHash(payload, index))) bad.push(index);
  }
  return bad;
}
