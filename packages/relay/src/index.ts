export * from "./api.js";
export { compressContent, decompressContent } from "./compression.js";
export { LIMITS as RELAY_LIMITS } from "./limits.js";
export { createRelay } from "./relay.js";
