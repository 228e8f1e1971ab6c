import { encodeAck, encodeReceipts, fromHex, makeAck, signReceipts } from "@estafette/protocol";
import type { DeliveryRecord, EnvelopeId, NewNote } from "@estafette/spool";
import type { Core } from "./core.js";
import type { DeliveryContext } from "./deliveries.js";
import { noteFor, refusalBytes } from "./notes.js";

/** How one delivery ended. */
export interface Served {
  /** Nobody is left to be served. */
  readonly done: boolean;
  /** Somebody was. */
  readonly served: boolean;
  /** Why not, SPEC.md §11.2; null: nothing is said of it, the origin tells by its own count. */
  readonly reason: number | null;
}

/** What the origin is told: at once, and when the last message of the envelope has ended. */
export interface Receipts {
  readonly notes: readonly NewNote[];
  /** Runs in the commit that ends the last one; null: it was alone in its envelope. */
  readonly last: ((all: readonly DeliveryRecord[]) => readonly NewNote[]) | null;
}

export const NO_RECEIPTS: Receipts = { notes: [], last: null };

/**
 * What the origin is told when a delivery has ended. A message alone in its envelope: the receipt if anybody was served
 * (of the others the sender is told from here), else a signed refusal. One of several: a refusal at once, for itself;
 * the rest when all of them have ended.
 */
export function receiptsFor(core: Core, id: EnvelopeId, context: DeliveryContext, now: Served): Receipts {
  const { token, from, place } = context;
  if (!token || !from || !now.done) return NO_RECEIPTS;
  const proof = fromHex(token);
  const note = (bytes: Uint8Array): NewNote => noteFor(core, fromHex(from), bytes);
  const notes: NewNote[] = [];
  if (!now.served && now.reason !== null)
    notes.push(note(refusalBytes(core, id, "refused", now.reason, place)));
  if (place === null && now.served) notes.push(note(encodeAck(makeAck(id, "final", proof))));
  return { notes, last: place === null ? null : lastNotes(core, id, proof, fromHex(from)) };
}

/** One acknowledgement where every message of a batch was handed over, else a receipt that names those which were. */
export function lastNotes(
  core: Core,
  id: EnvelopeId,
  token: Uint8Array,
  from: Uint8Array,
): NonNullable<Receipts["last"]> {
  return (all) => {
    const served = all.filter((d) => d.deliveredCount > 0);
    if (served.length === all.length) return [noteFor(core, from, encodeAck(makeAck(id, "final", token)))];
    const messages = served.flatMap(({ place }) => (place === null ? [] : [place])).sort((a, b) => a - b);
    if (messages.length === 0) return [];
    const said = { id, outcome: "delivered", reason: 0, messages } as const;
    return [noteFor(core, from, encodeReceipts(signReceipts(said, core.identity)))];
  };
}
