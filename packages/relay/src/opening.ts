import { decompressContent } from "@estafette/compression";
import { ProtocolError } from "@estafette/contract";
import {
  ChunkOpener,
  type ContentMessage,
  decodeBlocks,
  decodeContent,
  encodeHeaderPrefix,
  type Header,
  openSealed,
  type PublicKeys,
  SeriesReader,
} from "@estafette/protocol";
import type { Core } from "./core.js";
import { LIMITS } from "./limits.js";
import { RecentBytes } from "./recent-bytes.js";

/** Who opens. */
type Self = Pick<Core, "identity">;

/** Whose envelope is opened: one for us, or one of our own on its way to `recipient`. */
export interface Opening {
  readonly header: Header;
  readonly origin: PublicKeys;
  readonly recipient?: PublicKeys;
  /** What the header's context slot holds; empty: the header names none. */
  readonly context: Uint8Array;
}

/** An opened content. */
export interface Opened {
  readonly messages: readonly ContentMessage[];
  /** The end of what was shared, as a context for later contents. */
  readonly shared: Uint8Array;
}

/** @throws ProtocolError when the seal does not open or the content is not one. */
export function openPayload(core: Self, opening: Opening, payload: Uint8Array): Opened {
  const { header } = opening;
  if (!header.chunked) return openWhole(core, opening, payload);
  const batch = new BatchOpening(core, opening);
  const messages = batch.push(payload);
  batch.end();
  return { messages, shared: batch.shared };
}

function openWhole(core: Self, opening: Opening, payload: Uint8Array): Opened {
  const { header, context } = opening;
  const { staticSeal } = header;
  const bytes =
    header.mode === "clear-signed"
      ? payload
      : openSealed({ ...sealedFor(core, opening), payload, staticSeal });
  const content = decompressContent(header.codec, bytes, context);
  const shared = Buffer.concat([context, content]).subarray(-LIMITS.contextBytesMax);
  return { messages: decodeContent(content, baseOf(header)), shared };
}

function sealedFor(core: Self, { header, origin, recipient, context }: Opening) {
  const common = { identity: core.identity, origin, prefix: encodeHeaderPrefix(header), context };
  return recipient ? { ...common, recipient } : common;
}

function baseOf({ epoch, sequence, class: messageClass, lifetimeS }: Header) {
  return { epoch, sequence, class: messageClass, lifetimeS };
}

/** Opens a chunked payload as far as it is there: each message comes out with the chunk that completes it. */
export class BatchOpening {
  readonly #opener: ChunkOpener;
  readonly #series: SeriesReader;
  readonly #payloadBytes: number;
  readonly #before: RecentBytes;
  /** What was shared, once a message stood apart; null: all that was opened is. */
  #shared: Uint8Array | null = null;

  constructor(core: Self, opening: Opening) {
    this.#opener = new ChunkOpener(sealedFor(core, opening));
    this.#series = new SeriesReader(baseOf(opening.header));
    this.#payloadBytes = opening.header.payloadBytes;
    this.#before = new RecentBytes(LIMITS.historyBytesMax, opening.context);
  }

  /** The end of what was shared, as a context for later contents. */
  get shared(): Uint8Array {
    return this.#shared ?? this.#before.bytes.slice(-LIMITS.contextBytesMax);
  }

  /**
   * The messages that are complete now and were not before.
   * @param held The payload from its beginning, as far as it is there without a gap; longer at each call.
   * @throws ProtocolError as {@link openPayload}; then nothing more can come of it.
   */
  push(held: Uint8Array): readonly ContentMessage[] {
    const messages: ContentMessage[] = [];
    for (;;) {
      const chunk = this.#opener.next(held, this.#payloadBytes);
      if (chunk === null) return messages;
      for (const { codec, apart, bytes } of decodeBlocks(chunk)) {
        this.#series.beginBlock(apart);
        if (apart) this.#forgetBefore();
        const content = decompressContent(codec, bytes, this.#before.bytes);
        this.#before.add(content);
        messages.push(...this.#series.push(content));
      }
    }
  }

  /** @throws ProtocolError EST_PROTOCOL_TRUNCATED when the payload ended inside a message. */
  end(): void {
    this.#series.end();
  }

  #forgetBefore(): void {
    this.#shared = this.shared;
    this.#before.clear();
  }
}

/** Whether a seal did not open. With a context in the header it may be the context that differs. */
export function isSealFault(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === "EST_PROTOCOL_SIGNATURE";
}
