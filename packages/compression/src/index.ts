export {
  CODEC,
  type Compressed,
  type CompressOptions,
  compressContent,
  decompressContent,
  KNOWN_CODECS,
} from "./compression.js";
export { DICTIONARIES, type Dictionary } from "./dictionaries.js";
export { LIMITS } from "./limits.js";
