import { compressContent } from "@estafette/compression";
import {
  type Block,
  type ChunkSealer,
  type ContentBase,
  type ContentMessage,
  encodeBlocks,
  encodeContent,
  SeriesWriter,
} from "@estafette/protocol";
import { LIMITS } from "./limits.js";

/*
 *  one message    ──► content ──► compressed ──────────────────────────► sealed whole
 *  several        ──► series  ──► blocks: own accounts together, each outsider apart ──► chunks, each sealed for itself
 */

/** A message of a batch. `apart`: no other message may share a compression context with it. */
export interface Part {
  readonly message: ContentMessage;
  readonly apart: boolean;
}

/** Which codecs the destination opens, and what it remembers of us. */
export interface Known {
  readonly codecs: readonly number[];
  /** Empty: nothing. */
  readonly context: Uint8Array;
}

/** One message, compressed whole. */
export function compressOne(
  { message, apart }: Part,
  base: ContentBase,
  known: Known,
): { codec: number; bytes: Uint8Array; shared: Uint8Array } {
  const content = encodeContent([message], base);
  const after = apart ? NOTHING : known.context;
  const { codec, bytes } = compressContent(content, { codecs: known.codecs, after });
  return { codec, bytes, shared: apart ? NOTHING : joined(known.context, content) };
}

const NOTHING = new Uint8Array(0);

/** What both ends remember after a content: the end of what was shared. */
function joined(before: Uint8Array, content: Uint8Array): Uint8Array {
  return Buffer.concat([before, content]).subarray(-LIMITS.contextBytesMax);
}

/** A row of blocks that becomes one chunk. */
type ChunkBlocks = readonly Block[];

/** Several messages as blocks for chunks of about `chunkBytesMax` compressed bytes. Shared ones come first. */
export function compressBatch(
  parts: readonly Part[],
  base: ContentBase,
  known: Known,
  chunkBytesMax: number,
): { readonly chunks: readonly ChunkBlocks[]; readonly shared: Uint8Array } {
  const writer = new SeriesWriter(base);
  const packer = new ChunkPacker(known, chunkBytesMax);
  for (const { message } of parts.filter((p) => !p.apart)) packer.add(writer.add(message, false));
  packer.flush();
  const shared = packer.history.subarray(-LIMITS.contextBytesMax);
  for (const { message } of parts.filter((p) => p.apart)) {
    packer.standApart();
    packer.add(writer.add(message, true));
    packer.flush();
  }
  return { chunks: packer.done(), shared };
}

/** Cuts a series into pieces whose compressed size fits a chunk, each referring to what came before it. */
class ChunkPacker {
  readonly #chunks: Block[][] = [];
  #open: Block[] = [];
  #openBytes = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #apart = false;
  /** Content bytes per compressed byte, as seen last. */
  #ratio = 2;
  history: Uint8Array;

  constructor(
    readonly known: Known,
    readonly chunkBytesMax: number,
  ) {
    this.history = known.context;
  }

  add(content: Uint8Array): void {
    this.#waiting.push(content);
    this.#waitingBytes += content.length;
    while (this.#waitingBytes > this.#pieceBytes()) this.#compress(this.#take(this.#pieceBytes()));
  }

  /** Everything added so far is compressed; what follows begins another block. */
  flush(): void {
    while (this.#waitingBytes > 0) this.#compress(this.#take(this.#pieceBytes()));
  }

  standApart(): void {
    this.#apart = true;
    this.history = NOTHING;
  }

  done(): readonly ChunkBlocks[] {
    this.#close();
    return this.#chunks;
  }

  #pieceBytes(): number {
    return Math.min(
      LIMITS.batchPieceBytesMax,
      Math.max(LIMITS.batchPieceBytesMin, Math.floor(this.chunkBytesMax * this.#ratio)),
    );
  }

  #take(bytesMax: number): Uint8Array {
    const all = this.#waiting.length === 1 ? (this.#waiting[0] ?? NOTHING) : Buffer.concat(this.#waiting);
    const piece = all.subarray(0, bytesMax);
    const rest = all.subarray(bytesMax);
    this.#waiting = rest.length > 0 ? [rest] : [];
    this.#waitingBytes = rest.length;
    return piece;
  }

  #compress(piece: Uint8Array): void {
    const { codec, bytes } = compressContent(piece, { codecs: this.known.codecs, after: this.history });
    const tooLong = bytes.length > this.chunkBytesMax && piece.length > LIMITS.batchPieceBytesMin;
    this.#ratio = Math.max(1, piece.length / Math.max(1, bytes.length));
    if (tooLong) {
      const half = Math.ceil(piece.length / 2);
      this.#compress(piece.subarray(0, half));
      this.#compress(piece.subarray(half));
      return;
    }
    if (this.#openBytes + bytes.length > this.chunkBytesMax || this.#open.length >= LIMITS.chunkBlocksMax)
      this.#close();
    this.#open.push({ codec, apart: this.#apart, bytes });
    this.#openBytes += bytes.length;
    this.#apart = false;
    this.history = Buffer.concat([this.history, piece]).subarray(-LIMITS.historyBytesMax);
  }

  #close(): void {
    if (this.#open.length > 0) this.#chunks.push(this.#open);
    this.#open = [];
    this.#openBytes = 0;
  }
}

/** The payload: salt and chunks. */
export function sealBatch(sealer: ChunkSealer, chunks: readonly ChunkBlocks[]): Uint8Array {
  const sealed = chunks.map((blocks, index) =>
    sealer.seal(encodeBlocks(blocks), index === chunks.length - 1),
  );
  return Buffer.concat([sealer.salt, ...sealed]);
}
