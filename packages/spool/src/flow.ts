import { createHash } from "node:crypto";
import type { NewEnvelope, NewMessage } from "./records.js";

/** Bytes of a flow: whose turn it is inside a class. */
const FLOW_BYTES = 16;

/** Notes of this node: acks and refusals of all, which are small. */
export const NOTES_FLOW = new Uint8Array(FLOW_BYTES);

/** Of an own user: the account, which he cannot choose; an outsider by the address he writes from. */
export function flowOfMessage({ account, from }: Pick<NewMessage, "account" | "from">): Uint8Array {
  return flowOf(null, new TextEncoder().encode(account ?? `<${from}>`));
}

/** Of somebody else's: the neighbour it came from, then its origin. */
export function flowOfEnvelope({ from, origin }: Pick<NewEnvelope, "from" | "origin">): Uint8Array {
  return flowOf(from, origin ?? new Uint8Array(0));
}

function flowOf(neighbour: Uint8Array | null, sender: Uint8Array): Uint8Array {
  const source = neighbour ?? NOTES_FLOW;
  const hash = createHash("sha256").update("estafette/v1/flow\0").update(source).update(sender);
  return new Uint8Array(hash.digest().subarray(0, FLOW_BYTES));
}
