import { ByteReader, ByteWriter, fault, requireRange } from "./bytes.js";
import { LIMITS } from "./limits.js";

/*
 * What a chunk holds in the clear (SPEC.md §8.2): compressed blocks.
 *   block: u8 form │ [varint length, when another block follows] │ bytes
 *   form:  1 0x80 codec's own flag │ 0x40 apart │ 0x20 another block follows │ codec id 0…31
 */

const APART = 0x40;
const FOLLOWED = 0x20;
const CODEC_BITS = 0x9f;

/** One compressed piece of the content. */
export interface Block {
  /** As in the header: id 0…31, with 128 added for the other shape of the same codec. */
  readonly codec: number;
  /** Forgets what was opened before it: neither this block nor a later one refers to it. */
  readonly apart: boolean;
  readonly bytes: Uint8Array;
}

/** @throws ProtocolError EST_PROTOCOL_RANGE for no block, too many, or a codec id above 31. */
export function encodeBlocks(blocks: readonly Block[]): Uint8Array {
  requireRange(blocks.length, { min: 1, max: LIMITS.chunkBlocksMax }, "block count");
  const writer = new ByteWriter();
  for (const [index, { codec, apart, bytes }] of blocks.entries()) {
    if ((codec & ~CODEC_BITS) !== 0)
      throw fault("EST_PROTOCOL_RANGE", `codec ${codec} has no place in a block`);
    const followed = index < blocks.length - 1;
    writer.u8(codec | (apart ? APART : 0) | (followed ? FOLLOWED : 0), "block form");
    if (followed) writer.varint(bytes.length, "block length");
    writer.raw(bytes);
  }
  return writer.finish();
}

/**
 * Strict inverse of {@link encodeBlocks}.
 * @throws ProtocolError EST_PROTOCOL_{TRUNCATED,RANGE,ENCODING}.
 */
export function decodeBlocks(bytes: Uint8Array): readonly Block[] {
  const reader = new ByteReader(bytes);
  const blocks: Block[] = [];
  for (let more = true; more; ) {
    requireRange(blocks.length + 1, { min: 1, max: LIMITS.chunkBlocksMax }, "block count");
    const form = reader.u8("block form");
    more = (form & FOLLOWED) !== 0;
    const content = more ? reader.take(reader.varint("block length"), "block") : reader.rest();
    blocks.push({ codec: form & CODEC_BITS, apart: (form & APART) !== 0, bytes: content });
  }
  return blocks;
}
