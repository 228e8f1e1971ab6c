/**
 * Every bound of the protocol: unit in the name, and beside each what happens at the bound. Numbers are our
 * choice unless a document is cited; SPEC.md repeats them as a table.
 */
export const LIMITS = {
  /** Immutable bytes of one envelope. The longest that can be built is 256; longer input is refused. */
  headerBytesMax: 256,
  /** Hops used, age, relay index, key record and chain together. Longer input is refused. */
  transitBytesMax: 2_200,
  /** Immutable bytes, signature and transit together. Longer input is refused. */
  headBytesMax: 2_560,
  /** Entries in an origin's relay list. More are refused at encoding and decoding. */
  relaysMax: 8,
  /**
   * Relays an envelope may pass. A header that asks for more is refused; at the limit a relay answers
   * NEVER.
   */
  hopMax: 16,
  /** Relative lifetime in seconds: one hour to thirty days. Outside, the header is refused. */
  lifetimeSMin: 3_600,
  lifetimeSMax: 2_592_000,
  /** Accumulated age in seconds, far beyond any lifetime. Larger is refused; counting stops there. */
  ageSMax: 0xffff_ffff,
  /** Creation time in seconds after 2020-01-01 UTC, reaching to the year 2156. Larger is refused. */
  createdOffsetSMax: 0xffff_ffff,
  /** Largest sequence number, and largest value of any varint (2⁵³−1: exact in a double). */
  varintMax: Number.MAX_SAFE_INTEGER,
  /** Payload as carried: compressed and sealed. 10 MiB; larger is refused before any of it is read. */
  payloadBytesMax: 10_485_760,
  /** Bytes under one Merkle leaf. The last leaf may be shorter. */
  leafBytes: 1_024,
  /** Chain entries carried in full. A seventeenth pushes the oldest into the elided digest. */
  chainEntriesMax: 16,
  /** Entries of a chain, elided or not: the origin and {@link hopMax} relays. More is refused. */
  chainLengthMax: 17,
  /** Messages in one envelope. More are refused; compose makes another envelope. */
  contentMessagesMax: 256,
  /** Compressed blocks in one chunk. More are refused; compose begins another chunk. */
  chunkBlocksMax: 256,
  /**
   * Blocks of one series: 16, and one more for each message and each 128 bytes that those before it gave. More are
   * refused. Each block costs a receiver about 50 µs whatever it holds, so what a sender can make it work is in
   * proportion to the content. An origin that cuts blocks of 128 bytes or more, or at the end of a message, keeps it.
   */
  seriesBlocksFree: 16,
  seriesBlockBytes: 128,
  /** Recipients of one message. More are refused. */
  recipientsMax: 50,
  /** UTF-8 bytes of one mail address (RFC 5321 §4.5.3.1.3 allows a path of 256 with its brackets). */
  mailAddressBytesMax: 254,
  /** Bytes of one note (ack, receipt). Longer input is refused. */
  noteBytesMax: 256,
  /** Characters of a written address. Longer text is refused before it is looked at. */
  addressTextMax: 64,
  /** Public keys remembered with the verdict of the key gate. At the bound the least recently used goes. */
  keyCacheEntries: 1_024,
  /** X25519 secrets an identity remembers, by the other key. At the bound the oldest goes and is computed again. */
  agreedSecretsMax: 256,
  /** Plaintext of one record sealed at rest, in bytes. More is a mistake of the caller. */
  atRestBytesMax: 16_777_216,
} as const;
