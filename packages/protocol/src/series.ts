import { ProtocolError } from "@estafette/contract";
import { ByteReader, ByteWriter, fault, requireCanonical, requireRange } from "./bytes.js";
import {
  beginning,
  type ContentBase,
  type ContentMessage,
  type Expected,
  expectedAfter,
  readMessage,
  writeMessage,
} from "./content.js";
import { LIMITS } from "./limits.js";

/*
 * The content of a chunked payload: messages one after the other, without their number, to be read as far as they
 * are there (SPEC.md §12.1). A message that stands apart shares nothing with those before it: neither sender nor
 * recipients, and no compression context.
 */

/** Writes the messages of a series one by one. */
export class SeriesWriter {
  #expected: Expected;
  #count = 0;
  #contentBytes = 0;

  constructor(base: ContentBase) {
    this.#expected = beginning(base);
  }

  /** @throws ProtocolError EST_PROTOCOL_RANGE, EST_PROTOCOL_ENCODING for values that have no encoding. */
  add(message: ContentMessage, apart: boolean): Uint8Array {
    requireRange(++this.#count, { min: 1, max: LIMITS.contentMessagesMax }, "message count");
    const expected = apart ? strangersTo(this.#expected) : this.#expected;
    const writer = new ByteWriter();
    writeMessage(writer, message, expected);
    const bytes = writer.finish();
    this.#contentBytes += bytes.length;
    requireRange(this.#contentBytes, { min: 1, max: LIMITS.payloadBytesMax }, "content length");
    this.#expected = expectedAfter(message);
    return bytes;
  }
}

/** Reads a series as its bytes arrive. Holds the bytes of one unfinished message, at most the content limit. */
export class SeriesReader {
  #expected: Expected;
  #count = 0;
  #blockCount = 0;
  #contentBytes = 0;
  #held = new Uint8Array(0);
  #heldBytes = 0;
  /** The unfinished message is not looked at again before so much of it is here. */
  #wantedBytes = 0;

  constructor(base: ContentBase) {
    this.#expected = beginning(base);
  }

  /**
   * Before each block is opened, so that a content of many blocks that hold nothing costs no more than the first ones.
   * @param apart The next message begins anew.
   * @throws ProtocolError EST_PROTOCOL_RANGE for more blocks than the content so far allows (SPEC.md §8.2),
   * EST_PROTOCOL_ENCODING for one that stands apart inside a message.
   */
  beginBlock(apart: boolean): void {
    const earned = this.#count + Math.floor(this.#contentBytes / LIMITS.seriesBlockBytes);
    const max = LIMITS.seriesBlocksFree + earned;
    requireRange(++this.#blockCount, { min: 1, max }, "block count");
    if (apart) this.#standApart();
  }

  #standApart(): void {
    if (this.#heldBytes > 0)
      throw fault("EST_PROTOCOL_ENCODING", "a message is cut by one that stands apart");
    this.#expected = strangersTo(this.#expected);
  }

  /**
   * The messages these bytes complete, in order.
   * @throws ProtocolError EST_PROTOCOL_{RANGE,ENCODING,VERSION}.
   */
  push(bytes: Uint8Array): readonly ContentMessage[] {
    this.#append(bytes);
    const messages: ContentMessage[] = [];
    for (let at = 0; ; ) {
      const reader = new ByteReader(this.#held.subarray(at, this.#heldBytes));
      const message = this.#read(reader);
      if (message === null) {
        this.#held.copyWithin(0, at, this.#heldBytes);
        this.#heldBytes -= at;
        return messages;
      }
      messages.push(message);
      at += reader.position;
    }
  }

  /** @throws ProtocolError EST_PROTOCOL_TRUNCATED when a message is unfinished, EST_PROTOCOL_RANGE when there was none. */
  end(): void {
    if (this.#heldBytes > 0) throw fault("EST_PROTOCOL_TRUNCATED", "the content ends inside a message");
    requireRange(this.#count, { min: 1, max: LIMITS.contentMessagesMax }, "message count");
  }

  /** Null: not all of it is here. */
  #read(reader: ByteReader): ContentMessage | null {
    if (reader.left === 0 || reader.left < this.#wantedBytes) return null;
    let message: ContentMessage;
    try {
      message = readMessage(reader, this.#expected);
    } catch (error) {
      if (!(error instanceof ProtocolError && error.code === "EST_PROTOCOL_TRUNCATED")) throw error;
      this.#wantedBytes = reader.wanted;
      return null;
    }
    this.#wantedBytes = 0;
    requireRange(++this.#count, { min: 1, max: LIMITS.contentMessagesMax }, "message count");
    const again = new ByteWriter();
    writeMessage(again, message, this.#expected);
    requireCanonical(reader.taken(), again.finish(), "message");
    this.#expected = expectedAfter(message);
    return message;
  }

  #append(bytes: Uint8Array): void {
    this.#contentBytes += bytes.length;
    requireRange(this.#contentBytes, { min: 0, max: LIMITS.payloadBytesMax }, "content length");
    const total = this.#heldBytes + bytes.length;
    if (total > this.#held.length) {
      const grown = new Uint8Array(Math.max(total, 2 * this.#held.length));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = total;
  }
}

function strangersTo(expected: Expected): Expected {
  return { ...expected, from: null, to: null };
}
