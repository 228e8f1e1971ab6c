export * from "./ack.js";
export * from "./address.js";
export {
  appendEntry,
  type Chain,
  type ChainEntry,
  chainDigest,
  chainLength,
  decodeChain,
  type EntryDraft,
  elideChain,
  emptyChain,
  encodeChain,
  isChainMissing,
} from "./chain.js";
export * from "./content.js";
export * from "./envelope.js";
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
