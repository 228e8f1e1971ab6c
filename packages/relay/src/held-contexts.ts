import type { Peer } from "./directory.js";
import { LIMITS } from "./limits.js";
import { type Keeper, readSealed, writeSealed } from "./sealed-state.js";

/**
 * Compression contexts as destination: contents of configured peers that their later contents refer to. Of others
 * nothing is kept; what they refer to is refused, and they send it anew.
 */
export class HeldContexts {
  constructor(readonly core: Keeper) {}

  async get(origin: Peer, slot: number): Promise<Uint8Array | null> {
    return await readSealed(this.core, slotName(origin, slot));
  }

  /** Kept before the envelope that defines it is accepted: the origin refers to it only after that. */
  async put(origin: Peer, slot: number, content: Uint8Array): Promise<void> {
    const mask = await this.mask(origin);
    await writeSealed(this.core, slotName(origin, slot), content.subarray(-LIMITS.contextBytesMax));
    const next = mask | (1 << slot);
    if (next !== mask) await writeSealed(this.core, maskName(origin), Uint8Array.of(next >>> 8, next & 255));
  }

  /** One bit for each slot that is held. */
  async mask(origin: Peer): Promise<number> {
    const bytes = await readSealed(this.core, maskName(origin));
    return bytes?.length === 2 ? (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0) : 0;
  }
}

function maskName(origin: Peer): string {
  return `context-held/${origin.addressHex}`;
}

function slotName(origin: Peer, slot: number): string {
  return `${maskName(origin)}/${slot}`;
}
