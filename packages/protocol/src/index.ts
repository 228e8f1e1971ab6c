export * from "./ack.js";
export * from "./address.js";
export { type Block, decodeBlocks, encodeBlocks } from "./blocks.js";
export {
  appendEntry,
  type Chain,
  type ChainEntry,
  chainDigest,
  chainLength,
  decodeChain,
  directChain,
  type EntryDraft,
  elideChain,
  emptyChain,
  encodeChain,
  isChainMissing,
} from "./chain.js";
export { ChunkOpener, ChunkSealer } from "./chunks.js";
export * from "./compact.js";
export { type ContentBase, type ContentMessage, decodeContent, encodeContent } from "./content.js";
export {
  type ContextUse,
  decodeHeader,
  encodeHeader,
  encodeHeaderPrefix,
  envelopeIdOf,
  type Header,
  type HeaderPrefix,
  type Mode,
  readSignedHeader,
  type SignedHeader,
  signHeader,
  verifyHeader,
} from "./envelope.js";
export { decodeGreeting, encodeGreeting, type Held } from "./greeting.js";
export * from "./head.js";
export {
  createIdentity,
  type Identity,
  PURPOSES,
  type PublicKeys,
  type Purpose,
  publicKeysOf,
  type RotatedSecrets,
  verify,
} from "./identity.js";
export { admitKey, admitSealingKey } from "./key-gate.js";
export * from "./key-record.js";
export * from "./limits.js";
export * from "./path.js";
export * from "./payload.js";
export * from "./seal.js";
export type { SealedFor } from "./seal-key.js";
export { SeriesReader, SeriesWriter } from "./series.js";
